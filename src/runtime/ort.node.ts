import * as ort from "onnxruntime-node";
import type { Device, Runtime } from "../runtime.ts";
import { ortRuntime } from "./ort.ts";

// What fails is thrown; logging it too would break the rule of one error on stderr.
ort.env.logLevel = "fatal";

/** ONNX Runtime's native build. @throws device, on load, where the device is missing */
export function nodeRuntime(device: Device = "cpu", threads = 0): Runtime {
  return ortRuntime(ort, { device, threads });
}

import * as ort from "onnxruntime-node";
import type { Device, Runtime } from "../runtime.ts";
import { ortRuntime } from "./ort.ts";

/** ONNX Runtime's native build. @throws device, on load, where the device is missing */
export function nodeRuntime(device: Device = "cpu", threads = 0): Runtime {
  return ortRuntime(ort, {
    name: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`,
    device,
    threads,
  });
}

import type { Runtime } from "../runtime.ts";
import { ortRuntime } from "./ort.ts";

export interface WebOptions {
  /**
   * By default 0: ONNX Runtime chooses, up to 4, and 1 in a page that is not cross-origin isolated. They belong to the
   * page or process: the first graph loaded settles them.
   */
  readonly threads?: number;
}

/** ONNX Runtime's WebAssembly build: for the browser, and for Node where the native build is missing. */
export async function webRuntime({ threads = 0 }: WebOptions = {}): Promise<Runtime> {
  const ort = await import("onnxruntime-web/wasm");
  ort.env.wasm.numThreads = threads;
  const version = ort.env.versions.web ?? ort.env.versions.common;
  return ortRuntime(ort, { name: `onnxruntime-web ${version}`, device: "cpu" });
}

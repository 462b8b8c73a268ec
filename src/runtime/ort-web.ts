import { PerturbError } from "../errors.ts";
import type { Device, Runtime } from "../runtime.ts";
import { ortRuntime } from "./ort.ts";

export interface WebOptions {
  /** By default the CPU, by WebAssembly. "webgpu" needs a browser with an adapter; its build is fetched only then. */
  readonly device?: Exclude<Device, "cuda">;
  /**
   * By default 0: ONNX Runtime chooses, up to 4, and 1 in a page that is not cross-origin isolated. They belong to the
   * page or process: the first graph loaded settles them.
   */
  readonly threads?: number;
}

/**
 * ONNX Runtime's builds for the browser: WebAssembly, also for Node where the native build is missing, and WebGPU.
 * Their package, onnxruntime-web, is an optional one.
 * @throws not-found where it is not installed; device, on load, where there is no WebGPU adapter
 */
export async function webRuntime({ device = "cpu", threads = 0 }: WebOptions = {}): Promise<Runtime> {
  const loading = device === "webgpu" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm");
  const ort = await loading.catch(explainMissing);
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "fatal";
  return ortRuntime(ort, { device });
}

function explainMissing(cause: unknown): never {
  if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
  throw new PerturbError("not-found", "onnxruntime-web is not installed. Run: npm install onnxruntime-web.", { cause });
}

import { Worker } from "node:worker_threads";
import { PerturbError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { threadFailure } from "../thread-failure.ts";
import { remote } from "./remote.ts";

export interface ThreadRuntime extends Runtime {
  /** Ends the thread; whatever still runs in it is lost. */
  close(): Promise<void>;
}

/**
 * ONNX Runtime on the CPU in a thread of its own, on one core: the native call blocks the thread that makes it. Two
 * graphs on two such runtimes run side by side.
 */
export function threadRuntime(): ThreadRuntime {
  const worker = new Worker(new URL("./thread-worker.node.js", import.meta.url));
  const { load, heard, fail } = remote((request) => worker.postMessage(request));
  worker.on("message", heard);
  worker.on("error", (cause) => fail(threadFailure(cause)));
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  worker.on("exit", () => fail(new PerturbError("cancelled", "The worker thread has ended.")));
  return {
    name: "onnxruntime-node, in a thread",
    device: "cpu",
    load,
    async close() {
      // A thread that is ended inside a native call takes the process with it: it ends itself, between two calls.
      worker.postMessage("close");
      await ended;
    },
  };
}

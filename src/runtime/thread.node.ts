import { Worker } from "node:worker_threads";
import { type ErrorCode, PerturbError } from "../errors.ts";
import type { Program, Runtime } from "../runtime.ts";
import type { Tensor } from "../tensor.ts";
import { threadFailure } from "../thread-failure.ts";

type Tensors = Readonly<Record<string, Tensor>>;

export type ThreadRequest =
  | { readonly id: number; readonly do: "load"; readonly model: Uint8Array; readonly folder: string | undefined }
  | {
      readonly id: number;
      readonly do: "run";
      readonly program: number;
      readonly feeds: Tensors;
      readonly fetches: readonly string[] | undefined;
    }
  | { readonly id: number; readonly do: "release"; readonly program: number };

export interface LoadedProgram {
  readonly program: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export type ThreadAnswer =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly data: Readonly<Record<string, unknown>>;
      };
    };

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

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
  const pending = new Map<number, Pending>();
  let count = 0;
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  worker.on("message", (answer: ThreadAnswer) => {
    const waiting = pending.get(answer.id);
    pending.delete(answer.id);
    if ("result" in answer) waiting?.resolve(answer.result);
    else waiting?.reject(new PerturbError(answer.error.code, answer.error.message, { data: answer.error.data }));
  });
  worker.on("error", (cause) => fail(threadFailure(cause)));
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  worker.on("exit", () => fail(new PerturbError("cancelled", "The worker thread has ended.")));
  const ask = <T>(
    request:
      | Omit<Extract<ThreadRequest, { do: "load" }>, "id">
      | Omit<Extract<ThreadRequest, { do: "run" }>, "id">
      | Omit<Extract<ThreadRequest, { do: "release" }>, "id">,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure);
      const id = count++;
      pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      worker.postMessage({ id, ...request });
    });
  return {
    name: "onnxruntime-node, in a thread",
    device: "cpu",
    async load(model, folder): Promise<Program> {
      const { program, inputs, outputs } = await ask<LoadedProgram>({ do: "load", model, folder });
      return {
        inputs,
        outputs,
        run: (feeds, fetches) => ask<Record<string, Tensor>>({ do: "run", program, feeds, fetches }),
        release: () => ask<void>({ do: "release", program }),
      };
    },
    async close() {
      // A thread that is ended inside a native call takes the process with it: it ends itself, between two calls.
      worker.postMessage("close");
      await ended;
    },
  };
}

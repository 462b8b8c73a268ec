import { Worker } from "node:worker_threads";
import { checkSignal, type ErrorCode, PerturbError } from "../../errors.ts";
import type { ClassifierFile } from "../../models/classifier/classifier.ts";
import { threadFailure } from "../../thread-failure.ts";
import { type Counter, DRAWS_AT_ONCE, type Draws, type NoiseOptions } from "./counter.ts";

/** What a thread is told: first whose draws it counts, then draws, then to end. */
export type DrawTask = { readonly file: ClassifierFile; readonly noise: NoiseOptions } | Draws | "close";

export type DrawAnswer =
  | { readonly counts: Int32Array }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly data: Readonly<Record<string, unknown>>;
      };
    };

/** A thread with ONNX Runtime on one core of its own. */
interface Thread {
  count(draws: Draws): Promise<Int32Array>;
  close(): Promise<void>;
}

/** Threads that count draws. */
export interface DrawThreads {
  readonly count: Counter;
  close(): Promise<void>;
}

/** Batches of a task: so that threads end at nearly the same time, and a stop is soon. */
const BATCHES = 5;

/** Counts the draws of a classifier in threads, each of which makes its noise and runs the network; counts do not depend on them. */
export function drawThreads(file: ClassifierFile, noise: NoiseOptions, size: number): DrawThreads {
  const threads = Array.from({ length: size }, () => startThread(file, noise));
  const step = BATCHES * (noise.batch ?? DRAWS_AT_ONCE);
  return {
    async count(draws, signal) {
      const total = new Int32Array(file.classes);
      let next = draws.from;
      const work = async (thread: Thread): Promise<void> => {
        while (next < draws.to) {
          checkSignal(signal);
          const from = next;
          next = Math.min(from + step, draws.to);
          const counts = await thread.count({ ...draws, from, to: next });
          for (let j = 0; j < total.length; j++) total[j]! += counts[j]!;
        }
      };
      await Promise.all(threads.map(work));
      return total;
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

function startThread(file: ClassifierFile, noise: NoiseOptions): Thread {
  const worker = new Worker(new URL("./draw-worker.node.js", import.meta.url));
  let waiting: { resolve: (counts: Int32Array) => void; reject: (error: Error) => void } | undefined;
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    waiting?.reject(error);
  };
  const send = (task: DrawTask): void => worker.postMessage(task);
  worker.on("message", (answer: DrawAnswer) => {
    const asked = waiting;
    waiting = undefined;
    if ("counts" in answer) asked?.resolve(answer.counts);
    else asked?.reject(new PerturbError(answer.error.code, answer.error.message, { data: answer.error.data }));
  });
  worker.on("error", (cause) => fail(threadFailure(cause)));
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("exit", () => fail(new PerturbError("cancelled", "The thread has ended.")));
  send({ file, noise });
  return {
    count: (draws) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting = { resolve, reject };
        send(draws);
      }),
    close() {
      // A thread that is ended inside a native call takes the process with it: it ends itself, between two calls.
      send("close");
      return ended;
    },
  };
}

import { expose, transfer } from "comlink";
import { datasetOf } from "../../../src/datasets/in-memory.ts";
import { PerturbError } from "../../../src/errors.ts";
import { type HardenOptions, harden } from "../../../src/harden/harden.ts";
import type { HardenState } from "../../../src/harden.ts";
import { webRuntime } from "../../../src/runtime/ort-web.ts";
import { failureOf } from "../engine.ts";
import type { HardenedModel, HardenWord } from "../hardening.ts";
import { breathing } from "./breathing.ts";
import type { ModelSource } from "./opened.ts";

/** Samples, and how the network learns from them. */
export interface Lesson {
  readonly name: string;
  readonly x: Float32Array;
  readonly shape: readonly number[];
  readonly labels: Int32Array;
  readonly classes: number;
  readonly epsilon: number;
  readonly epochs: number;
  readonly batch: number;
  readonly validation: number;
}

/** What trains, in a thread of its own. */
export interface HardenThread {
  /** Ends by itself or by `stop`, with the best epoch so far. @throws whatever `harden` throws, as plain data; cancelled before the first epoch */
  harden(source: ModelSource, lesson: Lesson, hear: (word: HardenWord) => void): Promise<Omit<HardenedModel, "unseen">>;
  stop(): Promise<void>;
}

const stopping = new AbortController();

/** Twice that of the command line: a minute has few steps, and the best epoch is kept. */
const RATE = 0.004;

async function train(
  { bytes, options }: ModelSource,
  { epsilon, epochs, batch, validation, name, ...samples }: Lesson,
  hear: (word: HardenWord) => void,
): Promise<Omit<HardenedModel, "unseen">> {
  const runtimes = [breathing(await webRuntime({ threads: 1 }))] as const;
  const common: HardenOptions = { ...options, name, epsilon, batch, validation, rate: RATE, runtimes };
  const data = datasetOf({ ...samples, name });
  const began = performance.now();
  let state: HardenState | undefined;
  const finish = ({ model, best, history }: Awaited<ReturnType<typeof harden>>) =>
    transfer({ bytes: model, best, history }, [model.buffer]);
  try {
    return finish(
      await harden(bytes, data, {
        ...common,
        epochs,
        signal: stopping.signal,
        onProgress: ({ done, total, history }) =>
          hear({ done, total, rate: (1000 * done) / (performance.now() - began), history }),
        save: async (saved) => {
          state = saved;
        },
      }),
    );
  } catch (error) {
    const isStopped = error instanceof PerturbError && error.code === "cancelled";
    if (!isStopped || !state || state.history.length < 2) throw error;
    // Nothing is left to do of the epochs that have ended: this writes the best of them.
    return finish(await harden(bytes, data, { ...common, epochs: state.history.length - 1, resume: state }));
  }
}

const thread: HardenThread = {
  async harden(source, lesson, hear) {
    try {
      return await train(source, lesson, hear);
    } catch (error) {
      throw failureOf(error);
    }
  },
  stop: async () => stopping.abort(),
};
expose(thread);

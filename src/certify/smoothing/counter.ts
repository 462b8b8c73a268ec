import { checkSignal } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { argmax, type FloatTensor } from "../../tensor.ts";
import { fillNormals } from "./normals.ts";

/** Which draws: those that choose the class are independent of those that bound its probability. */
export const STREAMS = { selection: 0, estimation: 1 } as const;
export type Stream = keyof typeof STREAMS;

/** The draws `from` up to `to` (not including it) around one sample. */
export interface Draws {
  /** The sample, [...inputShape]. */
  readonly x: Float32Array;
  /** Its index in the data set: the key of its noise. */
  readonly sample: number;
  readonly stream: Stream;
  readonly from: number;
  readonly to: number;
}

/** How often each class is predicted, [classes]. Draws whose scores hold NaN count for none. */
export type Counter = (draws: Draws, signal?: AbortSignal) => Promise<Int32Array>;

export interface NoiseOptions {
  readonly sigma: number;
  readonly seed: number;
  /** Draws that the model is asked about at a time. */
  readonly batch?: number | undefined;
}

/** Draws at a time: more do not make small networks faster. */
export const DRAWS_AT_ONCE = 100;

/**
 * Asks a model in this thread: any that has logits. The noise of a draw depends on seed, sample, stream and the number of the draw
 * alone. In float32, it is σ z and the input x + σ z, each rounded once, as ONNX computes them.
 */
export function counterOf(model: Model, { sigma, seed, batch = DRAWS_AT_ONCE }: NoiseOptions): Counter {
  return async ({ x, sample, stream, from, to }, signal) => {
    const counts = new Int32Array(model.classes);
    const size = x.length;
    for (let start = from; start < to; start += batch) {
      checkSignal(signal);
      const n = Math.min(batch, to - start);
      const noisy = standardNoise(size, { seed, sample, stream, from: start, to: start + n });
      for (let row = 0; row < noisy.length; row += size)
        for (let j = 0; j < size; j++) noisy[row + j] = x[j]! + Math.fround(noisy[row + j]! * sigma);
      const tensor: FloatTensor = { type: "float32", dims: [n, ...model.inputShape], data: noisy };
      const { data } = await model.logits(tensor, new Int32Array(n).fill(sample));
      for (let row = 0; row < n; row++) {
        const best = argmax(data, row * model.classes, model.classes);
        if (best >= 0) counts[best]!++;
      }
    }
    return counts;
  };
}

/** The noise of some draws before it is multiplied by σ, [to - from, size]. */
export function standardNoise(
  size: number,
  { seed, sample, stream, from, to }: Omit<Draws, "x"> & { readonly seed: number },
): Float32Array {
  const noise = new Float32Array((to - from) * size);
  for (let draw = from; draw < to; draw++)
    fillNormals(noise, [(draw - from) * size, (draw - from + 1) * size], [seed, sample, STREAMS[stream], draw]);
  return noise;
}

import { PerturbError } from "../../errors.ts";
import type { InnerTask } from "../../harden.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";

/** Options of methods that train for a smoothed classifier. */
export interface NoiseOptions {
  readonly sigma: number;
  readonly draws: number;
}

export const noiseAbout = {
  sigma: "standard deviation of the noise, in units of the input (σ)",
  draws: "noisy copies of each sample",
} as const;

/** @throws usage unless σ is above 0, and there are at least so many draws */
export function checkNoise(method: string, { sigma, draws }: NoiseOptions, least = 1): void {
  if (!(sigma > 0)) throw new PerturbError("usage", `${method}.sigma must be above 0, got ${sigma}.`);
  if (!(Number.isInteger(draws) && draws >= least))
    throw new PerturbError("usage", `${method}.draws is a whole number from ${least} up, got ${draws}.`);
}

/** σ·N(0, 1) for each draw of each sample, one draw after another: [n·draws, ...]. */
export function noiseOf({ x, random }: Pick<InnerTask, "x" | "random">, { sigma, draws }: NoiseOptions): Float32Array {
  const each = draws * sampleSize(x);
  const noise = new Float32Array(x.dims[0]! * each);
  for (let i = 0; i < x.dims[0]!; i++) {
    const source = random(i);
    for (let j = i * each; j < (i + 1) * each; j++) noise[j] = sigma * source.normal();
  }
  return noise;
}

/** Each sample with each of its draws added, [n·draws, ...]. It may leave the bounds, as it does where the smoothed classifier is asked. */
export function withNoise(x: FloatTensor, noise: Float32Array): FloatTensor {
  const size = sampleSize(x);
  const draws = noise.length / x.data.length;
  const data = noise.map((v, j) => x.data[Math.floor(j / (draws * size)) * size + (j % size)]! + v);
  return { type: "float32", dims: [x.dims[0]! * draws, ...x.dims.slice(1)], data };
}

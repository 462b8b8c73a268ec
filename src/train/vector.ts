import type { Architecture } from "../architecture.ts";
import { randomFor } from "../random.ts";
import { type FloatTensor, product } from "../tensor.ts";
import { STREAM } from "./streams.ts";

/** All parameters of a network in one vector, one after another in the architecture's order. */
export type Shapes = Pick<Architecture, "parameters">;

export const parameterNames = ({ parameters }: Shapes): string[] => Object.keys(parameters);

export const vectorSize = ({ parameters }: Shapes): number =>
  Object.values(parameters).reduce((sum, dims) => sum + product(dims), 0);

/** Each parameter by its name, as a view of the vector. */
export function parameterViews({ parameters }: Shapes, vector: Float32Array): Record<string, FloatTensor> {
  let start = 0;
  return Object.fromEntries(
    Object.entries(parameters).map(([name, dims]): [string, FloatTensor] => {
      const data = vector.subarray(start, start + product(dims));
      start += data.length;
      return [name, { type: "float32", dims, data }];
    }),
  );
}

/**
 * Parameters before training, as torch initialises its layers: weights and biases alike are uniform in ±1/√fan_in
 * (He et al. 2015, https://arxiv.org/abs/1502.01852, with torch's a = √5).
 */
export function initialVector(architecture: Architecture, seed: number): Float32Array {
  const vector = new Float32Array(vectorSize(architecture));
  Object.entries(parameterViews(architecture, vector)).forEach(([name, { data }], i) => {
    const weight = architecture.parameters[name.replace(/\bbias$/, "weight")]!;
    const bound = 1 / Math.sqrt(product(weight.slice(1)));
    const random = randomFor(seed, i, STREAM.parameters);
    for (let j = 0; j < data.length; j++) data[j] = bound * (2 * random.uniform() - 1);
  });
  return vector;
}

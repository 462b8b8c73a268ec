import type { Architecture } from "../architecture.ts";
import { randomFor } from "../random.ts";
import { type FloatTensor, product } from "../tensor.ts";
import type { Initializer } from "../train.ts";
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

/** Parameters before training, each drawn from its own stream. */
export function initialVector(architecture: Architecture, seed: number, draw: Initializer): Float32Array {
  const vector = new Float32Array(vectorSize(architecture));
  Object.entries(parameterViews(architecture, vector)).forEach(([name, { data }], i) => {
    const weight = architecture.parameters[name.replace(/\bbias$/, "weight")]!;
    const fanIn = product(weight.slice(1));
    const kind = /\bbias$/.test(name) ? "bias" : "weight";
    const random = randomFor(seed, i, STREAM.parameters);
    for (let j = 0; j < data.length; j++) data[j] = draw(random, fanIn, kind);
  });
  return vector;
}

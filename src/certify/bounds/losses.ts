import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { type Ends, givenOf, lowered } from "./batches.ts";
import type { Box } from "./box.ts";
import type { BoundPrograms } from "./programs.ts";
import type { Layer } from "./terms.ts";

/**
 * What a bound by CROWN is made of: bound = value - Σ layers - linear - rounding. What is linear loses as much as a step of FGSM takes of a linear
 * model, and a layer what its lines are off at the centre of the box, times the coefficients that reach them.
 */
export interface Losses {
  /** Of the network, at the centre of the box. */
  readonly value: number;
  readonly layers: Float64Array;
  readonly linear: number;
  readonly rounding: number;
  readonly bound: number;
}

/** The layers of a network, in its order, and what they lose in one bound of each sample. */
export interface LossesOf {
  readonly layers: readonly Layer[];
  readonly samples: readonly Losses[];
}

/** @param seed coefficients of the output, one row for each sample of the box */
export async function lossesOf(programs: BoundPrograms, box: Box, ends: Ends, seed: FloatTensor): Promise<LossesOf> {
  const given = givenOf(programs.frontiers, box, ends);
  const { least } = given;
  const program = await programs.terms(least !== undefined);
  const all: Record<string, FloatTensor> = { ...given.rows, ...given.samples, seed };
  const results = await program.run(Object.fromEntries(program.inputs.map((name) => [name, all[name]!])));
  const bounds = results[least ? "base" : "bound"]!.data as Float64Array;
  const terms = results["terms"]!.data as Float64Array;
  const slope = results["slope"] as FloatTensor;
  // One operator of the file may be written in several.
  const names = [...programs.layers.values()];
  const keys = names.map(({ op, node }) => `${op} ${node}`);
  const distinct = [...new Set(keys)];
  const width = terms.length / bounds.length;
  return {
    layers: distinct.map((key) => names[keys.indexOf(key)]!),
    samples: Array.from(bounds, (bound, i): Losses => {
      const [start, rest, ownLinear, ...own] = terms.subarray(i * width, (i + 1) * width);
      const size = sampleSize(slope);
      const ball = least ? least.bound(slope.data.subarray(i * size, (i + 1) * size) as Float32Array, i) : 0;
      const layers = new Float64Array(distinct.length);
      for (const [k, loss] of own.entries()) layers[distinct.indexOf(keys[k]!)]! -= loss;
      return {
        value: start!,
        layers,
        linear: -(ownLinear! + ball),
        rounding: -rest!,
        bound: least ? lowered(bound, ball) : bound,
      };
    }),
  };
}

import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { type Ends, givenOf, lowered } from "./batches.ts";
import type { Box } from "./box.ts";
import type { BoundPrograms } from "./programs.ts";
import type { Layer } from "./terms.ts";

/**
 * What a bound by CROWN is made of: bound = value - Σ layers - linear - rounding. The linear part loses what a step of FGSM takes of a linear
 * model, and a layer what its lines are off at the centre of the box, times the coefficients that meet them.
 */
export interface Breakdown {
  /** Of the network, at the centre of the box. */
  readonly value: number;
  readonly layers: Float64Array;
  readonly linear: number;
  readonly rounding: number;
  readonly bound: number;
}

/** The layers of a network that are not linear, in its order, and a bound of each sample. */
export interface Breakdowns {
  readonly layers: readonly Layer[];
  readonly samples: readonly Breakdown[];
}

/** @param seed coefficients of the output, one row for each sample of the box */
export async function breakDown(programs: BoundPrograms, box: Box, ends: Ends, seed: FloatTensor): Promise<Breakdowns> {
  const given = givenOf(programs.frontiers, box, ends);
  const { least } = given;
  const program = await programs.terms(least !== undefined);
  const all: Record<string, FloatTensor> = { ...given.rows, ...given.samples, seed };
  const results = await program.run(Object.fromEntries(program.inputs.map((name) => [name, all[name]!])));
  const bounds = results[least ? "base" : "bound"]!.data as Float64Array;
  const terms = results["terms"]!.data as Float64Array;
  const slopes = results["slope"] as FloatTensor;
  const size = sampleSize(slopes);
  // One operator of the file may be written in several.
  const origins = [...programs.layers.values()];
  const distinct = [...new Set(origins)];
  const width = 1 + origins.length;
  return {
    layers: distinct,
    samples: Array.from(bounds, (bound, i): Breakdown => {
      const [from, end] = [i * width, (i + 1) * width];
      const value = terms[from]!;
      const layers = new Float64Array(distinct.length);
      for (const [k, gap] of terms.subarray(from + 1, end).entries()) layers[distinct.indexOf(origins[k]!)]! -= gap;
      const slope = slopes.data.subarray(i * size, (i + 1) * size) as Float32Array;
      const linear = -(least ? least.bound(slope, i) : leastOverBox(box, slope, i));
      const whole = least ? lowered(bound, -linear) : bound;
      const rounding = layers.reduce((left, loss) => left - loss, value - linear - whole);
      return { value, layers, linear, rounding, bound: whole };
    }),
  };
}

/** min ⟨A, x - c⟩ over the box of a sample. */
function leastOverBox({ centre, lower, upper }: Box, slope: Float32Array, sample: number): number {
  const from = sample * slope.length;
  return slope.reduce((sum, a, i) => sum + a * ((a > 0 ? lower : upper).data[from + i]! - centre.data[from + i]!), 0);
}

import { checkSignal } from "../../errors.ts";
import type { DifferentiableModel, Goal, Loss } from "../../model.ts";
import { type Norm, norms } from "../../norm.ts";
import type { FloatTensor } from "../../tensor.ts";
import { rowsOf } from "./nearest.ts";

/** The linearised boundary of each sample: {x' : height + ⟨slope, x' - x⟩ = 0}. The height is positive beyond the true one. */
export interface LinearBoundary {
  /** In the shape of x. */
  readonly slopes: FloatTensor;
  readonly heights: Float64Array;
}

/** Where the boundary is to be linearised: at x, of the samples with these indices in the data set. */
export interface Place {
  readonly model: DifferentiableModel;
  readonly x: FloatTensor;
  readonly goal: Goal;
  readonly samples: Int32Array;
  readonly norm: Norm;
  readonly signal: AbortSignal | undefined;
}

/**
 * The boundary where J is 0, at one gradient: of the target and the largest other logit (`margin`), or of the target and the
 * label (`targeted-margin`).
 */
export async function boundaryAt({ model, x, goal, samples, signal }: Place, loss: Loss): Promise<LinearBoundary> {
  checkSignal(signal);
  const { loss: heights, gradient } = await model.gradient(x, goal, loss, samples);
  return { slopes: gradient, heights: Float64Array.from(heights.data) };
}

/**
 * Of the boundaries of the label and each class tried (as many for each sample), the one nearest to x once linearised, at
 * a gradient a class. Flat and broken ones lie nowhere: without any other, slope and height are 0.
 */
export async function nearestBoundary(place: Place, tried: readonly Int32Array[]): Promise<LinearBoundary> {
  const { x, norm } = place;
  const { labels } = place.goal;
  const dual = norms[norm.dual];
  const slopes: FloatTensor = { ...x, data: new Float32Array(x.data.length) };
  const heights = new Float64Array(tried.length);
  const least = new Float64Array(tried.length).fill(Number.POSITIVE_INFINITY);
  const into = rowsOf(slopes);
  for (let c = 0; c < tried[0]!.length; c++) {
    const targets = Int32Array.from(tried, (classes) => classes[c]!);
    const found = await boundaryAt({ ...place, goal: { kind: "targeted", labels, targets } }, "targeted-margin");
    const slope = rowsOf(found.slopes);
    for (let i = 0; i < tried.length; i++) {
      const distance = Math.abs(found.heights[i]!) / dual.length(slope(i));
      if (!(distance < least[i]!)) continue;
      least[i] = distance;
      heights[i] = found.heights[i]!;
      into(i).set(slope(i));
    }
  }
  return { slopes, heights };
}

import { counterOf } from "../certify/smoothing/counter.ts";
import type { Batch } from "../dataset.ts";
import type { Model } from "../model.ts";
import { normalQuantile } from "../probability/normal.ts";
import { sampleSize } from "../tensor.ts";

/** Draws for each sample held out: they choose an epoch, and prove nothing. */
const DRAWS = 32;

/** What the share of right draws, taken for the probability, says of the radius: σ·Φ⁻¹(p) (Cohen et al. 2019, eq. 3 with p_B = 1 - p_A). */
export const radiusOf = (right: number, draws: number, sigma: number): number => sigma * normalQuantile(right / draws);

/** For how many samples the classifier smoothed by N(0, σ²) is right within ε in L2, as far as a few draws tell: always the same ones. */
export async function holding(
  model: Model,
  { x, labels, indices }: Batch,
  { sigma, epsilon, seed }: { readonly sigma: number; readonly epsilon: number; readonly seed: number },
): Promise<number> {
  const count = counterOf(model, { sigma, seed, batch: DRAWS });
  const size = sampleSize(x);
  let holds = 0;
  for (const [i, label] of labels.entries()) {
    const draws = { sample: indices[i]!, stream: "selection", from: 0, to: DRAWS } as const;
    const counts = await count({ ...draws, x: x.data.subarray(i * size, (i + 1) * size) });
    if (radiusOf(counts[label]!, DRAWS, sigma) >= epsilon) holds++;
  }
  return holds;
}

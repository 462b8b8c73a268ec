import { type AttackTask, defineAttack, predict } from "../../attack.ts";
import { checkSignal } from "../../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../../model.ts";
import { l2, type Norm, norms } from "../../norm.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { cosine, farthest, type Nearest, nearest, rowsOf } from "../steps/nearest.ts";

export interface FmnOptions {
  /** Gradients a sample in a run. */
  readonly steps: number;
  /** Length of the first and last step, in L2 whatever the norm; between them along half a cosine. */
  readonly stepSize: number;
  readonly finalStepSize: number;
  /** The share by which the ball shrinks or grows, first and last; between them along half a cosine. */
  readonly gamma: number;
  readonly finalGamma: number;
}

/** Steps are so many times longer in the second run. */
const LONGER = 5;

/**
 * Fast minimum-norm attack (Pintor et al. 2021, algorithm 1): a step along the L2-normalised gradient of the margin, then
 * projection to a ball of radius ε, which shrinks after each adversarial point and grows after any other. Until the first
 * adversarial point, ε is the distance at which the linearised margin is zero, |margin| / ‖∇‖ in the dual norm (eq. 5).
 * In L0, ε counts elements and changes by at least one. Defaults: the authors' code (ε never exceeds the distance of the
 * farthest corner of the bounds, nor, when it shrinks, the nearest point found), but for the first step.
 *
 * Differences: the first step is 3 long where theirs is 1; samples without an adversarial point have a second run, with steps
 * five times as long; but for L0, a change shorter than ε is stretched to it, as DDN does. Together they find points where
 * gradients mislead (docs/strength.md). Until the first adversarial point, ε grows by γ at least, since clipping can hold a sample
 * just short of the estimate for ever; samples that x itself solves leave the batch.
 */
export const fmn = defineAttack<DifferentiableModel, FmnOptions>({
  name: "fmn",
  title: "fast minimum-norm attack",
  paper: "https://arxiv.org/abs/2102.12827",
  norms: ["linf", "l2", "l1", "l0"],
  aim: "least-change",
  needs: "gradient",
  defaults: { steps: 100, stepSize: 3, finalStepSize: 0.01, gamma: 0.05, finalGamma: 0.001 },
  about: {
    steps: "gradient steps; as many again, five times as long, for samples without a point",
    stepSize: "length of the first step, in L2 whatever the norm, in units of the input",
    finalStepSize: "length of the last step, in L2 whatever the norm, in units of the input",
    gamma: "share by which the ball first shrinks or grows",
    finalGamma: "share by which the ball last shrinks or grows",
  },
  async propose(task, options) {
    const found = nearest(task);
    await run(task, found, found.open(), options);
    const { stepSize, finalStepSize } = options;
    const longer = { ...options, stepSize: LONGER * stepSize, finalStepSize: LONGER * finalStepSize };
    await run(task, found, found.missing(), longer);
    return found.candidates();
  },
});

/** One run of the samples `open`, from x. */
async function run(
  { model, x, goal, norm, indices, signal }: AttackTask<DifferentiableModel>,
  found: Nearest,
  open: readonly number[],
  { steps, stepSize, finalStepSize, gamma, finalGamma }: FmnOptions,
): Promise<void> {
  const dual = norms[norm.dual];
  const current: FloatTensor = { ...x, data: x.data.slice() };
  const [original, point] = [rowsOf(x), rowsOf(current)];
  const widest = Float64Array.from(found.distances, (_, i) =>
    norm.distance(original(i), farthest(original(i), model.bounds)),
  );
  const radii = widest.map(() => (norm.name === "l0" ? 1 : 0));
  let rows = open;
  for (let k = 0; k < steps && rows.length > 0; k++) {
    checkSignal(signal);
    const step = cosine(stepSize, finalStepSize, k / steps);
    const share = cosine(gamma, finalGamma, k / steps);
    const remaining = takeGoal(goal, rows);
    const asked = takeRows(current, rows);
    const { logits, loss, gradient } = await model.gradient(asked, remaining, "margin", take(indices, rows));
    const slope = rowsOf(gradient);
    for (const [i, prediction] of predict(logits).entries()) {
      const row = rows[i]!;
      const [p, g] = [point(row), slope(i)];
      const adversarial = prediction >= 0 && reached(remaining, i, prediction);
      if (adversarial) found.offer(row, p);
      const steepness = l2.length(g);
      // No direction: the sample stays where it is.
      if (!(steepness > 0 && Number.isFinite(steepness))) continue;
      const nearestYet = found.distances[row]!;
      const boundary = norm.distance(p, original(row)) + Math.abs(loss.data[i]!) / dual.length(g);
      const radius =
        norm.name === "l0"
          ? nextCount(radii[row]!, adversarial, share, nearestYet)
          : nextRadius(radii[row]!, adversarial, share, nearestYet, boundary);
      radii[row] = Math.min(radius, widest[row]!);
      for (let j = 0; j < p.length; j++) p[j]! += (step / steepness) * g[j]!;
      if (norm.name !== "l0") stretch(p, original(row), radii[row]!, norm);
      norm.project(p, original(row), radii[row]!, model.bounds);
    }
    rows = rows.filter((row) => found.distances[row]! > 0);
  }
}

/** Gives the change p - x the length `radius` where it is shorter. */
function stretch(p: Float32Array, x: Float32Array, radius: number, norm: Norm): void {
  const length = norm.distance(p, x);
  if (!(length > 0 && length < radius)) return;
  for (let j = 0; j < p.length; j++) p[j] = x[j]! + (p[j]! - x[j]!) * (radius / length);
}

/** The next ε of a continuous norm. */
function nextRadius(radius: number, adversarial: boolean, share: number, nearestYet: number, boundary: number): number {
  if (adversarial) return Math.min(radius * (1 - share), nearestYet);
  const larger = radius * (1 + share);
  return nearestYet < Number.POSITIVE_INFINITY ? larger : Math.max(larger, boundary);
}

/** The next ε in L0. */
function nextCount(count: number, adversarial: boolean, share: number, nearestYet: number): number {
  return adversarial
    ? Math.max(0, Math.min(count - 1, Math.floor(count * (1 - share)), nearestYet))
    : Math.max(count + 1, Math.floor(count * (1 + share)));
}

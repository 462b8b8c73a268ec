import { defineAttack, predict } from "../../attack.ts";
import { checkSignal } from "../../errors.ts";
import { type DifferentiableModel, reached, take, takeGoal } from "../../model.ts";
import { type Box, l2 } from "../../norm.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { ATTACK_LOSSES, type AttackLoss } from "../steps/losses.ts";
import { cosine, farthest, nearest, rowsOf } from "../steps/nearest.ts";

export interface DdnOptions {
  /** Gradients a sample. */
  readonly steps: number;
  /** The radius shrinks by this share at an adversarial point, and grows by it at any other. */
  readonly gamma: number;
  /** The first radius, in L2. */
  readonly radius: number;
  /** Length of the first and last step, in L2; between them along half a cosine. */
  readonly stepSize: number;
  readonly finalStepSize: number;
  /** Whose gradient turns the perturbation: the margin, or the cross-entropy as published. */
  readonly loss: AttackLoss;
}

/**
 * Decoupled direction and norm (Rony et al. 2019, algorithm 1): a step of fixed length along the gradient of a
 * loss turns the perturbation, which is then given a length of its own: the radius, smaller after each
 * adversarial point and larger after any other. Defaults: §4 and the authors' code; the radius never exceeds the distance
 * of the farthest corner of the bounds, as there.
 *
 * Differences: the gradient is that of the margin, which on three of four networks measured leads nearer than the paper's
 * cross-entropy, and on one less near (docs/strength.md; "loss" gives that back); pixels are not rounded to 256 levels; the
 * loss is the attack's J; a gradient of zeros is replaced by a random direction (theirs too) that depends on the sample and the
 * step alone; samples that x itself solves leave the batch.
 */
export const ddn = defineAttack<DifferentiableModel, DdnOptions>({
  name: "ddn",
  title: "decoupled direction and norm",
  paper: "https://arxiv.org/abs/1811.09600",
  norms: ["l2"],
  aim: "least-change",
  needs: "gradient",
  defaults: { steps: 100, gamma: 0.05, radius: 1, stepSize: 1, finalStepSize: 0.01, loss: "margin" },
  choices: { loss: ATTACK_LOSSES },
  about: {
    steps: "gradient steps",
    gamma: "share by which the radius shrinks or grows at each step",
    radius: "first radius, in L2, in units of the input",
    stepSize: "length of the first step, in L2, in units of the input",
    finalStepSize: "length of the last step, in L2, in units of the input",
    loss: "the loss whose gradient turns the perturbation",
  },
  async propose(task, { steps, gamma, radius, stepSize, finalStepSize, loss }) {
    const { model, x, goal, norm, indices, seed, start, signal } = task;
    const found = nearest(task);
    const current: FloatTensor = { ...x, data: x.data.slice() };
    const [original, point] = [rowsOf(x), rowsOf(current)];
    const widest = Float64Array.from(indices, (_, i) =>
      norm.distance(original(i), farthest(original(i), model.bounds)),
    );
    const radii = widest.map((most) => Math.min(radius, most));
    let rows = found.open();
    for (let k = 0; k < steps && rows.length > 0; k++) {
      checkSignal(signal);
      const remaining = takeGoal(goal, rows);
      const { logits, gradient } =
        k === 0 && start && loss === "cross-entropy"
          ? start
          : await model.gradient(takeRows(current, rows), remaining, loss, take(indices, rows));
      const slope = rowsOf(gradient);
      for (const [i, prediction] of predict(logits).entries()) {
        const row = rows[i]!;
        const adversarial = prediction >= 0 && reached(remaining, i, prediction);
        if (adversarial) found.offer(row, point(row));
        radii[row] = Math.min(radii[row]! * (adversarial ? 1 - gamma : 1 + gamma), widest[row]!);
        const random = randomFor(seed, indices[row]!, 0, k);
        // A copy: the gradient at x belongs to whoever gave it.
        const direction = l2.length(slope(i)) > 0 ? slope(i) : slope(i).map(() => random.normal());
        turn(
          point(row),
          original(row),
          direction,
          cosine(stepSize, finalStepSize, k / steps),
          radii[row]!,
          model.bounds,
        );
      }
      rows = found.open();
    }
    return found.candidates();
  },
});

/** Moves p by `step` along g, gives the perturbation p - x the length `radius`, and clips to the box. */
function turn(p: Float32Array, x: Float32Array, g: Float32Array, step: number, radius: number, box: Box): void {
  const scale = step / l2.length(g);
  // NaN or infinite: the model has no direction to give here.
  if (!(scale > 0)) return;
  let squares = 0;
  for (let j = 0; j < p.length; j++) {
    const d = p[j]! - x[j]! + scale * g[j]!;
    squares += d * d;
  }
  const stretch = radius / Math.sqrt(squares || 1);
  for (let j = 0; j < p.length; j++) {
    const v = x[j]! + (p[j]! - x[j]! + scale * g[j]!) * stretch;
    p[j] = v < box.lower ? box.lower : v > box.upper ? box.upper : v;
  }
}

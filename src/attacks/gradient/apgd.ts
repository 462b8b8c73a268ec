import { defineAttack } from "../../attack.ts";
import type { About } from "../../attack-options.ts";
import { leastClassesOf, tooFewClasses } from "../../classes.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { rivalsOf } from "../steps/rivals.ts";
import { sweep } from "../steps/sweep.ts";
import { climb, climbs } from "./apgd/climb.ts";

export interface ApgdOptions {
  /** Gradient steps of a run. */
  readonly steps: number;
  /** Runs, each from another random start. */
  readonly restarts: number;
  /** ρ: a step size under which the loss rose in no more than this share of the steps is halved. Not used for L1. */
  readonly rho: number;
}

const defaults: ApgdOptions = { steps: 100, restarts: 1, rho: 0.75 };
const about: About<ApgdOptions> = {
  steps: "gradient steps of each restart",
  restarts: "how often it starts, each time from another random point",
  rho: "share of the steps that must raise the loss, or the step size is halved (not for l1)",
};

/**
 * Auto-PGD (Croce and Hein 2020, https://arxiv.org/abs/2003.01690, Algorithm 1; for L1 Croce and Hein 2021,
 * https://arxiv.org/abs/2103.01208, Algorithm 1): projected gradient ascent with momentum that halves each sample's step,
 * from 2ε on, and goes back to its best point, when it has stopped to gain. Defaults, starts, checkpoints and comparisons
 * are those of the original's code (github.com/fra31/auto-attack). Differences from it:
 * - A fooled sample leaves at once. One that is not fooled gives its point of the highest loss, where the original gives x.
 * - The first checkpoint compares the first step with the start, as the paper has it; the code compares it with 0.
 * - Losses are compared in float64: in float32 the cross-entropy of confident samples is 0, and nothing seems to gain.
 * - Gradients are normalised by their length alone, without 1e-12: tiny ones still give a whole step.
 * - L2 projects onto the ball cut by the box; the original scales to the ball, clips, and loses what it clipped.
 * - L1 always goes through balls of 3ε, 2ε and ε, in 30, 30 and 40 % of the steps, as the standard version there does alone.
 *   After the last step it looks at the exact first-order point along the gradient of its best one.
 * - L1 spends no part of a sparse step on elements that the box holds back, and rounds the number of elements down, so that
 *   two can become one.
 * - It takes targeted goals: the loss is that of the target, negated.
 */
const apgd = (name: string, title: string, loss: "cross-entropy" | "dlr") =>
  defineAttack<DifferentiableModel, ApgdOptions>({
    name,
    title,
    paper: "https://arxiv.org/abs/2003.01690",
    norms: ["linf", "l2", "l1"],
    aim: "within-epsilon",
    needs: "gradient",
    leastClasses: leastClassesOf(loss),
    defaults,
    about,
    async propose(task, { steps, restarts, rho }) {
      requireClasses(task.model, leastClassesOf(loss), name);
      return sweep(task, (at) =>
        climbs(at, restarts, (part, _rows, stream) => climb(part, { loss, toward: part.goal, steps, rho }, stream)),
      );
    },
  });

function requireClasses({ name, classes }: DifferentiableModel, least: number, attack: string): void {
  if (classes < least) throw tooFewClasses(attack, least, name, classes, "apgd-ce");
}

export interface ApgdTargetedOptions extends ApgdOptions {
  /** The other classes that are targets in turn: the most likely ones at x first. */
  readonly targets: number;
}

const TARGETED_LEAST = leastClassesOf("targeted-dlr");

/**
 * Targeted APGD (Croce and Hein 2020, §4.2): runs on the targeted ratio of logits (eq. 7) towards one class after another, over
 * the samples that are not fooled yet. Given a targeted goal, its target is the only one.
 */
export const apgdT = defineAttack<DifferentiableModel, ApgdTargetedOptions>({
  name: "apgd-t",
  title: "Auto-PGD on the targeted ratio of logits",
  paper: "https://arxiv.org/abs/2003.01690",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "gradient",
  leastClasses: TARGETED_LEAST,
  defaults: { ...defaults, targets: 9 },
  about: { ...about, targets: "classes that are targets in turn, the most likely first" },
  async propose(task, { steps, restarts, rho, targets }) {
    const { model } = task;
    requireClasses(model, TARGETED_LEAST, "apgd-t");
    return sweep(task, async (at) => {
      const { goal } = at;
      const logits =
        goal.kind === "targeted" ? undefined : (at.start?.logits ?? (await model.logits(at.x, at.indices)));
      const rivals = logits && rivalsOf(logits, goal.labels);
      const count = rivals ? Math.min(targets, model.classes - 1) : 1;
      return climbs(at, count * restarts, (part, rows, stream) => {
        const rank = Math.floor(stream / restarts);
        const toward: Goal = rivals
          ? { ...part.goal, kind: "targeted", targets: Int32Array.from(rows, (row) => rivals[row]![rank]!) }
          : part.goal;
        return climb(part, { loss: "targeted-dlr", toward, steps, rho }, stream);
      });
    });
  },
});

/** APGD on the cross-entropy. */
export const apgdCe = apgd("apgd-ce", "Auto-PGD on the cross-entropy", "cross-entropy");
/** APGD on the difference of logits ratio (eq. 6), which no scaling of the logits hides from. */
export const apgdDlr = apgd("apgd-dlr", "Auto-PGD on the ratio of logits", "dlr");

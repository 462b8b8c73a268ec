import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { type AscentOptions, aboutAscent, ascent } from "../steps/ascent.ts";
import { ATTACK_LOSSES } from "../steps/losses.ts";

export type BimOptions = Pick<AscentOptions, "steps" | "stepSize" | "loss" | "stopAtSuccess">;

/**
 * The basic iterative method (Kurakin, Goodfellow and Bengio 2017, §2.2): from x itself, x ← clip(x + α·sign(∇J)) to the
 * ball and the bounds. The paper takes steps of one level of 255, min(ε + 4, 1.25 ε) of them with ε in levels; the defaults
 * are what that is at ε = 8 / 255, 10 steps of ε / 8, which go 1.25 ε, as theirs do from 16 / 255 on, at any ε and in any norm.
 *
 * Differences: L2 and L1, with the steps of PGD; the best point of each sample is kept, and a sample that reaches its goal is done.
 */
export const bim = defineAttack<DifferentiableModel, BimOptions>({
  name: "bim",
  title: "basic iterative method",
  paper: "https://arxiv.org/abs/1607.02533",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "gradient",
  defaults: { steps: 10, stepSize: `${1 / 8}eps`, loss: "cross-entropy", stopAtSuccess: true },
  choices: { loss: ATTACK_LOSSES },
  about: aboutAscent("steps", "stepSize", "loss", "stopAtSuccess"),
  propose: (task, options) =>
    ascent(task, {
      ...options,
      restarts: 1,
      randomStart: false,
      momentum: 0,
      nesterov: false,
      firstOrder: false,
      optimizer: "sgd",
    }),
});

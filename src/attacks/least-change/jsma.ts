import { defineAttack, predict } from "../../attack.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import { type DifferentiableModel, type Goal, type Gradient, reached, take, takeGoal } from "../../model.ts";
import { type Cells, cellsOf } from "../../norm.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";
import { nearest, rowsOf } from "../steps/nearest.ts";
import { salientPair } from "./jsma/salient-pair.ts";

const OUTPUTS = ["probabilities", "logits"] as const;
export type Outputs = (typeof OUTPUTS)[number];

export interface JsmaOptions {
  /** θ: what is added to both elements of a pair, in ranges of the input; negative to lower them. */
  readonly theta: number;
  /** The largest share of the elements that may change: there are as many steps as it has pairs. */
  readonly gamma: number;
  /** The outputs whose slopes make the map. */
  readonly outputs: Outputs;
}

/**
 * Jacobian-based saliency map attack (Papernot et al. 2016, algorithms 1 to 3): of all pairs of elements whose change raises
 * the output of the target and lowers the sum of the other outputs, the one with the largest product of both changes by
 * θ; an element at its bound is out of the game, and a sample without such a pair gives up. Defaults: those of the authors'
 * CleverHans, with the slopes of the probabilities. There raising one is lowering the others, so that the best pair are the
 * two steepest elements of the cross-entropy, at one gradient a step. "logits" is the paper's own choice, at two.
 *
 * Differences: where ε counts pixels, the pair are two pixels, of which each channel that helps moves by θ; untargeted, where CleverHans draws a target, the output of the label falls and the others rise (Wiyatno and Xu
 * 2018); an element may change again until it meets its bound, as in the paper.
 */
export const jsma = defineAttack<DifferentiableModel, JsmaOptions>({
  name: "jsma",
  title: "Jacobian saliency map attack",
  paper: "https://arxiv.org/abs/1511.07528",
  norms: ["l0"],
  aim: "least-change",
  needs: "gradient",
  defaults: { theta: 1, gamma: 1, outputs: "probabilities" },
  choices: { outputs: OUTPUTS },
  about: {
    theta: "what is added to an element, as a share of the range between the bounds; negative to lower it",
    gamma: "largest share of the elements, or pixels where ε counts these, that may change",
    outputs: "the outputs whose slopes make the map",
  },
  async propose(task, options) {
    checkOptions(options);
    const { theta, gamma, outputs } = options;
    const { model, x, goal, indices, start, signal } = task;
    const { lower, upper } = model.bounds;
    const size = sampleSize(x);
    const cells = cellsOf(task.norm, x.dims.slice(1));
    const { at, channels } = cells;
    const steps = Math.floor((gamma * cells.count) / 2);
    const found = nearest(task);
    const current: FloatTensor = { ...x, data: x.data.slice() };
    const point = rowsOf(current);
    const open = Uint8Array.from(x.data, (v) => Number(theta > 0 ? v < upper : v > lower));
    let rows = found.open();
    for (let k = 0; rows.length > 0; k++) {
      const asked = {
        model,
        x: takeRows(current, rows),
        goal: takeGoal(goal, rows),
        samples: take(indices, rows),
        signal,
      };
      const { logits, rises, falls } = await slopesOf(asked, outputs, Math.sign(theta), k === 0 ? start : undefined);
      const predictions = predict(logits);
      rows = rows.filter((row, i) => {
        const p = point(row);
        if (predictions[i]! >= 0 && reached(asked.goal, i, predictions[i]!)) {
          found.offer(row, p);
          return false;
        }
        if (k === steps) return false;
        const free = open.subarray(row * size, (row + 1) * size);
        const [rise, fall] = [rowsOf(rises)(i), rowsOf(falls)(i)];
        const pair = salientCells(rise, fall, free, cells);
        for (const cell of pair ?? [])
          for (let c = 0; c < channels; c++) {
            const j = at(cell, c);
            if (!free[j] || (channels > 1 && !helps(rise[j]!, fall[j]!))) continue;
            const v = p[j]! + theta * (upper - lower);
            p[j] = v < lower ? lower : v > upper ? upper : v;
            if (v <= lower || v >= upper) free[j] = 0;
          }
        return pair !== undefined;
      });
    }
    return found.candidates();
  },
});

/** Whether a channel of a pixel moves with it: the paper's elements are moved one by one. */
const helps = (rise: number, fall: number): boolean => rise + fall > 0;

/** The most salient pair of what ε counts: of a pixel, the sums over the channels that move. */
function salientCells(
  rises: Float32Array,
  falls: Float32Array,
  free: Uint8Array,
  { count, channels, at }: Cells,
): readonly [number, number] | undefined {
  if (channels === 1) return salientPair(rises, falls, free);
  const [rise, fall] = [new Float32Array(count), new Float32Array(count)];
  const open = new Uint8Array(count);
  for (let k = 0; k < count; k++)
    for (let c = 0; c < channels; c++) {
      const j = at(k, c);
      if (!free[j] || !helps(rises[j]!, falls[j]!)) continue;
      open[k] = 1;
      rise[k]! += rises[j]!;
      fall[k]! += falls[j]!;
    }
  return salientPair(rise, fall, open);
}

interface Asked {
  readonly model: DifferentiableModel;
  readonly x: FloatTensor;
  readonly goal: Goal;
  readonly samples: Int32Array;
  readonly signal: AbortSignal | undefined;
}

/**
 * The slopes, times the sign of θ, of the output that is to rise, and, negated, of the sum of those that are to fall. Only
 * their signs and their ratios count.
 */
async function slopesOf(
  { model, x, goal, samples, signal }: Asked,
  outputs: Outputs,
  sign: number,
  start: Gradient | undefined,
): Promise<{ logits: FloatTensor; rises: FloatTensor; falls: FloatTensor }> {
  checkSignal(signal);
  if (outputs === "probabilities") {
    const { logits, gradient } = start ?? (await model.gradient(x, goal, "cross-entropy", samples));
    const slopes = times(sign, gradient);
    return { logits, rises: slopes, falls: slopes };
  }
  // J is the logit of the label, which is to fall, or that of the target negated: -J is to rise in either case.
  const own = await model.gradient(x, goal, "logit", samples);
  checkSignal(signal);
  const others = await model.gradient(x, goal, "other-logits", samples);
  return { logits: own.logits, rises: times(-sign, own.gradient), falls: times(sign, others.gradient) };
}

const times = (sign: number, t: FloatTensor): FloatTensor => (sign > 0 ? t : { ...t, data: t.data.map((v) => -v) });

function checkOptions({ theta, gamma }: JsmaOptions): void {
  if (!(Math.abs(theta) > 0 && Math.abs(theta) <= 1))
    throw new PerturbError("usage", `jsma's theta is a share of the range in [-1, 1] other than 0, got ${theta}.`);
  if (!(gamma >= 0 && gamma <= 1))
    throw new PerturbError("usage", `jsma's gamma is a share of the elements in [0, 1], got ${gamma}.`);
}

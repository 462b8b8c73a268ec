import { PerturbError } from "../../errors.ts";
import { type DifferentiableModel, type Goal, type Gradient, isDifferentiable, type Model } from "../../model.ts";
import { argmax, type FloatTensor, stacked } from "../../tensor.ts";
import type { Box } from "../bounds/box.ts";

/** An input that is of another class than it should be. */
export interface Reached {
  readonly input: Float32Array;
  readonly prediction: number;
}

/** Inputs that are moved, and how often. */
const [STARTS, STEPS] = [4, 20];
/** The first step, as a share of the box. */
const STEP = 0.1;

/**
 * Looks for an input of another class than `label` among some of a box, and from those of the least margin on by steps along the sign of its gradient
 * (Madry et al. 2018, https://arxiv.org/abs/1706.06083, §2.1), which become smaller.
 */
export async function descend(
  model: Model,
  inputs: readonly Float32Array[],
  { centre, lower, upper }: Box,
  label: number,
): Promise<Reached | undefined> {
  const { classes } = model;
  const other = ({ data }: FloatTensor, x: readonly Float32Array[]): Reached | undefined => {
    const at = x.findIndex((_, i) => argmax(data, i * classes, classes) !== label);
    return at < 0 ? undefined : { input: x[at]!, prediction: argmax(data, at * classes, classes) };
  };
  const logits = await model.logits(stacked(inputs, centre));
  const found = other(logits, inputs);
  if (found || !isDifferentiable(model)) return found;
  const margins = inputs.map((_, i) => marginOf(logits, i, label));
  const nearest = [...inputs.keys()].sort((a, b) => margins[a]! - margins[b]!).slice(0, STARTS);
  let x = nearest.map((i) => inputs[i]!);
  const goal = { kind: "untargeted", labels: new Int32Array(x.length).fill(label) } as const;
  for (let step = 0; step < STEPS; step++) {
    const asked = await gradientAt(model, stacked(x, centre), goal);
    if (!asked) return undefined;
    const { gradient, logits: now } = asked;
    const reached = other(now, x);
    if (reached) return reached;
    const share = STEP * (1 - step / STEPS);
    const size = lower.data.length;
    x = x.map((from, k) =>
      from.map((v, i) => {
        const [l, u] = [lower.data[i]!, upper.data[i]!];
        return Math.min(u, Math.max(l, Math.fround(v + Math.sign(gradient.data[k * size + i]!) * share * (u - l))));
      }),
    );
  }
  return other(await model.logits(stacked(x, centre)), x);
}

/** Undefined of a model that has bounds but no gradient. */
async function gradientAt(model: DifferentiableModel, x: FloatTensor, goal: Goal): Promise<Gradient | undefined> {
  try {
    return await model.gradient(x, goal, "margin");
  } catch (error) {
    if (error instanceof PerturbError && error.code === "no-gradient") return undefined;
    throw error;
  }
}

/** z_label less the largest other logit. */
function marginOf({ data, dims: [, classes] }: FloatTensor, row: number, label: number): number {
  const z = [...data.subarray(row * classes!, (row + 1) * classes!)];
  return z[label]! - Math.max(...z.filter((_, c) => c !== label));
}

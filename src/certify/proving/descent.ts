import { PerturbError } from "../../errors.ts";
import { type DifferentiableModel, type Goal, type Gradient, isDifferentiable, type Model } from "../../model.ts";
import { argmax, type FloatTensor, stacked } from "../../tensor.ts";
import type { Box } from "../bounds/box.ts";
import { Moves } from "../bounds/moves.ts";

/** An input that is of another class than it should be. */
export interface Reached {
  readonly input: Float32Array;
  readonly prediction: number;
}

/** Inputs that are moved, and how often. */
const [STARTS, STEPS] = [4, 60];
/** The first step, as a share of half the box. */
const STEP = 0.2;

/** Looks for an input of another class than `label` among some of a box, and from those of the least margin on by steps that become smaller. */
export class Descent {
  readonly #model: Model;
  readonly #box: Box;
  readonly #label: number;
  #nearest = Number.POSITIVE_INFINITY;

  constructor(model: Model, box: Box, label: number) {
    this.#model = model;
    this.#box = box;
    this.#label = label;
  }

  /** Steps only where an input is nearer than all before. */
  async try(inputs: readonly Float32Array[]): Promise<Reached | undefined> {
    const logits = await this.#model.logits(stacked(inputs, this.#box.centre));
    const found = this.#other(logits, inputs);
    if (found || !isDifferentiable(this.#model)) return found;
    const margins = inputs.map((_, i) => marginOf(logits, i, this.#label));
    const nearest = [...inputs.keys()].sort((a, b) => margins[a]! - margins[b]!).slice(0, STARTS);
    if (!(margins[nearest[0]!]! < this.#nearest)) return undefined;
    this.#nearest = margins[nearest[0]!]!;
    return this.#descend(
      this.#model,
      nearest.map((i) => inputs[i]!),
    );
  }

  async #descend(model: DifferentiableModel, from: readonly Float32Array[]): Promise<Reached | undefined> {
    const { centre, lower, upper } = this.#box;
    const x = stacked(from, centre);
    const points = () => from.map((one, k) => x.data.slice(k * one.length, (k + 1) * one.length));
    const ends = { lower: lower.data as Float32Array, upper: upper.data as Float32Array };
    const moves = new Moves(x.data.length, ends);
    const goal = { kind: "untargeted", labels: new Int32Array(from.length).fill(this.#label) } as const;
    for (let step = 0; step < STEPS; step++) {
      const asked = await gradientAt(model, x, goal);
      if (!asked) return undefined;
      const reached = this.#other(asked.logits, points());
      if (reached) return reached;
      // The loss is the margin of others over the label.
      moves.step(
        x.data,
        asked.gradient.data.map((g) => -g),
        STEP * (1 - step / STEPS),
      );
    }
    return this.#other(await model.logits(x), points());
  }

  #other({ data }: FloatTensor, x: readonly Float32Array[]): Reached | undefined {
    const { classes } = this.#model;
    const at = x.findIndex((_, i) => argmax(data, i * classes, classes) !== this.#label);
    return at < 0 ? undefined : { input: x[at]!, prediction: argmax(data, at * classes, classes) };
  }
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

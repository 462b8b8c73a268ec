import { PerturbError } from "./errors.ts";
import { type Note, option } from "./option.ts";
import { type FloatTensor, takeRows } from "./tensor.ts";

/** The values that an input element may take. */
export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/** The values that each element of a sample may take, in the units of the data. */
export interface ElementBounds {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  /** What a model takes, and ε is measured in: these units, or shares of the range between the two, from 0 to 1. */
  readonly unit: "input" | "range";
}

/**
 * What a classifier gives. `sigmoid`: a probability for each class by itself; `monotone`: scores behind another function
 * that keeps their order; `binary`, `binary-sigmoid`: one score, read as that of class 1 against class 0; `hidden`:
 * probabilities without visible logits; `labels`: 1 for the class predicted and 0 for all others; `multi-label`: a score for
 * each label by itself, read as 0 for a set of labels that is right, and for each label how far it is wrong.
 */
export type Head =
  | "logits"
  | "softmax"
  | "log-softmax"
  | "sigmoid"
  | "monotone"
  | "binary"
  | "binary-sigmoid"
  | "hidden"
  | "labels"
  | "multi-label";

/** A classifier that can be run. Inputs are batches [n, ...inputShape] inside the bounds. */
export interface Model {
  readonly name: string;
  /** Shape of one sample. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly bounds: Bounds;
  /** The bounds of each element, where `bounds` does not say all: it then holds those of all elements, or 0 and 1. */
  readonly elements?: ElementBounds;
  /** How many values an element may take by default, where the network itself takes whole numbers. */
  readonly levels?: number;
  /** What was assumed of it, for whoever reads results. */
  readonly notes?: readonly Note[];
  readonly head: Head;
  /** The model behind a wrapper that asks it: what is learned of the one holds for the other. */
  readonly origin?: object;
  /**
   * How many samples it knows, where it holds something of each beside what it is asked about (`feeds`): it can be asked about
   * those alone, and wants to know which.
   */
  readonly samples?: number;
  /** Of a multi-label model: the label that each class from 1 on stands for. */
  readonly labelSets?: LabelSets;
  /** What answers, for reports. */
  readonly runtime?: { readonly name: string; readonly device: string };
  /**
   * Logits [n, classes]: the values behind a softmax head; log-probabilities where the graph hides them. `samples`: whose
   * query each row is, by the sample's index in the data set; a model that counts queries, or knows its samples, needs it.
   */
  logits(x: FloatTensor, samples?: Int32Array): Promise<FloatTensor>;
}

/** The labels that a multi-label model is asked about: those of `labels`, of `of`, with what each sample has of them. */
export interface LabelSets {
  readonly labels: readonly number[];
  readonly of: number;
  /** [samples, labels.length] of 0 and 1. */
  readonly values: FloatTensor;
}

/** @throws mismatch where a model that knows its samples is to be asked about a data set of another number of them */
export function checkSamples({ name, samples }: Model, data: { readonly name: string; readonly size: number }): void {
  if (samples !== undefined && samples !== data.size)
    throw new PerturbError(
      "mismatch",
      `What is given beside the samples (${option("feeds")}, ${option("labelSets")}) has ${samples} rows for ${name}, and ${data.name} has ${data.size} samples. Give a row for each.`,
      { data: { rows: samples, samples: data.size } },
    );
}

/**
 * What an attack wants: another class than the label, or one given class. One entry a sample. `sets`: of a multi-label model, whose
 * `cross-entropy` is the binary one.
 */
export type Goal = { readonly sets?: true } & (
  | { readonly kind: "untargeted"; readonly labels: Int32Array }
  | { readonly kind: "targeted"; readonly labels: Int32Array; readonly targets: Int32Array }
);

/**
 * - `cross-entropy`: -log softmax(z)_c. Of a multi-label model the binary one, summed over its labels: Σ log(1 + exp(z_j)) at
 *   class 0, where every label is as given, and log(1 + exp(-z_c)) at the class of one label.
 * - `margin`: max_{j≠c} z_j - z_c (Carlini and Wagner 2017, §IV-B, f6 without its clamp): positive when c is not predicted.
 * - `dlr`: the margin divided by z_π1 - z_π3, which no scaling of the logits changes (Croce and Hein 2020, eq. 6).
 * - `targeted-dlr`: z_t - z_c over z_π1 - (z_π3 + z_π4)/2, of the label c and a target t (eq. 7).
 * - `targeted-margin`: z_t - z_c, of the label c and a target t: where it is 0 lies the boundary of the two.
 * - `logit`: z_c, the score of the class: not a loss to attack with, but what saliency maps explain.
 * - `other-logits`: Σ_{j≠c} z_j, the scores of all other classes, for saliency maps too.
 */
export type Loss = "cross-entropy" | "margin" | "dlr" | "logit" | "other-logits" | TargetedLoss;

/** The losses that compare a label with a target. */
export type TargetedLoss = "targeted-dlr" | "targeted-margin";

export const isTargetedLoss = (loss: Loss): loss is TargetedLoss =>
  loss === "targeted-dlr" || loss === "targeted-margin";

export interface Gradient {
  /** [n, classes] */
  readonly logits: FloatTensor;
  /** J, one value a sample, [n]: what the attack raises. */
  readonly loss: FloatTensor;
  /** ∂J/∂x of each sample, same shape as x. */
  readonly gradient: FloatTensor;
}

/** A classifier with gradients. */
export interface DifferentiableModel extends Model {
  /**
   * The objective J that an attack raises, and its gradient: J = loss(x, label) when untargeted, -loss(x, target) when
   * targeted, so that every attack ascends. Targeted losses rise towards the target by themselves, and take targeted goals only.
   */
  gradient(x: FloatTensor, goal: Goal, loss?: Loss, samples?: Int32Array): Promise<Gradient>;
}

/** Whether a model gives gradients. */
export const isDifferentiable = (model: Model): model is DifferentiableModel => "gradient" in model;

/** The class that the loss of this goal is taken at. */
export const lossClasses = (goal: Goal): Int32Array => (goal.kind === "targeted" ? goal.targets : goal.labels);

/** Whether a prediction reaches the goal of sample i. */
export const reached = (goal: Goal, i: number, prediction: number): boolean =>
  goal.kind === "targeted" ? prediction === goal.targets[i] : prediction !== goal.labels[i];

/** The gradients of the samples `rows` alone. */
export const takeGradient = ({ logits, loss, gradient }: Gradient, rows: ArrayLike<number>): Gradient => ({
  logits: takeRows(logits, rows),
  loss: takeRows(loss, rows),
  gradient: takeRows(gradient, rows),
});

/** The entries `rows` of a list with one entry a sample. */
export const take = (values: Int32Array, rows: ArrayLike<number>): Int32Array =>
  Int32Array.from(rows, (row) => values[row]!);

/** The goal of the samples `rows` alone. */
export function takeGoal(goal: Goal, rows: ArrayLike<number>): Goal {
  return goal.kind === "targeted"
    ? { ...goal, labels: take(goal.labels, rows), targets: take(goal.targets, rows) }
    : { ...goal, labels: take(goal.labels, rows) };
}

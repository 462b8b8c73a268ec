import {
  type About,
  allOptions,
  type Choices,
  type ChoicesDeclared,
  type Given,
  type OptionsDeclared,
} from "./attack-options.ts";
import { PerturbError } from "./errors.ts";
import { toGrid } from "./grid.ts";
import {
  type DifferentiableModel,
  type ElementBounds,
  type Goal,
  type Gradient,
  type Model,
  reached,
} from "./model.ts";
import type { Norm, NormName } from "./norm.ts";
import { argmax, type FloatTensor, sampleSize } from "./tensor.ts";

/** What an attack is asked to do with one batch. */
export interface AttackTask<M extends Model> {
  /** Called with `samples`, so that queries are counted, and budgets hold, for each sample. */
  readonly model: M;
  /** [n, ...inputShape], inside the model's bounds. Never to be changed. */
  readonly x: FloatTensor;
  readonly goal: Goal;
  readonly norm: Norm;
  /** Budgets in the norm, rising; for an attack that looks for the least change the last may be Infinity. One set of candidates is wanted for each. */
  readonly epsilons: readonly number[];
  /** Index of each sample in the data set: the key of all randomness. */
  readonly indices: Int32Array;
  readonly seed: number;
  /** The gradient at x itself, where it is known: what every gradient attack without a random start begins with. */
  readonly start?: Gradient | undefined;
  /** How many of the budgets are wanted for each sample, the smallest first; by default all. What is proposed above is not used. */
  readonly wanted?: Int32Array | undefined;
  /** A model that may be asked in place of the one attacked, of which nothing is counted. */
  readonly surrogate?: DifferentiableModel | undefined;
  /** Samples that may be learned from before any is attacked: the same for every batch of an evaluation. */
  readonly examples?: Examples | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Samples [n, ...inputShape] with their labels and their indices in the data set. */
export interface Examples {
  readonly x: FloatTensor;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
}

export interface Attack<M extends Model = Model, O extends object = object> {
  readonly name: string;
  /** What it is called in words. */
  readonly title: string;
  /** Where it was published. */
  readonly paper: string;
  readonly norms: readonly NormName[];
  /** Whether it looks for the most harmful point inside ε, or for the nearest adversarial point. */
  readonly aim: "within-epsilon" | "least-change";
  /** Whether it needs gradients of the model. */
  readonly needs: "gradient" | "logits";
  /** What else of the task it cannot do without. */
  readonly also?: "surrogate" | "examples";
  /** Whether it makes use of examples where there are any. */
  readonly learns?: true;
  /** A baseline that makes no queries: random noise. */
  readonly baseline?: true;
  /** The fewest classes of a model that it can attack, by default 1. */
  readonly leastClasses?: number;
  /** What an ensemble is made of, in order: each gets the samples that the others did not fool. */
  readonly members?: (norm: NormName) => readonly Configured<M>[];
  readonly defaults: O;
  /** What the options that are words may be. */
  readonly choices?: Choices<O>;
  /** What each option is, in words, with its unit. */
  readonly about: About<O>;
  /** The attack with these options over its defaults. @throws usage for options that it does not have, or of another kind */
  readonly with: (options: Given<O>) => Configured<M>;
  /**
   * One candidate batch, in the shape of x, for each ε: each a fresh array, which `judge` then clips in place. An attack
   * need not, and cannot, vouch for itself. A property and not a method, so that an attack that needs gradients is no
   * attack on a model without them. Options that are not given are the defaults.
   * @throws usage for options that it does not have, of another kind, or out of range
   */
  readonly propose: (task: AttackTask<M>, options?: Given<O>) => Promise<readonly FloatTensor[]>;
}

/** An attack as its file writes it: it gets all of its options, and says what those that are words may be. */
export type AttackDefinition<M extends Model, O extends object> = Omit<Attack<M, O>, "propose" | "with"> & {
  readonly propose: (task: AttackTask<M>, options: O) => Promise<readonly FloatTensor[]>;
} & ChoicesDeclared<O>;

/** An attack whose options are known to itself alone: it is to be given its own defaults, or options of their type. */
export type AnyAttack<M extends Model = Model> = Omit<Attack<M, never>, keyof OptionsDeclared> & OptionsDeclared;

/** An attack with its options, all of them: what `with` gives. */
export interface Configured<M extends Model = Model> {
  readonly attack: AnyAttack<M>;
  readonly options: object;
  /** Draws of a randomised model that its gradient is averaged over; by default what the evaluation says. */
  readonly eot?: number;
}

/** An attack as it is, which means its defaults, or with options. */
export type AttackChoice<M extends Model = Model> = AnyAttack<M> | Configured<M>;

/** Any attack with options that came as text or as data. @throws usage for options that it does not have, or of another kind */
export const configured = <M extends Model>(attack: AnyAttack<M>, options: object = {}): Configured<M> => ({
  attack,
  options: allOptions(attack, options),
});

/** What an attack proposes with options of which only the attack knows the type. */
export const proposeWith = <M extends Model>(
  { attack, options }: Configured<M>,
  task: AttackTask<M>,
): Promise<readonly FloatTensor[]> => attack.propose(task, options as never);

/** Declares an attack; the types of its model and options are checked here. */
export function defineAttack<M extends Model, O extends object>(definition: AttackDefinition<M, O>): Attack<M, O> {
  const attack: Attack<M, O> = {
    ...definition,
    with: (options) => configured(attack as AnyAttack<M>, options),
    propose: async (task, options) => definition.propose(task, allOptions(attack as OptionsDeclared, options) as O),
  };
  return attack;
}

/** What became of one batch of candidates. Lists have one entry a sample. */
export interface Verdict {
  /** The candidates after clipping to the ball and to the model's bounds: what was judged. */
  readonly adversarial: FloatTensor;
  readonly logits: FloatTensor;
  readonly predictions: Int32Array;
  /** 1 where the goal was reached. */
  readonly success: Uint8Array;
  /** Distance from the original in the norm, in float64. */
  readonly distances: Float64Array;
}

/**
 * Clips candidates to the ball and the bounds, runs the model on them, and decides. Every attack goes through here. With
 * `levels`, what is judged lies on the grid of so many evenly spaced values that includes both bounds.
 */
export async function judge(
  model: Model,
  x: FloatTensor,
  candidates: FloatTensor,
  goal: Goal,
  norm: Norm,
  epsilon: number,
  levels: number | null = null,
  samples?: Int32Array,
): Promise<Verdict> {
  if (String(candidates.dims) !== String(x.dims))
    throw new PerturbError(
      "internal",
      `An attack proposed candidates of shape [${candidates.dims}] for samples of shape [${x.dims}].`,
    );
  // An attack that gives x back as it is must not have it changed.
  const adversarial = candidates.data === x.data ? { ...candidates, data: x.data.slice() } : candidates;
  const size = sampleSize(x);
  const distances = Float64Array.from({ length: x.dims[0]! }, (_, i) => {
    const candidate = adversarial.data.subarray(i * size, (i + 1) * size);
    const original = x.data.subarray(i * size, (i + 1) * size);
    // Into the bounds of elements first, which costs nothing of ε.
    if (model.elements) intoElements(candidate, original, model.elements);
    norm.project(candidate, original, epsilon, model.bounds);
    if (model.elements) intoElements(candidate, original, model.elements);
    if (levels !== null) toGrid(candidate, original, norm, epsilon, model.bounds, levels);
    const distance = norm.distance(candidate, original);
    if (!Number.isNaN(distance)) return distance;
    // NaN is in no ball, and models exist that answer it: the sample stays as it was.
    candidate.set(original);
    return 0;
  });
  const logits = await model.logits(adversarial, samples);
  const predictions = predict(logits);
  const success = Uint8Array.from(predictions, (p, i) => Number(p >= 0 && reached(goal, i, p)));
  return { adversarial, logits, predictions, success, distances };
}

/** Moves a candidate into the bounds of each element, which only brings it nearer; an element without room stays. */
function intoElements(out: Float32Array, x: Float32Array, { lower, upper, unit }: ElementBounds): void {
  for (let i = 0; i < out.length; i++) {
    if (lower[i] === upper[i]) out[i] = x[i]!;
    else if (unit === "input") out[i] = Math.min(upper[i]!, Math.max(lower[i]!, out[i]!));
  }
}

/** The predicted class of each row of logits; -1 where one is NaN or overflowed to +∞. */
export function predict(logits: FloatTensor): Int32Array {
  const [n, classes] = logits.dims as [number, number];
  return Int32Array.from({ length: n }, (_, i) => {
    const best = argmax(logits.data, i * classes, classes);
    return logits.data[i * classes + best] === Number.POSITIVE_INFINITY ? -1 : best;
  });
}

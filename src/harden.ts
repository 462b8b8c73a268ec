import { type About, allOptions, type Given, type OptionsDeclared, type OptionValue } from "./attack-options.ts";
import type { DifferentiableModel } from "./model.ts";
import type { Norm, NormName } from "./norm.ts";
import type { Ops } from "./onnx/ops.ts";
import type { Random } from "./random.ts";
import type { FloatTensor } from "./tensor.ts";
import type { Score } from "./train.ts";

/** The norms that methods train in. */
export type TrainingNorm = Exclude<NormName, "l0" | "spatial">;

/** The network with the weights of this step, as inner attacks ask it. */
export interface InnerModel extends DifferentiableModel {
  /**
   * ∂/∂x of KL(softmax(reference) ‖ softmax(f(x))), the divergence from the answers `reference` (logits, [n, classes]), at the points x;
   * same shape as x.
   */
  divergence(x: FloatTensor, reference: FloatTensor): Promise<FloatTensor>;
}

/** What an inner attack is given: some samples of a batch. Lists have one entry a sample. */
export interface InnerTask {
  readonly model: InnerModel;
  /** [n, ...inputShape], inside the model's bounds. Never to be changed. */
  readonly x: FloatTensor;
  readonly labels: Int32Array;
  readonly norm: Norm;
  readonly epsilon: number;
  /** The draws of sample i in this epoch: a function of the seed, the sample's index in the data set, and the epoch. */
  readonly random: (i: number) => Random;
}

/** The values that a loss is built on, by name. */
export interface LossContext {
  readonly b: Ops;
  /** Logits [n, classes] at the samples; there where the method asks for them. */
  readonly clean: string;
  /** Logits [n, classes] at the points of the inner attack; there where the method has one. */
  readonly adversarial: string;
  /** int64, [n] */
  readonly labels: string;
  /** A number of this step, by its name in `scalars` of the method. */
  readonly scalar: (name: string) => string;
  /** Whether the vanishing numbers of the method are 0 in the steps that this graph is for. */
  readonly isVanished: boolean;
  /**
   * Upper bounds of z_k - z_y, [n, classes], for every x' of the L∞ ball of a radius (a scalar) around the samples, or around the points of the attack
   * where these alone are asked for, inside the bounds of the input: 0 for the class y itself. By intervals. There where the method asks for bounds.
   */
  readonly margins: (radius: string) => string;
  /** The same by lines sent backwards (CROWN-IBP), which are tighter for most networks and cost a backward pass for each class. */
  readonly lines: (radius: string) => string;
  /**
   * The gradient of the cross-entropy by the input, where the network is asked for the samples or for the points of the attack, and in their shape. The loss is
   * differentiated again: an operator whose gradient has no gradient is refused.
   */
  readonly inputGradient: () => string;
}

/** A moment of a training. */
export interface Moment {
  /** From 0 up to, not including, 1. */
  readonly progress: number;
  readonly epsilon: number;
}

/**
 * A method of training: an inner attack, and a loss of the logits at the samples and at the points that the attack found. The loss is a
 * graph, and is differentiated with respect to the weights.
 */
export interface Method<O extends object = object, N extends TrainingNorm = TrainingNorm> {
  readonly name: string;
  /** What it is called in words. */
  readonly title: string;
  /** What it costs, in forward-and-backward passes a sample, in words of its options. */
  readonly passes: string;
  /** Where it was published. */
  readonly paper: string;
  readonly norms: readonly N[];
  readonly defaults: O;
  /** What each option is, in words, with its unit. */
  readonly about: About<O>;
  /** What the loss is built on: logits at the samples, logits at the points of the attack, and bounds of the logits around these. */
  readonly asks: readonly ("clean" | "adversarial" | "bounds")[];
  /** By which bounds samples held out are counted as certified, to choose the best epoch by: of methods that train for proofs. */
  readonly certifies?: "intervals" | "lines";
  /** The ε of the inner attack at a moment; by default that of the training. @throws usage for options out of range */
  readonly epsilon?: (moment: Moment, options: O) => number;
  /**
   * The points that are trained on, in a fresh array: one for each sample, in the shape of x, or as many for each, those of one sample after another, [n·m, ...];
   * labels are repeated. Without it, the samples themselves are.
   */
  readonly attack?: (task: InnerTask, options: O) => Promise<FloatTensor>;
  /** Appends the loss of each sample, [n]; gives its name. */
  readonly loss: (context: LossContext, options: O) => string;
  /**
   * σ of the smoothed classifier that is trained for: the best epoch is that which holds at ε for most samples under this noise. Absent of others.
   * @throws usage for options out of range
   */
  readonly noise?: (options: O) => number;
  /** Numbers of the loss whose terms are left out, and not computed, in steps where all of them are 0. */
  readonly vanishing?: readonly string[];
  /** Numbers of the loss that change from step to step, by name. */
  readonly scalars?: (moment: Moment, options: O) => Readonly<Record<string, number>>;
  /** How far the weights are moved up the loss before its gradient is taken, as a share of the length of each; by default 0. */
  readonly weightStep?: (options: O) => number;
  /** The method with these options over its defaults. @throws usage for options that it does not have, or of another kind */
  readonly with: (options: Given<O>) => ConfiguredMethod<N>;
}

/** A method whose options are known to itself alone. */
export type AnyMethod<N extends TrainingNorm = TrainingNorm> = Omit<Method<never, N>, "defaults" | "about"> &
  Pick<OptionsDeclared, "defaults" | "about">;

/** A method with all of its options: what `with` gives. */
export interface ConfiguredMethod<N extends TrainingNorm = TrainingNorm> {
  readonly method: AnyMethod<N>;
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** A method as it is, which means its defaults, or with options. */
export type MethodChoice<N extends TrainingNorm = TrainingNorm> = AnyMethod<N> | ConfiguredMethod<N>;

/** Declares a method of training; the types of its options are checked here. */
export function defineMethod<O extends object, N extends TrainingNorm>(
  definition: Omit<Method<O, N>, "with">,
): Method<O, N> {
  const method: Method<O, N> = { ...definition, with: (options) => configuredMethod(method as AnyMethod<N>, options) };
  return method;
}

/** What the check of options wants to know of whoever has them. */
export const declared = ({ name, defaults, about }: AnyMethod): OptionsDeclared => ({
  name,
  aim: "within-epsilon",
  defaults,
  about,
});

/** Any method with options that came as text or as data. @throws usage for options that it does not have, or of another kind */
export const configuredMethod = <N extends TrainingNorm>(
  method: AnyMethod<N>,
  options: object = {},
): ConfiguredMethod<N> => ({ method, options: allOptions(declared(method), options) });

/** The norm of ε where none is given. */
export const usualNorm = ({ norms }: AnyMethod): TrainingNorm => (norms.includes("linf") ? "linf" : norms[0]!);

/** Accuracies on samples that are held out, as counts. */
export interface Validation {
  readonly total: number;
  readonly clean: number;
  /** Correct, and not fooled by FGSM at ε. */
  readonly fgsm: number;
  /** Correct, and not fooled by PGD-10 at ε. */
  readonly pgd: number;
  /** Correct for all of the ball by bounds over the real numbers, of methods that train for proofs: an estimate, and no proof. */
  readonly certified?: number | undefined;
  /** Right in so many of a few draws of noise that the smoothed classifier would be certified at ε, of methods that train for one: an estimate, too. */
  readonly smoothed?: number | undefined;
}

/** Of the points that an epoch trained on, while it learned. */
export interface EpochScore {
  /** Mean over the points. */
  readonly loss: number;
  readonly correct: number;
  readonly total: number;
}

export interface HardenEpoch {
  /** From 1; 0 is the model as it was given. */
  readonly epoch: number;
  /** Null before the first step. */
  readonly training: EpochScore | null;
  readonly validation: Validation;
  /** The epoch whose weights were taken back, because FGSM no longer fooled the network and PGD did. */
  readonly rolledBackTo?: number;
}

/** The weights of an epoch, with what the optimizer keeps of it. */
export interface Snapshot {
  readonly epoch: number;
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

/** All that a training is at one moment: with its settings it decides everything that follows. */
export interface HardenState {
  /** Steps done. */
  readonly step: number;
  /** `parameters` and the vectors of the optimizer. */
  readonly vectors: Readonly<Record<string, Float32Array>>;
  /** Of the running epoch so far. */
  readonly score: Score;
  readonly history: readonly HardenEpoch[];
  /** The best epoch so far by accuracy under PGD-10, the model as it was given among them. */
  readonly best: Snapshot;
}

export interface HardenProgress {
  readonly epoch: number;
  readonly epochs: number;
  /** Samples learned from, over all epochs. */
  readonly done: number;
  readonly total: number;
  readonly score: Score;
  readonly history: readonly HardenEpoch[];
}

import type { Head } from "./model.ts";
import type { NormName } from "./norm.ts";

/** The result of an evaluation, as report.json holds it: numbers and names only. */
export interface Evaluation {
  /** Version of this layout. */
  readonly schema: 1;
  readonly tool: { readonly name: "perturb"; readonly version: string };
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly model: {
    readonly name: string;
    /** SHA-256 of the file's bytes, hex. */
    readonly sha256: string;
    readonly inputShape: readonly number[];
    readonly classes: number;
    readonly head: Head;
    readonly parameters: number;
    readonly bounds: { readonly lower: number; readonly upper: number };
  };
  readonly data: {
    readonly name: string;
    readonly offset: number;
    readonly total: number;
    readonly classNames?: readonly string[];
  };
  readonly options: {
    readonly attacks: readonly string[];
    readonly norm: NormName;
    readonly epsilons: readonly number[];
    /** The class aimed at, or null when any other class will do. */
    readonly target: number | null;
    readonly batch: number;
    readonly seed: number;
  };
  readonly runtime: { readonly name: string; readonly device: string };
  readonly clean: Accuracy & {
    /** [label][prediction] counts over all samples. */
    readonly confusion: readonly (readonly number[])[];
  };
  /** One for each attack and ε, in order. */
  readonly points: readonly Point[];
  readonly linearity: Linearity | null;
  readonly warnings: readonly Warning[];
  readonly cost: {
    readonly seconds: number;
    readonly forwards: number;
    readonly gradients: number;
    readonly samplesPerSecond: number;
  };
}

export interface Accuracy {
  readonly correct: number;
  readonly total: number;
  /** correct / total */
  readonly accuracy: number;
  /** Wilson score interval, 95 %. */
  readonly ci95: readonly [number, number];
}

export interface Point extends Accuracy {
  readonly attack: string;
  readonly norm: NormName;
  readonly epsilon: number;
  /** Samples attacked: those that are right when clean (and not already of the target's class). */
  readonly attacked: number;
  /** Attacked samples that reached the goal. */
  readonly fooled: number;
  /** Mean probability of the wrong prediction over the fooled; null when there are none. */
  readonly fooledConfidence: number | null;
  /** Largest distance, in the norm, of any candidate judged: the check that the budget held. */
  readonly largestDistance: number;
  /** [label][prediction] counts over all samples, after the attack. */
  readonly confusion: readonly (readonly number[])[];
  /** The first adversarial examples found, at most five. */
  readonly examples: readonly Example[];
}

export interface Example {
  /** Index in the data set. */
  readonly index: number;
  readonly label: number;
  /** After the attack. */
  readonly prediction: number;
  /** Probability of the prediction. */
  readonly confidence: number;
}

/** How far the first-order view of the loss holds (Goodfellow et al. 2015, §3): means over `samples`. */
export interface Linearity {
  readonly samples: number;
  readonly points: readonly {
    readonly epsilon: number;
    /** ε‖∇x J‖ in the dual norm: the rise if the loss were linear and the bounds absent. */
    readonly predicted: number;
    /** ⟨∇x J, x' - x⟩ with the perturbation that was really applied, after clipping to the bounds. */
    readonly predictedClipped: number;
    /** J(x') - J(x). */
    readonly measured: number;
  }[];
  /** The same network, perturbed in blocks of pixels only: how the rise grows with the number of free dimensions. */
  readonly dimensions: readonly {
    /** Free dimensions of the perturbation. */
    readonly dimensions: number;
    readonly epsilon: number;
    readonly predicted: number;
    readonly measured: number;
    /** The rise by a random perturbation of the same norm, for comparison. */
    readonly random: number;
  }[];
}

export interface Warning {
  readonly code: string;
  /** What was seen, with its number, and what to do next. */
  readonly message: string;
}

/** An evaluation with the pixels of its examples, for pictures. */
export interface EvaluationResult {
  readonly evaluation: Evaluation;
  /** Pixels of `clean` and of each point's examples, in the order of `evaluation.points[i].examples`. */
  readonly pictures: readonly (readonly Picture[])[];
  /** The first five samples that are right when clean: the row of ε = 0. */
  readonly cleanExamples: readonly (Example & Picture)[];
}

export interface Picture {
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly original: Float32Array;
  readonly adversarial: Float32Array;
}

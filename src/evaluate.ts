import type { Linearity } from "./evaluate/linear/contract.ts";
import type { Certification } from "./evaluate/results/certification.ts";
import type { Ending } from "./evaluate/results/ending.ts";
import type { SampleRecord } from "./evaluate/results/record.ts";
import type { Head } from "./model.ts";
import type { Normalization } from "./models/classifier/preprocess.ts";
import type { PictureFacts } from "./models/preprocessing/preprocessing.ts";
import type { NormName } from "./norm.ts";

export type { BoundLosses, Certification } from "./evaluate/results/certification.ts";
export type { Ending } from "./evaluate/results/ending.ts";
export type { Outcome, SampleRecord } from "./evaluate/results/record.ts";

/**
 * The result of an evaluation, as report.json holds it: numbers and names only.
 *
 * Its words, here and wherever perturb speaks of samples and attacks:
 * - correct, misclassified: the prediction on the clean sample is its label, or another class.
 * - fooled: an attack found an adversarial example within the budget. Not fooled: no attack of the run found one, which proves
 *   nothing.
 * - certified: proven to have no adversarial example within the budget.
 * - certified accuracy: the share of all samples that are correct and certified. It is never above the robust accuracy, and the accuracy
 *   under the strongest attack there is lies between the two.
 * - clean accuracy: the share of all samples that are correct. Robust accuracy: the share of all samples that are correct and not
 *   fooled by any attack of the run; with several attacks it is their worst case for each sample.
 * - budget: ε in a norm, what an attack may change at most.
 * - query: one forward or backward pass for one sample.
 * - step, restart, step size: as in the papers of the attacks.
 */
export interface Evaluation {
  /** Version of this layout. */
  readonly schema: 2;
  readonly tool: { readonly name: "perturb"; readonly version: string };
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly model: {
    readonly name: string;
    /** SHA-256 of the file's bytes, hex; null for a model that is no file. */
    readonly sha256: string | null;
    readonly inputShape: readonly number[];
    readonly classes: number;
    readonly head: Head;
    /** Number of trained values, where it is known. */
    readonly parameters: number | null;
    /** In the unit of ε; the widest, where elements have bounds of their own. */
    readonly bounds: { readonly lower: number; readonly upper: number };
    /**
     * Bounds in the units of the data, where each element has its own or ε is a share of them: one value for all, or one for each;
     * empty for more than 4,096.
     */
    readonly elements?: { readonly lower: readonly number[]; readonly upper: readonly number[] };
    /**
     * What is computed between the samples and the model's own graph: (scale · x - mean) / std, one value each, or one a channel.
     * Null: nothing.
     */
    readonly preprocessing: Normalization | null;
    /** How a picture in a file becomes what the network gets. */
    readonly pictures?: PictureFacts;
  };
  readonly data: {
    readonly name: string;
    readonly offset: number;
    readonly total: number;
    /** Where samples were drawn; the records have the index of each. Shuffled: from all alike; otherwise each class has its share. */
    readonly drawn?: { readonly of: number; readonly seed: number; readonly shuffled?: true };
    readonly classNames?: readonly string[];
  };
  readonly options: {
    readonly attacks: readonly string[];
    readonly norm: NormName;
    readonly epsilons: readonly number[];
    /** What ε and distances are measured in: the units of the input, or shares of the range of each element. */
    readonly epsilonUnit?: "input" | "range";
    /** The class aimed at, or null when any other class will do. */
    readonly target: number | null;
    readonly batch: number;
    readonly seed: number;
    /** Options of each attack that ran, in order, such as "pgd.steps=40"; an ensemble's members by their own names. */
    readonly settings: readonly string[];
    /** How many times a model that uses random numbers is run; its gradients and logits are averaged. */
    readonly eot: number;
    /** The number of values that an element may take, or null when any will do. */
    readonly levels: number | null;
    /** Queries that each attack may make for a sample, or null when there is no limit. */
    readonly maxQueries: number | null;
    /** The model that transfer attacks work on. */
    readonly surrogate: string | null;
  };
  readonly runtime: { readonly name: string; readonly device: string };
  readonly clean: Accuracy & {
    /** [label][prediction] counts over all samples; empty beyond 1,000 classes. */
    readonly confusion: readonly (readonly number[])[];
  };
  /** Of a multi-label model: each label of which a flip counts. `clean` and `worst` are then of whole sets: exact match. */
  readonly labels?: readonly LabelAccuracy[];
  /** Of the surrogate on the same samples, where an attack works on one. */
  readonly surrogate?: Accuracy;
  /** Robust accuracy at each ε: the samples that are correct and that no attack of the run fooled. */
  readonly worst: readonly WorstPoint[];
  /** Where the run certifies: how. */
  readonly certified?: Certification;
  /** Of a model with defences in front of its network (`perturb defend`): what they claim. */
  readonly defence?: DefenceResult;
  /** Of a run that ends by itself: how far it came. */
  readonly until?: Ending;
  /** The accuracies that were asked for, and whether they were met. */
  readonly gates: readonly Gate[];
  /**
   * One for each attack and ε, in order: the samples that are still not fooled after this attack and the ones before it. The
   * first attack gets every correct sample, and its counts are its own.
   */
  readonly points: readonly Point[];
  /** What each attack did, an ensemble's members one by one, in the order in which they attack a sample. */
  readonly attacks: readonly AttackSummary[];
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
  /** Wilson score interval, 95 %; of a run with `until`, that of a confidence sequence, 95 %. */
  readonly ci95: readonly [number, number];
}

/** On how many samples a label is right. */
export interface LabelAccuracy {
  /** Its number in the model's output, from 0. */
  readonly label: number;
  readonly clean: Accuracy;
  /** At each ε, on the adversarial example of a sample that was fooled, and on the clean sample of one that was not. */
  readonly worst: readonly (Accuracy & { readonly epsilon: number })[];
}

export interface WorstPoint extends Accuracy {
  readonly epsilon: number;
  /** Samples for which the model's logits held NaN: they count neither as correct nor as fooled. */
  readonly errors: number;
  /** Where the run certifies: samples that are correct and proven to stay so. What lies between the two accuracies is open. */
  readonly certified?: Accuracy;
}

/** What the defences in front of a network claim, beside what they hold. */
export interface DefenceResult {
  /** In the order in which samples meet them, such as "jpeg:75". */
  readonly names: readonly string[];
  /** Clean accuracy of the network without them. */
  readonly undefended: Accuracy;
  /**
   * At each ε, the samples that are correct and not fooled by the same attacks when these see the network without its defences: the
   * accuracy that the defences claim. `worst` has the one that is left when attacks adapt to them.
   */
  readonly unadapted: readonly (Accuracy & { readonly epsilon: number })[];
}

/** An accuracy that was asked for (`--fail-under`), and the one that was found. */
export interface Gate {
  readonly epsilon: number;
  /** The accuracy asked for, from 0 to 1. */
  readonly atLeast: number;
  /** The accuracy found. */
  readonly accuracy: number;
  /** accuracy >= atLeast */
  readonly met: boolean;
  /** Where it is the certified accuracy, not the robust one. */
  readonly certified?: true;
}

export interface AttackSummary {
  readonly attack: string;
  /** The attack that was asked for: itself, or the ensemble that it is a member of. */
  readonly of: string;
  /** Samples that it attacked. */
  readonly attacked: number;
  /** Samples that it was the first to fool, for each ε that was the least to do so. */
  readonly fooled: readonly number[];
  /** Queries of the attack: forward passes, and gradients, each for one sample. */
  readonly forwards: number;
  readonly gradients: number;
  readonly seconds: number;
  /** Of attacks that look for the least change: the distances at which they fooled samples, as quantiles over those attacked. */
  readonly distances: readonly { readonly quantile: number; readonly distance: number | null }[] | null;
}

export interface Point extends Accuracy {
  readonly attack: string;
  readonly norm: NormName;
  readonly epsilon: number;
  /** Samples attacked: those that are correct, and not already of the target's class. */
  readonly attacked: number;
  /** Attacked samples that reached the goal. */
  readonly fooled: number;
  /** Mean probability of the prediction over the fooled samples; null when there are none. */
  readonly fooledConfidence: number | null;
  /** Largest distance, in the norm, of any candidate judged: the check that the budget held. */
  readonly largestDistance: number;
  /** [label][prediction] counts over all samples, after the attack. */
  readonly confusion: readonly (readonly number[])[];
  /** The first adversarial examples found, at most five. */
  readonly examples: readonly Example[];
  /** Where the run certifies: samples that are correct and proven to stay so at this ε, whatever the attack. */
  readonly certified?: Accuracy;
}

export interface Example {
  readonly index: number;
  readonly label: number;
  /** After the attack. */
  readonly prediction: number;
  /** Probability of the prediction. */
  readonly confidence: number;
  readonly source?: string;
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
  /** For each ε, indices of the first samples that no attack fooled, at most fifty. */
  readonly notFooled: readonly (readonly number[])[];
  /** The first five samples that are correct: the row of ε = 0. */
  readonly cleanExamples: readonly (Example & Picture)[];
  /** What became of each sample, in order; not there where records went to `onRecords`, and in results of a part. */
  readonly records?: readonly SampleRecord[];
}

export interface Picture {
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly original: Float32Array;
  readonly adversarial: Float32Array;
}

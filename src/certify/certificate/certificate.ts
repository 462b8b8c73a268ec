import { PerturbError } from "../../errors.ts";

/** What is claimed of some elements of a value that curves or pools read. */
export interface Claims {
  /** Places of the elements, rising. */
  readonly elements: Int32Array;
  /** Two numbers that each is between, whatever x of the box the network is given. */
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  /** Slopes of the lines below and above the curve there, in place of the usual ones. They need no proof: any are sound. */
  readonly slopes?: { readonly lower: Float32Array; readonly upper: Float32Array };
}

/**
 * A part of the box: those of its inputs at which some elements have a sign. Elements are numbered over all claims, in order. It says how a bound
 * of a margin is made there.
 */
export interface Leaf {
  /** Elements that are not below 0, and elements that are not above it. */
  readonly positive: Int32Array;
  readonly negative: Int32Array;
  /** For each of these, the positive ones first: so many times its size may be taken off the margin (β of Wang et al. 2021). Not below 0. */
  readonly pushes: Float32Array;
  /** For every claimed element, the slope of the line below its curve where its sign stays open. Any is sound. */
  readonly slopes: Float32Array;
}

/**
 * That a network gives one label for every float32 input of a box, with what is needed to see that it does: what is claimed of a value
 * follows from the box and the claims of the values before it, and the margins from all of them.
 */
export interface Certificate {
  /** Which sample of a data set the box is around: for whoever reads it, and not checked. */
  readonly sample?: number;
  readonly label: number;
  /** The box: every float32 number between the two, for each element of the input. */
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  /** For each other class, in order: what logit[label] - logit[class] is not below, and above 0. */
  readonly margins: readonly number[];
  /** One for each value that a curve or pool reads, in the order of the network's values. */
  readonly claims: readonly Claims[];
  /** For each margin, the parts of the box that it is shown in, each by itself; none where it is shown in all of it at once. */
  readonly leaves?: readonly (readonly Leaf[])[];
}

/** What is wrong with a line of a file of certificates. */
export function brokenLine(line: number, what: string, cause?: unknown): PerturbError {
  return new PerturbError("invalid-file", `Line ${line} of the certificates cannot be read: ${what}.`, {
    data: { line },
    cause,
  });
}

/** What all certificates of one file are about. */
export interface Heading {
  /** SHA-256, in hex, of the model file. */
  readonly model: string;
  /** SHA-256, in hex, of the classifier's graph in the units of the data: the model with its preprocessing in front, behind no head. */
  readonly classifier: string;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly classes: number;
}

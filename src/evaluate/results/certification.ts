/** What was done to certify samples. */
export interface Certification {
  /** What each method did, from the cheapest to the strongest: each gets what those before it left open. */
  readonly methods: readonly {
    readonly method: string;
    /** Samples that it tried at the ε of the run. */
    readonly tried: number;
    /** Those of which it proved more than the methods before it. */
    readonly proven: number;
    /** Those for which it found an input of another class, which no attack had fooled. */
    readonly fooled: number;
    /** Summed over threads, with the search for the largest certified ε. */
    readonly seconds: number;
  }[];
  /** Significant digits of the largest certified ε of each sample; null where it was not looked for. */
  readonly digits: number | null;
  /** Mean over all samples of the largest certified ε, 0 for those without (average certified radius); null where it was not looked for. */
  readonly averageRadius: number | null;
  /** What CROWN's bounds lose of the margins of samples that are open; absent where none is. */
  readonly losses?: BoundLosses;
}

/**
 * Means over the samples that are open, each at its least ε that is and for the class to which its margin is least: bound = margin - linear -
 * Σ layers - rounding.
 */
export interface BoundLosses {
  readonly samples: number;
  /** Of the samples as they are. */
  readonly margin: number;
  /** What the linear part loses: the bound's own slopes, times as far as the input may move. */
  readonly linear: number;
  /** What is allowed for the rounding of float32. */
  readonly rounding: number;
  /** By CROWN. */
  readonly bound: number;
  /** What each layer that is not linear loses, in the order of the network; `node` is null for one that the file does not have. */
  readonly layers: readonly { readonly op: string; readonly node: string | null; readonly loss: number }[];
}

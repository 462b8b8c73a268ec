import type { Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";

/** Half the distance of float32 numbers around 1: the largest relative error of one operation. */
export const UNIT = 2 ** -24;

/** What is known of a value over a box: two ends that it stays between, for every sample [n, ...], in float32. */
export interface Interval {
  readonly lower: string;
  readonly upper: string;
}

/** An interval, and one value inside of it: that at the centre of the box. */
export interface Enclosure extends Interval {
  readonly centre: string;
}

/** What a relaxation is told of one node, for every sample [n, ...]. Values are referred to by name. */
export interface RelaxationContext {
  readonly node: Node;
  readonly b: Ops;
  /** Its inputs; a constant is its own enclosure. */
  readonly x: readonly Enclosure[];
  /** Its output where each input is at its centre. */
  readonly y: string;
  /** Of each element, float32 in [0, 1]: which line below, of those of an operator with a kink at 0 (α of Xu et al. 2021, https://arxiv.org/abs/2011.13824). */
  readonly share?: string | undefined;
}

/** A linear bound of an operator: on one side of it over the whole interval. */
export type Line = {
  /** Float64 [n, ...] in the shape of the output: the bound less the output, at the centre. Not above 0 below, not below 0 above. */
  readonly gap: string;
} & (
  | {
      /** What each element of the output has of the same element of the first input, [n, ...]. */
      readonly slope: string;
    }
  | {
      /** The same of every input, [n, ...] in the shape of the output, to which inputs are broadcast. That of a constant is not used. */
      readonly slopes: readonly string[];
    }
  | {
      /**
       * Sends coefficients backwards: from those of the output, [rows, ...], to those of input i. `rowsOf` gives what the sample of each
       * row has of a value. What its own sums can be off is part of the gap.
       */
      readonly back: (b: Ops, a: string, rowsOf: (name: string) => string, i: number) => string;
    }
);

/** How an operator that is not linear is bounded. It holds for what ONNX Runtime's CPU kernel computes in float32. */
export interface Relaxation {
  /** The inputs that may change over the box; by default the first one alone. The others are constant. */
  readonly operands?: readonly number[] | "all";
  readonly interval: (context: RelaxationContext) => Interval;
  /** The lines below and above: any slopes are sound, good ones are tight. */
  readonly lines: (context: RelaxationContext) => { readonly lower: Line; readonly upper: Line };
  /** Whether better ends of an input could give better lines. */
  readonly isOpen: (node: Node, lower: number, upper: number) => boolean;
  /** Whether it is linear on both sides of 0, so that its line below may be any between the two, and that halving an interval there makes it exact. */
  readonly bendsAtZero?: boolean;
}

export type Relaxations = Readonly<Record<string, Relaxation>>;

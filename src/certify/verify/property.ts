import type { Decimal } from "../vnnlib/decimal.ts";

/** Σ coefficients·values ≤ limit, or < where it is strict; exact. */
export interface Inequality {
  /** By the place of an element in the tensor. */
  readonly coefficients: ReadonlyMap<number, Decimal>;
  readonly limit: Decimal;
  readonly isStrict: boolean;
}

/** A counterexample of this case has its input in the box, and all inequalities hold of its output. */
export interface Case {
  /** The values that each element of the input may take: all float32 numbers between the two. Empty where an end passes the other. */
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  readonly outputs: readonly Inequality[];
}

/** Whether no input at all is in the box. */
export const isEmpty = ({ lower, upper }: Case): boolean => lower.some((l, i) => l > upper[i]!);

/** What is to be shown of a network: that no input of any case leads to an output of that case. */
export interface Property {
  readonly inputs: number;
  readonly outputs: number;
  readonly cases: readonly Case[];
}

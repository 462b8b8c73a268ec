import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";
import { product } from "../../tensor.ts";
import type { Affine, Curve, Largest, Part } from "./layers.ts";

/** Elements that are the same for every input. */
export interface Constant {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/** What is known of one node when its layer is made. Inputs are named by their place. */
export interface OperatorContext {
  readonly node: Node;
  /** The shape of an input, and of the output, for one sample (its first axis is 1). @throws unsupported where it is not known */
  readonly dims: (i: number) => readonly number[];
  readonly outputDims: () => readonly number[];
  /** The layer whose value an input is; undefined for constants and inputs left out. */
  readonly value: (i: number) => number | undefined;
  /** @throws unsupported unless an input is a float32 constant of the file */
  readonly constant: (i: number) => Constant;
  /** Whole numbers that an input holds. @throws unsupported unless they are known */
  readonly integers: (i: number) => readonly number[];
}

/** A layer, and the shape of its output. `same`: the elements of that value in the same order. */
export type Made = { readonly dims: readonly number[] } & (
  | Affine
  | Curve
  | Largest
  | { readonly kind: "same"; readonly from: number }
);

export type Operator = (context: OperatorContext) => Made;

/** @returns the error that says that a node is not checked, and why */
export const notChecked = (node: Node, why: string): PerturbError =>
  new PerturbError(
    "unsupported",
    `${describeNode(node)}: the checker of certificates does not know ${why}. Prove it without certificates.`,
    {
      data: { op: node.op },
    },
  );

/** The layer of an input that has to be one. @throws unsupported */
export function operand({ node, value }: OperatorContext, i: number): number {
  const from = value(i);
  if (from === undefined) throw notChecked(node, `it with a constant as input ${i}`);
  return from;
}

export const zeros = (dims: readonly number[]): Float64Array => new Float64Array(product(dims));

export const affine = (
  dims: readonly number[],
  parts: readonly Part[],
  bias = zeros(dims),
  biasSize?: Float64Array,
): Made => ({
  kind: "affine",
  dims,
  parts,
  bias,
  ...(biasSize && { biasSize }),
  rounds: true,
});

export const moved = (dims: readonly number[], parts: readonly Part[], bias = zeros(dims)): Made => ({
  kind: "affine",
  dims,
  parts,
  bias,
  rounds: false,
});

import type { Tensor } from "../tensor.ts";
import type { Dim, Node, ValueType } from "./graph.ts";

/** What is known of a value: type, shape, and the elements where it is a small integer tensor (shapes, axes, indices). */
export interface Fact extends ValueType {
  readonly values?: readonly Dim[] | undefined;
}

export const UNKNOWN: Fact = { type: null, dims: null };

/** What a shape rule is told of its node. */
export interface ShapeContext {
  readonly node: Node;
  readonly opset: number;
  /** The fact of input i; unknown when it is left out. */
  input(i: number): Fact;
}
export type ShapeRule = (context: ShapeContext) => Fact | readonly Fact[];

/** Elements beyond which a constant is no shape computation. */
export const SMALL = 256;

export const isIntegral = (type: ValueType["type"]): boolean => type === "int64" || type === "int32" || type === "bool";

export const tensorFact = (t: Tensor): Fact => ({
  type: t.type,
  dims: t.dims,
  values: isIntegral(t.type) && t.data.length <= SMALL ? Array.from(t.data as ArrayLike<number | bigint>, Number) : undefined,
});

import type { Tensor } from "../tensor.ts";
import type { Dim, Node, ValueType } from "./graph.ts";

/** What is known of a value: type, shape, and the elements where it is a small integer tensor (shapes, axes, indices). */
export interface Fact extends ValueType {
  readonly values?: readonly Dim[] | undefined;
  /** The elements where it is a small float constant (scales, regions). */
  readonly floats?: readonly number[] | undefined;
}

export const UNKNOWN: Fact = { type: null, dims: null };

/** What a shape rule is told of its node. */
export interface ShapeContext {
  readonly node: Node;
  readonly opset: number;
  /** The fact of input i; unknown when it is left out. */
  readonly input: (i: number) => Fact;
}
export type ShapeRule = (context: ShapeContext) => Fact | readonly Fact[];

/** Elements beyond which a constant is no shape computation. */
export const SMALL = 256;

export const isIntegral = (type: ValueType["type"]): boolean => type === "int64" || type === "int32" || type === "bool";

/** Whether a value of this type may carry a gradient; one of unknown type may. */
export const isFloat = (type: ValueType["type"]): boolean => !/^(u?int|bool)/.test(type ?? "float32");

/** Whether integers of this type may stand for reals, as in quantised arithmetic; positions and conditions are of others. */
export const isQuantized = (type: ValueType["type"]): boolean => /^u?int(8|16|32)$/.test(type ?? "");

/** Beyond this, the rank of a value counts as unknown: no runtime computes with such tensors. */
export const MAX_RANK = 64;

/** A fact that says no more than it may: sizes are whole and not negative, lists are short. For rules fed by broken files. */
export function checkedFact({ type, dims, values, floats }: Fact): Fact {
  const isSize = (d: Dim | undefined) => typeof d === "string" || (Number.isSafeInteger(d) && (d as number) >= 0);
  const isElement = (v: Dim | undefined) => typeof v === "string" || Number.isFinite(v);
  return {
    type,
    dims: dims && dims.length <= MAX_RANK ? Array.from(dims, (d) => (isSize(d) ? d : null)) : null,
    values: values && values.length <= SMALL ? Array.from(values, (v) => (isElement(v) ? v : null)) : undefined,
    ...(floats && floats.length <= SMALL && { floats }),
  };
}

/** Types whose elements are kept as `floats`. */
export const hasFloats = (type: ValueType["type"]): boolean => type === "float32" || type === "float64";

export const tensorFact = (t: Tensor): Fact => ({
  type: t.type,
  dims: t.dims,
  values:
    isIntegral(t.type) && t.data.length <= SMALL ? Array.from(t.data as ArrayLike<number | bigint>, Number) : undefined,
  ...(hasFloats(t.type) && t.data.length <= SMALL && { floats: Array.from(t.data as ArrayLike<number>) }),
});

import type { Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";

/** What a linear operator is told of one node. Values are referred to by name, inputs by their place. */
export interface LinearContext {
  readonly node: Node;
  readonly b: Ops;
  readonly x: readonly string[];
  /** Whether an input is the same for all x of the box. */
  readonly isConstant: (i: number) => boolean;
}

export interface Terms {
  readonly forwards: number;
  readonly backwards: number;
}

/**
 * An operator that is linear in some of its inputs, apart from a constant: f(u + v) - f(u) - f(v) + f(0) = 0. Its bounds go
 * backwards by its gradient rule; here stands what bounds need forwards.
 */
export interface LinearOperator {
  /** The inputs that it is linear in together; all others have to be constant. */
  readonly operands: readonly number[] | "all";
  /** Whether it is linear at all, as it is used here. */
  readonly isLinear?: (context: LinearContext) => boolean;
  /** It is linear in one of `operands` while the others are constant. */
  readonly bilinear?: true;
  /** How the ends of its operands lead to the ends of its output. `monotone`: end to end, for its weights are never negative. */
  readonly ends: "monotone" | "falling" | "weighted";
  /** How many numbers its longest sums add up, forwards and in its gradient, or more; absent where values are only moved. */
  readonly terms?: (context: LinearContext) => Terms;
  /** Whether ONNX Runtime's CPU kernels do it in float64, too. */
  readonly isInDouble?: true;
  /**
   * With the absolute values of all weights: |W|·h, and with `additive` |W|·h + |b|. `h(i)` gives what stands for operand i.
   * Absent where the node itself does it.
   */
  readonly absolute?: (context: LinearContext, h: (i: number) => string, additive: boolean) => string;
  /** How many products in each of its sums are of an element that `marks` has 1 for, not 0. Absent where sums are short. */
  readonly count?: (context: LinearContext, marks: (i: number) => string) => string | undefined;
}

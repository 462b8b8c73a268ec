import type { Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";

/** What a gradient rule is told of one node. Values are referred to by name. */
export interface RuleContext {
  readonly node: Node;
  /** The gradient of output 0. */
  readonly g: string;
  /** The gradient of output i, undefined where nothing depends on it: for operators of many outputs. */
  readonly gradientOf: (i: number) => string | undefined;
  /** The inputs; "" where an optional one is left out. */
  readonly x: readonly string[];
  /** Output 0. */
  readonly y: string;
  readonly b: Ops;
  /** Whether the gradient of input i is needed. */
  readonly wants: (i: number) => boolean;
}

/**
 * The gradient of an operator: one entry an input. `null`: a known constant (shapes, axes, indices), or not wanted.
 * Trailing nulls may be left out. Gradients may still be broadcast: the engine sums them to the input's shape.
 * Rules emit standard ONNX operators only; the convention at a kink stands beside its rule and is PyTorch's.
 */
export type Rule = (context: RuleContext) => readonly (string | null)[];
export type Rules = Readonly<Record<string, Rule>>;

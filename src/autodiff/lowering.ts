import type { Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";

/** What a lowering is told of one node. Values are referred to by name. */
export interface LoweringContext {
  readonly node: Node;
  /** The inputs; "" where an optional one is left out. */
  readonly x: readonly string[];
  readonly b: Ops;
}

/**
 * An operator written in others: appends them, and gives the value of each output of the node in their order ("" for one
 * that the node leaves out). `null`: this node stays as it is. What is appended may itself be lowered.
 */
export type Lowering = (context: LoweringContext) => readonly string[] | null;
export type Lowerings = Readonly<Record<string, Lowering>>;

import type { GraphProto } from "onnx-buf";
import type { Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";

/** A value that is no tensor, by the values that it holds: a sequence, or an optional, which holds one or none. */
export interface Collection {
  readonly kind: "sequence" | "optional";
  readonly elements: readonly string[];
}

/** What a lowering is told of one node. Values are referred to by name. */
export interface LoweringContext {
  readonly node: Node;
  /** The inputs; "" where an optional one is left out. */
  readonly x: readonly string[];
  readonly b: Ops;
  /** Appends a sub-graph of the node, its inputs bound to values; gives its outputs, whose facts are then known. */
  readonly inline: (graph: GraphProto, inputs: readonly string[]) => readonly string[];
  /** Sequences and optionals whose elements are known, by name. */
  readonly collections: Map<string, Collection>;
  /** Whether the elements of a value, and not only its shape, depend on what is differentiated. */
  readonly varies: (name: string) => boolean;
}

/**
 * An operator written in others: appends them, and gives the value of each output of the node in their order ("" for one
 * that the node leaves out). `null`: this node stays as it is. What is appended may itself be lowered.
 */
export type Lowering = (context: LoweringContext) => readonly string[] | null;
export type Lowerings = Readonly<Record<string, Lowering>>;

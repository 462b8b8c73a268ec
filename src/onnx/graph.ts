import type { ModelProto, NodeProto, TensorProto } from "onnx-buf";
import type { ElementType, Tensor } from "../tensor.ts";
import type { Attributes } from "./attributes.ts";

/** A size: fixed, named ("N"), or unknown (null). */
export type Dim = number | string | null;

/** What is known of a value before anything runs; `dims: null` when not even the rank is. */
export interface ValueType {
  readonly type: ElementType | null;
  readonly dims: readonly Dim[] | null;
}

/** A named input or output of a graph. */
export interface GraphValue extends ValueType {
  readonly name: string;
  /** Of an input that is given beside the one perturbed, with a row for each sample. */
  readonly rows?: Rows;
}

/** What an input holds for each sample of a data set, by the sample's index. */
export interface Rows {
  /** The input's name in the file. */
  readonly name: string;
  /** [samples, ...] */
  readonly values: Tensor;
  /** Whether the input is known to take a row for each sample; else only a run tells whether it takes the whole array, for all. */
  readonly isSure: boolean;
}

/** One operator applied to values. An empty input name is an optional input left out. */
export interface Node {
  readonly op: string;
  /** "" is the standard domain, ai.onnx. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** As it stood in the file, with fields that this library does not know. */
  readonly proto?: NodeProto;
}

/** An ONNX graph. Immutable: rewriting gives a new one. Nodes are in topological order. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  readonly nodes: readonly Node[];
  /** Version of each operator set, by domain ("" is ai.onnx). */
  readonly opsets: ReadonlyMap<string, number>;
  /** The file it came from: what is not rewritten is saved as it was. */
  readonly source?: ModelProto;
}

/** The inputs that nothing is given for. */
export const ownInputs = ({ inputs }: Graph): readonly GraphValue[] => inputs.filter((v) => !v.rows);

/** Every value that a node reads: its inputs, and what its sub-graphs (If, Loop, Scan) take from around them. */
export const valuesRead = (node: Node): string[] => [...node.inputs, ...node.attributes.outerValues()];

/** How errors name a node: operator, name, and its first output. */
export const describeNode = (node: Node): string =>
  `${node.domain ? `${node.domain}.` : ""}${node.op}${node.name ? ` "${node.name}"` : ""} (output "${node.outputs[0] ?? ""}")`;

/** "[N, 1, 28, 28]" */
export const describeDims = (dims: readonly Dim[] | null): string =>
  dims ? `[${dims.map((d) => d ?? "?").join(", ")}]` : "of unknown rank";

/** The graph cut back to what `outputs` need; nodes and initializers that nothing uses are dropped. */
export function prune(graph: Graph, outputs: readonly GraphValue[] = graph.outputs): Graph {
  const needed = new Set(outputs.map((o) => o.name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of valuesRead(node)) needed.add(name);
  }
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  return { ...graph, nodes: nodes.reverse(), initializers, outputs };
}

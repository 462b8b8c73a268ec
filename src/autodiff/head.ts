import { normalizeAxis } from "../onnx/dims.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { inferShapes } from "../onnx/shapes.ts";

export interface HeadInfo {
  readonly kind: "logits" | "softmax" | "log-softmax";
  /** The value that holds the logits. */
  readonly logits: string;
}

/** Operators between a softmax and the output that change no class score. */
const TRANSPARENT = new Set(["Identity", "Flatten", "Squeeze", "Cast", "Dropout"]);

/** Where the logits of an output stand: behind a softmax or log-softmax over the classes, if the graph ends in one. */
export function findHead(graph: Graph, output: string): HeadInfo {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node])));
  let maker = makers.get(output);
  while (maker && maker.domain === "" && TRANSPARENT.has(maker.op)) maker = makers.get(maker.inputs[0]!);
  const isSoftmax =
    maker?.domain === "" && (maker.op === "Softmax" || maker.op === "LogSoftmax") && overClasses(graph, maker);
  if (!maker || !isSoftmax) return { kind: "logits", logits: output };
  return { kind: maker.op === "Softmax" ? "softmax" : "log-softmax", logits: maker.inputs[0]! };
}

/** Whether a softmax runs over axis 1, the classes, of [n, classes] or [n, classes, 1, 1]. */
function overClasses(graph: Graph, node: Node): boolean {
  const modern = (graph.opsets.get("") ?? 0) >= 13;
  const dims = inferShapes(graph).get(node.inputs[0]!)?.dims;
  const axis = normalizeAxis(node.attributes.int("axis", modern ? -1 : 1), dims?.length ?? 2);
  return axis === 1;
}

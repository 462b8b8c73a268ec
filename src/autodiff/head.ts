import { normalizeAxis } from "../onnx/dims.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { inferShapes } from "../onnx/shapes.ts";

export interface HeadInfo {
  readonly kind: "logits" | "softmax" | "log-softmax";
  /** The value that holds the logits. */
  readonly logits: string;
  /** Scale and zero point of logits that are integers. */
  readonly integers?: { readonly scale: string; readonly zero: string | undefined };
}

/** Operators between a softmax and the output that change no class score, but for rounding. */
const TRANSPARENT = new Set([
  "Identity",
  "Flatten",
  "Squeeze",
  "Cast",
  "Dropout",
  "QuantizeLinear",
  "DequantizeLinear",
]);

/** Where the logits of an output stand: behind a softmax or log-softmax over the classes, if the graph ends in one. */
export function findHead(graph: Graph, output: string): HeadInfo {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node])));
  let maker = makers.get(output);
  while (maker && maker.domain === "" && TRANSPARENT.has(maker.op)) maker = makers.get(maker.inputs[0]!);
  const kind = maker && kindOf(maker);
  if (!maker || !kind || !overClasses(graph, maker)) return { kind: "logits", logits: output };
  const [logits, scale, zero] = maker.inputs as [string, ...string[]];
  return { kind, logits, ...(scale !== undefined && { integers: { scale, zero } }) };
}

function kindOf({ op, domain }: Node): "softmax" | "log-softmax" | undefined {
  if (domain === "com.microsoft" && op === "QLinearSoftmax") return "softmax";
  if (domain !== "") return undefined;
  return op === "Softmax" ? "softmax" : op === "LogSoftmax" ? "log-softmax" : undefined;
}

/** Whether a softmax runs over axis 1, the classes, of [n, classes] or [n, classes, 1, 1]. */
function overClasses(graph: Graph, node: Node): boolean {
  // The quantised one has the meaning of an opset of its own.
  const opset = graph.opsets.get("") ?? 0;
  const modern = (node.domain === "" ? opset : node.attributes.int("opset", opset)) >= 13;
  const dims = inferShapes(graph).get(node.inputs[0]!)?.dims;
  const axis = normalizeAxis(node.attributes.int("axis", modern ? -1 : 1), dims?.length ?? 2);
  return axis === 1;
}

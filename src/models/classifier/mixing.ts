import { normalizeAxis } from "../../onnx/dims.ts";
import { UNKNOWN } from "../../onnx/facts.ts";
import { type Dim, type Graph, type Node, ownInputs } from "../../onnx/graph.ts";
import { axesOf } from "../../onnx/shape-rules/axes.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { own } from "../../own.ts";

/** Operators along one axis, with the axis where none is said. */
const ALONG: Readonly<Record<string, number>> = {
  Softmax: -1,
  LogSoftmax: -1,
  Hardmax: -1,
  ArgMax: 0,
  ArgMin: 0,
  LpNormalization: -1,
};

/** Nodes that run over the samples of a batch, as far as shapes tell: by them samples change each other's scores. */
export function mixingNodes(given: Graph): readonly Node[] {
  const [first, ...others] = ownInputs(given);
  if (!first?.dims || others.length > 0 || typeof first.dims[0] === "number") return [];
  const batch = first.dims[0] ?? "perturb/batch";
  const graph = {
    ...given,
    inputs: given.inputs.map((v) => (v === first ? { ...v, dims: [batch, ...first.dims!.slice(1)] } : v)),
  };
  const facts = inferShapes(graph);
  const opset = graph.opsets.get("") ?? 1;
  return graph.nodes.filter((node) => {
    const dims = node.domain === "" ? facts.get(node.inputs[0] ?? "")?.dims : undefined;
    const axis = dims?.indexOf(batch) ?? -1;
    return axis >= 0 && overAxes(node, opset, dims!, (name) => facts.get(name) ?? UNKNOWN).includes(axis);
  });
}

type Lookup = (name: string) => typeof UNKNOWN;

/** The axes of its first input that a node brings together. */
function overAxes(node: Node, opset: number, dims: readonly Dim[], lookup: Lookup): readonly number[] {
  if (node.op.startsWith("Reduce")) {
    const axes = axesOf({ node, opset, input: (i) => (node.inputs[i] ? lookup(node.inputs[i]) : UNKNOWN) });
    if (axes === null) return [];
    if (axes === undefined || axes.length === 0)
      return node.attributes.int("noop_with_empty_axes", 0) ? [] : [...dims.keys()];
    return axes.map((a) => normalizeAxis(a, dims.length));
  }
  // One scale for all of them.
  if (node.op === "DynamicQuantizeLinear") return [...dims.keys()];
  const usual = own(ALONG, node.op);
  if (usual === undefined) return [];
  const isSoftmax = node.op.endsWith("max") && !node.op.startsWith("Arg");
  const axis = normalizeAxis(node.attributes.int("axis", isSoftmax && opset < 13 ? 1 : usual), dims.length);
  // Before opset 13 all axes from this one on were flattened into one.
  return isSoftmax && opset < 13 ? [...dims.keys()].filter((i) => i >= axis) : [axis];
}

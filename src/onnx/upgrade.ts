import { tensor } from "../tensor.ts";
import { Attributes } from "./attributes.ts";
import type { Graph, Node } from "./graph.ts";
import { writeTensor } from "./tensor-proto.ts";
import { upgradeEarly } from "./upgrade-early.ts";

/** The first opset that has Where, Sign and ConstantOfShape, which gradients need. */
const MODERN = 9;

/**
 * A graph of opset 8 or less as one of opset 9. Between 7 and 9 only Upsample, BatchNormalization, Scan and ONNX Runtime's own
 * reading of MeanVarianceNormalization changed their form; a graph with one that cannot be rewritten stays as it is.
 */
export function upgrade(file: Graph): Graph {
  const graph = upgradeEarly(file);
  const opset = graph.opsets.get("") ?? MODERN;
  if (opset >= MODERN || opset < 7 || graph.nodes.some(isBound)) return graph;
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.map((node, i): Node => {
    const scales = isStandard(node, "Upsample") ? node.attributes.floats("scales", undefined) : undefined;
    if (!scales) return node;
    const name = `${node.outputs[0]}/scales_${i}`;
    initializers.set(name, writeTensor(name, tensor("float32", [scales.length], Float32Array.from(scales))));
    const { proto: _, ...fields } = node;
    const mode = node.attributes.string("mode", "nearest");
    return { ...fields, inputs: [...node.inputs, name], attributes: Attributes.from({ mode }) };
  });
  return { ...graph, nodes, initializers, opsets: new Map([...graph.opsets, ["", MODERN]]) };
}

const isStandard = (node: Node, op: string): boolean => node.domain === "" && node.op === op;

/** Whether a node has a meaning of its own before opset 9. */
const isBound = (node: Node): boolean =>
  isStandard(node, "Scan") ||
  isStandard(node, "MeanVarianceNormalization") ||
  (isStandard(node, "BatchNormalization") && node.attributes.int("spatial", 1) === 0);

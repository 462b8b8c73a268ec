import { findHead } from "../autodiff/head.ts";
import { PerturbError } from "../errors.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { renameValues } from "../onnx/rewrite.ts";
import { inferShapes } from "../onnx/shapes.ts";
import { option } from "../option.ts";

/** The name of the node that divides; of one that is calibrated again, with a number behind it. */
export const TEMPERATURE = "temperature";

/** The first opset in which Div broadcasts by itself. */
const LEAST_OPSET = 7;

/**
 * The same model with its logits divided by a temperature: one Div where the logits are made, in front of the softmax where the graph ends
 * in one, so that all that reads the logits reads the new ones. Predictions stay.
 * @param output the one with the class scores, where the graph has several
 * @throws usage for a temperature that is no positive number, and where the output is not clear; unsupported for logits that are not to be seen
 */
export function withTemperature(graph: Graph, temperature: number, output?: string): Graph {
  if (!(temperature > 0 && Math.fround(temperature) > 0 && Math.fround(temperature) < Number.POSITIVE_INFINITY))
    throw new PerturbError("usage", `A temperature is a positive number that float32 holds, got ${temperature}.`);
  const opset = graph.opsets.get("") ?? 0;
  if (opset < LEAST_OPSET)
    throw new PerturbError(
      "unsupported",
      `The model uses opset ${opset}, and a temperature needs ${LEAST_OPSET}. Export it with that opset or a later one.`,
    );
  const logits = logitsOf(graph, outputOf(graph, output));
  const maker = graph.nodes.findIndex((node) => node.outputs.includes(logits));
  if (maker < 0)
    throw new PerturbError("unsupported", `The logits "${logits}" of the model are no result of its nodes.`);
  const b = new Ops({ ...graph, nodes: graph.nodes.slice(0, maker + 1) }, TEMPERATURE);
  b.reserve(graph.nodes.flatMap((node) => [...node.outputs, ...node.attributes.innerValues()]));
  const before = b.fresh("logits");
  const [made] = renameValues(alone(graph, graph.nodes[maker]!), new Map([[logits, before]])).nodes;
  const known = b.nodes.length;
  const names = new Set(graph.nodes.map(({ name }) => name));
  let name = TEMPERATURE;
  for (let i = 2; names.has(name); i++) name = `${TEMPERATURE}_${i}`;
  const quotient = b.named(name, "Div", [logits, b.scalar(temperature, logits)]);
  const added = b.nodes
    .slice(known)
    .map((node) =>
      node.outputs[0] === quotient ? { ...node, inputs: [before, node.inputs[1]!], outputs: [logits] } : node,
    );
  const { initializers } = b.finish([quotient]);
  const nodes = [...graph.nodes.slice(0, maker), made!, ...added, ...graph.nodes.slice(maker + 1)];
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...initializers]) };
}

/** A graph of one node, to rename what it makes. */
const alone = (graph: Graph, node: Node): Graph => ({
  ...graph,
  inputs: [],
  outputs: [],
  initializers: new Map(),
  nodes: [node],
});

/** @throws usage */
function outputOf({ outputs }: Graph, name: string | undefined): string {
  const found =
    name === undefined ? (outputs.length === 1 ? outputs[0] : undefined) : outputs.find((v) => v.name === name);
  if (found) return found.name;
  throw new PerturbError(
    "usage",
    `${name === undefined ? `The model has ${outputs.length} outputs` : `The model has no output "${name}"`}: ${outputs.map((v) => `"${v.name}"`).join(", ")}. Name the one with the class scores (${option("output")}).`,
    { data: { outputs: outputs.map((v) => v.name) } },
  );
}

/** The value of the graph that holds the logits of an output. @throws unsupported */
function logitsOf(graph: Graph, output: string): string {
  const { kind, logits, integers, classifier, columns } = findHead(graph, output);
  const isPlain = !integers && !classifier && !columns && !inferShapes(graph).get(logits)?.type?.includes("int");
  if (isPlain && (kind === "logits" || kind === "softmax" || kind === "log-softmax")) return logits;
  throw new PerturbError(
    "unsupported",
    `A temperature divides the float logits of a softmax over the classes, and behind the output "${output}" the graph shows none${isPlain ? `: it was read as ${kind}` : ""}. Export the model with its logits as output.`,
    { data: { output, head: kind } },
  );
}

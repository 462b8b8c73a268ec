import type { FunctionProto, GraphProto, NodeProto } from "onnx-buf";
import { PerturbError } from "../errors.ts";
import { Attributes } from "./attributes.ts";
import { Budget } from "./budget.ts";
import { describeNode, type Graph, type Node } from "./graph.ts";
import { type Body, functionBody, instantiate } from "./inline.ts";
import { readNode, renaming, standardDomain, writeNode } from "./node-proto.ts";
import { altered } from "./subgraphs.ts";

/** Calls within calls beyond which a file is taken to be broken. */
const DEEPEST = 64;

type Place = (node: Node) => void;

/** A function that is being written out, and those that it was called from. */
interface Frame {
  readonly called: FunctionProto;
  readonly caller: Frame | null;
  readonly depth: number;
}

/**
 * The graph in which every call of a model-local function is replaced by the function's body, in sub-graphs too. Functions
 * of the standard domain stay: ONNX Runtime prefers its own operators to them.
 * @throws invalid-file when functions call each other in a circle, or use what nothing makes; unsupported when one needs
 *   another version of an operator set than the model, or when the result is too large
 */
export function inlineFunctions(graph: Graph): Graph {
  const { source } = graph;
  const local = source?.functions.filter((f) => standardDomain(f.domain) !== "") ?? [];
  if (!source || local.length === 0) return graph;
  const functions = new Map(local.map((f) => [identity(f.domain, f.name, f.overload), f]));
  const bodies = new Map<FunctionProto, Body>();
  const opsets = new Map(graph.opsets);
  const fresh = freshNames(graph);
  const budget = new Budget();

  const bodyOf = (called: FunctionProto): Body => {
    const body = bodies.get(called) ?? functionBody(called);
    if (!bodies.has(called)) importOpsets(called, opsets);
    bodies.set(called, body);
    return body;
  };

  const expand = (node: Node, frame: Frame | null, place: Place): void => {
    const called = functions.get(identity(node.domain, node.op, node.proto?.overload));
    if (!called) place(withSubgraphs(node, (inner) => expandGraph(inner, frame)));
    else call(node, enter(node, called, frame), place);
  };

  const call = (node: Node, frame: Frame, place: Place): void => {
    const { called } = frame;
    const where = `${describeNode(node)}, which calls a function of the model`;
    const body = bodyOf(called);
    const given = Object.fromEntries([...called.attributeProto, ...node.attributes.protos].map((a) => [a.name, a]));
    const bound = new Map(body.inputs.map((name, i) => [name, node.inputs[i] ?? ""]));
    const own = new Set(body.nodes.flatMap((n) => n.output));
    for (const [i, name] of body.outputs.entries())
      if (node.outputs[i] && own.has(name) && !bound.has(name)) bound.set(name, node.outputs[i]);
    const value = (name: string): string => {
      throw new PerturbError("invalid-file", `${where}: its body uses "${name}", which nothing makes.`);
    };
    const count = (made: NodeProto): void => budget.node(made, () => where);
    // A function without nodes is no less work.
    budget.spend({ nodes: 1 }, () => where);
    const argument = (name: string) => (Object.hasOwn(given, name) ? given[name] : undefined);
    const outputs = instantiate(body, bound, { value, own: fresh, argument, count }, (n) => expand(n, frame, place));
    for (const [i, name] of node.outputs.entries())
      if (name !== "" && outputs[i] !== name) place(renaming(name, outputs[i] ?? value(`output ${i}`)));
  };

  const expandGraph = (inner: GraphProto, frame: Frame | null): GraphProto => {
    const nodes: NodeProto[] = [];
    for (const node of inner.node) expand(readNode(node), frame, (n) => nodes.push(writeNode(n)));
    return altered(inner, { node: nodes });
  };

  const nodes: Node[] = [];
  for (const node of graph.nodes) expand(node, null, (n) => nodes.push(n));
  const kept = source.functions.filter((f) => !local.includes(f));
  const used = new Set(nodes.flatMap((node) => [...domains(node)]));
  for (const { domain } of local) if (!used.has(domain)) opsets.delete(domain);
  return { ...graph, nodes, opsets, source: altered(source, { functions: kept }) };
}

const identity = (domain: string, name: string, overload = ""): string => JSON.stringify([domain, name, overload]);

function enter(node: Node, called: FunctionProto, caller: Frame | null): Frame {
  const depth = (caller?.depth ?? 0) + 1;
  const circle = (frame: Frame | null): boolean => frame !== null && (frame.called === called || circle(frame.caller));
  if (circle(caller))
    throw new PerturbError("invalid-file", `${describeNode(node)}: the function ${called.name} calls itself.`);
  if (depth > DEEPEST)
    throw new PerturbError(
      "unsupported",
      `${describeNode(node)}: functions call each other ${depth} deep, of ${DEEPEST} allowed. Inline them in the exporter.`,
    );
  return { called, caller, depth };
}

/** Operators mean in a function what they mean in the model, or the function cannot be written out. */
function importOpsets(called: FunctionProto, opsets: Map<string, number>): void {
  const used = new Set(called.node.map(readNode).flatMap((node) => [...domains(node)]));
  for (const { domain: name, version } of called.opsetImport) {
    const domain = standardDomain(name);
    const ours = opsets.get(domain);
    if (ours === undefined) opsets.set(domain, Number(version));
    else if (ours !== Number(version) && used.has(domain))
      throw new PerturbError(
        "unsupported",
        `The function ${called.name} of the model is written in version ${version} of the operators of ${domain || "ai.onnx"}, and the model in version ${ours}. Convert the model to one version (onnx.version_converter), or inline the function in the exporter.`,
        { data: { function: called.name, domain, version: Number(version), model: ours } },
      );
  }
}

function* domains(node: Node): Generator<string> {
  yield node.domain;
  for (const graph of node.attributes.subgraphs()) for (const inner of graph.node) yield* domains(readNode(inner));
}

/** The node with its sub-graphs changed. */
function withSubgraphs(node: Node, change: (graph: GraphProto) => GraphProto): Node {
  if (!node.attributes.protos.some((a) => a.g || a.graphs.length > 0)) return node;
  const attribute = node.attributes.protos.map((a) => {
    const graphs = a.graphs.map(change);
    return altered(a, a.g ? { g: change(a.g), graphs } : { graphs });
  });
  const changed = { ...node, attributes: new Attributes(attribute) };
  return node.proto ? { ...changed, proto: altered(node.proto, { attribute }) } : changed;
}

/** Names that no value and no node of the graph has. */
function freshNames(graph: Graph): (stem: string) => string {
  const taken = new Set([...graph.inputs.map((v) => v.name), ...graph.initializers.keys()]);
  for (const { name, outputs, attributes } of graph.nodes)
    for (const used of [name, ...outputs, ...attributes.innerValues()]) taken.add(used);
  let counter = 0;
  return (stem) => {
    let name: string;
    do name = `function/${stem}_${counter++}`;
    while (taken.has(name));
    return name;
  };
}

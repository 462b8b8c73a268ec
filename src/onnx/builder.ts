import type { TensorProto } from "onnx-buf";
import { PerturbError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { Attributes, type AttributeValue } from "./attributes.ts";
import { Budget } from "./budget.ts";
import { type Fact, tensorFact, UNKNOWN } from "./facts.ts";
import { type Dim, describeNode, type Graph, type GraphValue, type Node, prune } from "./graph.ts";
import { renaming } from "./node-proto.ts";
import { constantFact, inferNode, inferShapes } from "./shapes.ts";
import { checkSince } from "./since.ts";
import { altered } from "./subgraphs.ts";
import { writeTensor } from "./tensor-proto.ts";

/**
 * Appends nodes to a graph. Values are referred to by name; new names never clash with those of the graph; the facts
 * (type, shape) of each value are known as it is made.
 */
export class GraphBuilder {
  readonly opset: number;
  /** What may still be made. */
  readonly budget = new Budget();
  readonly #graph: Graph;
  readonly #inputs: GraphValue[];
  readonly #nodes: Node[];
  readonly #initializers: Map<string, TensorProto>;
  readonly #facts: Map<string, Fact>;
  readonly #constants = new Map<string, string>();
  readonly #namespace: string;
  /** Names that new values may not take, though they are not values of this graph, or not yet. */
  readonly #reserved = new Set<string>();
  #counter = 0;

  /** @param namespace of new names: graphs built apart and joined later need different ones */
  constructor(graph: Graph, namespace = "perturb") {
    this.#graph = graph;
    this.#namespace = namespace;
    this.#inputs = [...graph.inputs];
    this.#nodes = [...graph.nodes];
    this.#initializers = new Map(graph.initializers);
    this.#facts = inferShapes(graph);
    for (const node of graph.nodes) this.reserve(node.attributes.innerValues());
    const opset = graph.opsets.get("");
    if (opset === undefined)
      throw new PerturbError(
        "invalid-file",
        `${graph.name}: no version of the standard operators is declared. Export the model again.`,
      );
    this.opset = opset;
  }

  /** What is known of a value. */
  fact(name: string): Fact {
    return this.#facts.get(name) ?? UNKNOWN;
  }

  /** Says what only the caller knows of the shape of a value that was made; gives its name. */
  shaped(name: string, dims: readonly Dim[]): string {
    this.#facts.set(name, { ...this.fact(name), dims });
    return name;
  }

  /** Whether there is a value of this name. */
  has(name: string): boolean {
    return this.#facts.has(name);
  }

  /** Keeps names from being given to new values. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#reserved.add(name);
  }

  /** The nodes so far, in topological order. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** The initializer behind a name, where it is one. */
  initializer(name: string): TensorProto | undefined {
    return this.#initializers.get(name);
  }

  /** A new input of the graph. @throws internal when the name is taken */
  input(value: GraphValue): string {
    if (this.#facts.has(value.name))
      throw new PerturbError("internal", `The graph already has a value named "${value.name}".`);
    this.#inputs.push(value);
    this.#facts.set(value.name, value);
    return value.name;
  }

  /** A constant, shared between equal small ones. */
  constant(t: Tensor): string {
    const key =
      t.data.length <= 64
        ? `${t.type}[${t.dims}]${Array.from(t.data as ArrayLike<number>, (v) => (Object.is(v, -0) ? "-0" : v))}`
        : undefined;
    const known = key && this.#constants.get(key);
    if (known) return known;
    this.budget.spend({ bytes: t.data.byteLength }, () => "A constant that is computed here");
    const name = this.fresh("constant");
    this.#initializers.set(name, writeTensor(name, t));
    this.#facts.set(name, tensorFact(t));
    if (key) this.#constants.set(key, name);
    return name;
  }

  /** A constant under a name of its own: a weight. @throws internal when the name is taken */
  parameter(name: string, t: Tensor): string {
    if (this.#facts.has(name)) throw new PerturbError("internal", `The graph already has a value named "${name}".`);
    this.#initializers.set(name, writeTensor(name, t));
    this.#facts.set(name, tensorFact(t));
    return name;
  }

  /** An initializer from elsewhere under a new name. */
  adopt(proto: TensorProto): string {
    const name = this.fresh(proto.name);
    this.#initializers.set(name, altered(proto, { name }));
    this.#facts.set(name, constantFact(proto));
    return name;
  }

  /** Replaces an initializer by an input of the same type and shape. */
  promote(name: string): void {
    const proto = this.#initializers.get(name);
    if (!proto) throw new PerturbError("internal", `"${name}" is no initializer.`);
    this.#initializers.delete(name);
    const { type, dims } = constantFact(proto);
    this.#inputs.push({ name, type, dims });
    this.#facts.set(name, { type, dims });
  }

  /** A standard operator with one output; gives the output's name. */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    return this.addMany(op, inputs, 1, attributes)[0]!;
  }

  /** A standard operator with one output whose node has a name, to be found again by it. */
  named(
    name: string,
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    const output = this.fresh(op);
    this.#push({ op, domain: "", name, inputs, outputs: [output], attributes: Attributes.from(attributes) });
    return output;
  }

  /** A standard operator with several outputs. */
  addMany(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.fresh(op));
    this.#push({ op, domain: "", name: "", inputs, outputs: names, attributes: Attributes.from(attributes) });
    return names;
  }

  /** A node as it is, whose inputs stand in the graph. @throws internal when a name it makes is taken */
  append(node: Node): void {
    const taken = node.outputs.find((name) => name !== "" && this.#facts.has(name));
    if (taken !== undefined) throw new PerturbError("internal", `The graph already has a value named "${taken}".`);
    this.reserve(node.attributes.innerValues());
    this.#nodes.push(node);
    this.infer(node);
  }

  /** Takes the nodes that `work` appends out again, also when it fails, and gives them beside its values. */
  record<T>(work: () => T): { readonly made: readonly Node[]; readonly values: T } {
    const start = this.#nodes.length;
    const takeOut = (): readonly Node[] => {
      const made = this.#nodes.splice(start);
      for (const node of made) for (const name of node.outputs) this.#facts.delete(name);
      return made;
    };
    try {
      const values = work();
      return { values, made: takeOut() };
    } catch (error) {
      takeOut();
      throw error;
    }
  }

  /** The optional output i of a node, switched on if the node did not have it. */
  extraOutput(node: Node, i: number): string {
    const at = this.#nodes.findIndex((n) => n.outputs[0] === node.outputs[0]);
    const current = this.#nodes[at]!;
    if (current.outputs[i]) return current.outputs[i];
    const name = this.fresh(`${node.op}_${i}`);
    const outputs = Array.from({ length: Math.max(i + 1, current.outputs.length) }, (_, j) =>
      j === i ? name : (current.outputs[j] ?? ""),
    );
    const { proto: _, ...fields } = current;
    this.#nodes[at] = { ...fields, outputs };
    this.#facts.set(name, inferNode(this.#nodes[at], this.opset, (value) => this.fact(value))[i]!);
    return name;
  }

  /** Gives a value another name: for outputs. @throws internal when the name is taken */
  alias(name: string, value: string): string {
    this.append(renaming(name, value));
    return name;
  }

  /** A name that nothing has. */
  fresh(stem: string): string {
    let name: string;
    do name = `${this.#namespace}/${stem}_${this.#counter++}`;
    while (this.#facts.has(name) || this.#reserved.has(name));
    return name;
  }

  /** The graph with these outputs, cut back to what they need. */
  finish(outputs: readonly string[]): Graph {
    const values = outputs.map(
      (name): GraphValue => ({ name, type: this.fact(name).type, dims: this.fact(name).dims }),
    );
    const graph = { ...this.#graph, inputs: this.#inputs, nodes: this.#nodes, initializers: this.#initializers };
    return prune(graph, values);
  }

  /** @throws unsupported when the graph's opset does not have the operator */
  #push(node: Node): void {
    checkSince(node.op, this.opset);
    const { inputs: input, outputs: output, attributes } = node;
    this.budget.node({ input, output, attribute: attributes.protos }, () => describeNode(node));
    this.#nodes.push(node);
    this.infer(node);
  }

  /** Notes what is known of the values of a node that was appended. */
  protected infer(node: Node): void {
    const facts = inferNode(node, this.opset, (name) => this.fact(name));
    for (const [i, name] of node.outputs.entries()) if (name !== "") this.#facts.set(name, facts[i]!);
  }
}

/** An empty graph of the newest opset that this library writes by itself. */
export function emptyGraph(name: string, opset = 17): Graph {
  return { name, inputs: [], outputs: [], initializers: new Map(), nodes: [], opsets: new Map([["", opset]]) };
}

import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
} from "onnx-buf";
import type { Tensor } from "../tensor.ts";
import { readTensor, writeTensor } from "./tensor-proto.ts";

/** A value for a new attribute: integers as number or number[], floats as {float} or {floats}, text as string or {strings}, a tensor, a sub-graph as {graph}. */
export type AttributeValue =
  | number
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly graph: GraphProto }
  | string
  | Tensor;

const text = new TextDecoder();

/** The attributes of a node, read with their default from the standard. */
export class Attributes {
  static readonly none = new Attributes([]);
  readonly protos: readonly AttributeProto[];

  constructor(protos: readonly AttributeProto[]) {
    this.protos = protos;
  }

  static from(values: Readonly<Record<string, AttributeValue>>): Attributes {
    return new Attributes(Object.entries(values).map(([name, value]) => toProto(name, value)));
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  int<D extends number | undefined>(name: string, fallback: D): number | D {
    const a = this.#find(name);
    return a ? Number(a.i) : fallback;
  }

  ints<D extends readonly number[] | undefined>(name: string, fallback: D): readonly number[] | D {
    const a = this.#find(name);
    return a ? a.ints.map(Number) : fallback;
  }

  float<D extends number | undefined>(name: string, fallback: D): number | D {
    const a = this.#find(name);
    return a ? a.f : fallback;
  }

  floats<D extends readonly number[] | undefined>(name: string, fallback: D): readonly number[] | D {
    const a = this.#find(name);
    return a ? a.floats : fallback;
  }

  string(name: string, fallback: string): string {
    const a = this.#find(name);
    return a ? text.decode(a.s) : fallback;
  }

  strings<D extends readonly string[] | undefined>(name: string, fallback: D): readonly string[] | D {
    const a = this.#find(name);
    return a ? a.strings.map((s) => text.decode(s)) : fallback;
  }

  tensor(name: string): Tensor | undefined {
    const t = this.#find(name)?.t;
    return t && readTensor(t, `attribute "${name}"`);
  }

  graph(name: string): GraphProto | undefined {
    return this.#find(name)?.g;
  }

  /** Values that sub-graphs (If, Loop, Scan) take from the graph around them. */
  *outerValues(): Generator<string> {
    for (const graph of this.subgraphs()) yield* outerValues(graph);
  }

  /** Values that are sub-graphs' own, at any depth. */
  *innerValues(): Generator<string> {
    for (const graph of this.subgraphs()) {
      yield* ownValues(graph);
      for (const node of graph.node) yield* new Attributes(node.attribute).innerValues();
    }
  }

  *subgraphs(): Generator<GraphProto> {
    for (const attribute of this.protos) yield* graphsIn(attribute);
  }

  #find(name: string): AttributeProto | undefined {
    return this.protos.find((a) => a.name === name);
  }
}

/** The sub-graphs that an attribute holds. */
export function* graphsIn({ g, graphs }: AttributeProto): Generator<GraphProto> {
  if (g) yield g;
  yield* graphs;
}

/** Values that a sub-graph is given, holds and makes. */
export function* ownValues(graph: GraphProto): Generator<string> {
  for (const { name } of [...graph.input, ...graph.initializer]) yield name;
  for (const { values } of graph.sparseInitializer) if (values) yield values.name;
  for (const node of graph.node) for (const name of node.output) if (name !== "") yield name;
}

/** Values that a sub-graph takes from around it. */
export function outerValues(graph: GraphProto): string[] {
  const own = new Set(ownValues(graph));
  const used = graph.node.flatMap((node) => [...node.input, ...new Attributes(node.attribute).outerValues()]);
  return [...used, ...graph.output.map((output) => output.name)].filter((name) => name !== "" && !own.has(name));
}

function toProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: Kind.INT, i: toInt64(value) });
  if (typeof value === "string")
    return create(AttributeProtoSchema, { name, type: Kind.STRING, s: new TextEncoder().encode(value) });
  if (isList(value)) return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: value.map(toInt64) });
  if ("float" in value) return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: value.float });
  if ("floats" in value) return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...value.floats] });
  if ("strings" in value) {
    const strings = value.strings.map((s) => new TextEncoder().encode(s));
    return create(AttributeProtoSchema, { name, type: Kind.STRINGS, strings });
  }
  if ("graph" in value) return create(AttributeProtoSchema, { name, type: Kind.GRAPH, g: value.graph });
  return create(AttributeProtoSchema, { name, type: Kind.TENSOR, t: writeTensor("", value) });
}

/** The largest stands for "to the end" and is no exact number: what rounds up beyond it is it. */
export const toInt64 = (value: number): bigint => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value));

const isList = (value: object): value is readonly number[] => Array.isArray(value);

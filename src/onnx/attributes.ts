import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
} from "onnx-buf";
import type { Tensor } from "../tensor.ts";
import { readTensor, writeTensor } from "./tensor-proto.ts";

/** A value for a new attribute: integers as number or number[], a float as {float}, text, a tensor. */
export type AttributeValue = number | readonly number[] | { readonly float: number } | string | Tensor;

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

  string(name: string, fallback: string): string {
    const a = this.#find(name);
    return a ? text.decode(a.s) : fallback;
  }

  tensor(name: string): Tensor | undefined {
    const t = this.#find(name)?.t;
    return t && readTensor(t, `attribute "${name}"`);
  }

  /** Names that sub-graphs (If, Loop, Scan) take from the graph around them; includes their own names, which is harmless. */
  *outerValues(): Generator<string> {
    for (const a of this.protos) for (const graph of a.g ? [a.g, ...a.graphs] : a.graphs) yield* usedNames(graph);
  }

  #find(name: string): AttributeProto | undefined {
    return this.protos.find((a) => a.name === name);
  }
}

function* usedNames(graph: GraphProto): Generator<string> {
  for (const node of graph.node) {
    yield* node.input;
    yield* new Attributes(node.attribute).outerValues();
  }
  for (const output of graph.output) yield output.name;
}

function toProto(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: Kind.INT, i: toInt64(value) });
  if (typeof value === "string")
    return create(AttributeProtoSchema, { name, type: Kind.STRING, s: new TextEncoder().encode(value) });
  if (isList(value)) return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: value.map(toInt64) });
  if ("float" in value) return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: Kind.TENSOR, t: writeTensor("", value) });
}

/** The largest stands for "to the end" and is no exact number: what rounds up beyond it is it. */
export const toInt64 = (value: number): bigint => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value));

const isList = (value: object): value is readonly number[] => Array.isArray(value);

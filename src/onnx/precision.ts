import {
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type TypeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { type ElementType, type Tensor, toFloat32 } from "../tensor.ts";
import { Attributes, toInt64 } from "./attributes.ts";
import type { Graph, GraphValue, Node } from "./graph.ts";
import { altered } from "./subgraphs.ts";
import { elementType, readTensor, typeCode, writeTensor } from "./tensor-proto.ts";

/** Real numbers of another precision than float32. */
export type OtherFloat = "float16" | "bfloat16" | "float64";

/** Attributes that hold the code of an element type. */
const TYPE_ATTRIBUTES = new Set([
  "to",
  "dtype",
  "output_dtype",
  "output_datatype",
  "stash_type",
  "precision",
  "softmax_precision",
]);

/**
 * The graph computed in float32 in place of these types: inputs, outputs, weights, constants, casts and sub-graphs. Finite
 * numbers stay finite. What holds none of these types is shared with the original; weights in other files stay there, and a
 * Cast stands behind each.
 */
export function inFloat32(graph: Graph, types: readonly OtherFloat[]): Graph {
  const change = changer(types);
  const source = graph.source?.graph;
  const sparse =
    source && same(source.sparseInitializer, (t) => changed(t, { values: t.values && change.tensor(t.values) }));
  const outside = [...graph.initializers.values()].filter((t) => isExternal(t) && change.changes(t));
  const stored = new Map(outside.map((t) => [t.name, `${t.name}/stored`]));
  const kept = (t: TensorProto) => (stored.has(t.name) ? altered(t, { name: stored.get(t.name)! }) : change.tensor(t));
  const casts = outside.map((t) => castToFloat32(stored.get(t.name)!, t.name));
  const nodes = same(graph.nodes, change.node);
  return {
    ...graph,
    inputs: same(graph.inputs, change.value),
    outputs: same(graph.outputs, change.value),
    initializers: new Map([...graph.initializers].map(([name, t]) => [stored.get(name) ?? name, kept(t)])),
    nodes: casts.length > 0 ? [...casts, ...nodes] : nodes,
    ...(source &&
      sparse !== source.sparseInitializer && {
        source: altered(graph.source!, { graph: altered(source, { sparseInitializer: sparse! }) }),
      }),
  };
}

/** Whether anything is computed in, or stored as, one of these types. */
export function computesIn(graph: Graph, types: readonly OtherFloat[]): boolean {
  const single = inFloat32(graph, types);
  return (
    single.nodes !== graph.nodes || [...single.initializers].some(([name, t]) => graph.initializers.get(name) !== t)
  );
}

const isExternal = (t: TensorProto): boolean => t.dataLocation === TensorProto_DataLocation.EXTERNAL;

const castToFloat32 = (from: string, to: string): Node => ({
  op: "Cast",
  domain: "",
  name: "",
  inputs: [from],
  outputs: [to],
  attributes: Attributes.from({ to: typeCode("float32") }),
});

function changer(types: readonly OtherFloat[]) {
  const codes = new Set<number>(types.map(typeCode));
  const isOther = (type: ElementType | null | undefined) => (types as readonly unknown[]).includes(type);
  const code = <C extends number>(old: C): C => (codes.has(old) ? (typeCode("float32") as number as C) : old);

  const value = (v: GraphValue): GraphValue => (isOther(v.type) ? { ...v, type: "float32" } : v);

  const tensor = (t: TensorProto): TensorProto =>
    isOther(elementType(t.dataType)) ? writeTensor(t.name, finite(readTensor(t))) : t;

  const attribute = (a: AttributeProto): AttributeProto =>
    changed(a, {
      t: a.t && tensor(a.t),
      tensors: same(a.tensors, tensor),
      sparseTensor:
        a.sparseTensor && changed(a.sparseTensor, { values: a.sparseTensor.values && tensor(a.sparseTensor.values) }),
      g: a.g && graph(a.g),
      graphs: same(a.graphs, graph),
      tp: a.tp && type(a.tp),
      i: TYPE_ATTRIBUTES.has(a.name) ? toInt64(code(Number(a.i))) : a.i,
    });

  const node = (n: Node): Node => {
    const protos = same(n.attributes.protos, attribute);
    if (protos === n.attributes.protos) return n;
    const proto = n.proto && altered(n.proto, { attribute: [...protos] });
    return { ...n, attributes: new Attributes(protos), ...(proto && { proto }) };
  };

  const nodeProto = (n: NodeProto): NodeProto => changed(n, { attribute: same(n.attribute, attribute) });

  /** A sub-graph. The types noted between its inputs and outputs are left out: runtimes infer them. */
  const graph = (g: GraphProto): GraphProto =>
    changed(g, {
      node: same(g.node, nodeProto),
      initializer: same(g.initializer, tensor),
      input: same(g.input, valueInfo),
      output: same(g.output, valueInfo),
      valueInfo: g.valueInfo.length === 0 ? g.valueInfo : [],
    });

  const valueInfo = (v: ValueInfoProto): ValueInfoProto => changed(v, { type: v.type && type(v.type) });

  function type(t: TypeProto): TypeProto {
    const kind = t.value;
    if (kind.case === "tensorType" || kind.case === "sparseTensorType") {
      const held = changed<{ elemType: number }>(kind.value, { elemType: code(kind.value.elemType) });
      return held === kind.value ? t : altered(t, { value: { ...kind, value: held } as TypeProto["value"] });
    }
    if ((kind.case !== "sequenceType" && kind.case !== "optionalType") || !kind.value.elemType) return t;
    const held = changed<{ elemType?: TypeProto }>(kind.value, { elemType: type(kind.value.elemType) });
    return held === kind.value ? t : altered(t, { value: { ...kind, value: held } as TypeProto["value"] });
  }

  return { value, tensor, node, changes: (t: TensorProto) => isOther(elementType(t.dataType)) };
}

/** As float32; a double beyond its range, as masks are made of, becomes the largest there is. */
function finite(t: Tensor): Tensor {
  const narrow = toFloat32(t);
  if (t.type !== "float64") return narrow;
  const largest = (2 - 2 ** -23) * 2 ** 127;
  const data = Float32Array.from(t.data as Float64Array, (v) =>
    Number.isFinite(v) ? Math.min(Math.max(v, -largest), largest) : v,
  );
  return { ...narrow, data };
}

/** A list with each entry changed: the very same list where none is. */
function same<T>(list: readonly T[], change: (entry: T) => T): T[] {
  const changed = list.map(change);
  return changed.some((entry, i) => entry !== list[i]) ? changed : (list as T[]);
}

/** The message with these fields, of which only those that differ are set: the very same message where none does. */
function changed<T extends object>(message: T, fields: { readonly [K in keyof T]?: T[K] | undefined }): T {
  const differing = Object.entries(fields).filter(([key, field]) => message[key as keyof T] !== field);
  return differing.length === 0 ? message : altered(message, Object.fromEntries(differing) as Partial<T>);
}

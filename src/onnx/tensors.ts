import type { AttributeProto, FunctionProto, GraphProto, NodeProto, SparseTensorProto, TensorProto } from "onnx-buf";
import { Attributes, graphsIn } from "./attributes.ts";
import type { Graph, Node } from "./graph.ts";
import { altered } from "./subgraphs.ts";

/**
 * Every tensor that a model holds: initializers, dense and sparse, and attributes, of the graph itself, of sub-graphs at any
 * depth (If, Loop, Scan), and of functions.
 */
export function* tensorsOf({ initializers, nodes, source }: Graph): Generator<TensorProto> {
  yield* initializers.values();
  for (const sparse of source?.graph?.sparseInitializer ?? []) yield* ofSparse(sparse);
  for (const { attributes } of nodes) yield* ofAttributes(attributes.protos);
  for (const { attributeProto, node } of source?.functions ?? []) {
    yield* ofAttributes(attributeProto);
    for (const { attribute } of node) yield* ofAttributes(attribute);
  }
}

function* ofAttributes(attributes: readonly AttributeProto[]): Generator<TensorProto> {
  for (const attribute of attributes) {
    const { t, tensors, sparseTensor, sparseTensors } = attribute;
    if (t) yield t;
    yield* tensors;
    for (const sparse of sparseTensor ? [sparseTensor, ...sparseTensors] : sparseTensors) yield* ofSparse(sparse);
    for (const graph of graphsIn(attribute)) yield* ofGraph(graph);
  }
}

function* ofGraph({ initializer, sparseInitializer, node }: GraphProto): Generator<TensorProto> {
  yield* initializer;
  for (const sparse of sparseInitializer) yield* ofSparse(sparse);
  for (const { attribute } of node) yield* ofAttributes(attribute);
}

function* ofSparse({ values, indices }: SparseTensorProto): Generator<TensorProto> {
  if (values) yield values;
  if (indices) yield indices;
}

/** The graph with some of `tensorsOf` replaced. */
export function replaceTensors(graph: Graph, replaced: ReadonlyMap<TensorProto, TensorProto>): Graph {
  if (replaced.size === 0) return graph;
  const other = (t: TensorProto): TensorProto => replaced.get(t) ?? t;
  const inSparse = (sparse: SparseTensorProto): SparseTensorProto =>
    altered(sparse, {
      ...(sparse.values && { values: other(sparse.values) }),
      ...(sparse.indices && { indices: other(sparse.indices) }),
    });
  const inGraph = (of: GraphProto): GraphProto =>
    altered(of, {
      initializer: of.initializer.map(other),
      sparseInitializer: of.sparseInitializer.map(inSparse),
      node: of.node.map(inNode),
    });
  const inNode = (node: NodeProto): NodeProto => altered(node, { attribute: node.attribute.map(inAttribute) });
  const inAttribute = (a: AttributeProto): AttributeProto =>
    altered(a, {
      ...(a.t && { t: other(a.t) }),
      tensors: a.tensors.map(other),
      ...(a.sparseTensor && { sparseTensor: inSparse(a.sparseTensor) }),
      sparseTensors: a.sparseTensors.map(inSparse),
      ...(a.g && { g: inGraph(a.g) }),
      graphs: a.graphs.map(inGraph),
    });
  const inFunction = (f: FunctionProto): FunctionProto =>
    altered(f, { attributeProto: f.attributeProto.map(inAttribute), node: f.node.map(inNode) });
  const rebuilt = (node: Node): Node => {
    if (!holds(node.attributes.protos, replaced)) return node;
    const attribute = node.attributes.protos.map(inAttribute);
    return {
      ...node,
      attributes: new Attributes(attribute),
      ...(node.proto && { proto: altered(node.proto, { attribute }) }),
    };
  };
  const { source } = graph;
  return {
    ...graph,
    initializers: new Map([...graph.initializers].map(([name, t]) => [name, other(t)])),
    nodes: graph.nodes.map(rebuilt),
    ...(source && {
      source: altered(source, {
        functions: source.functions.map(inFunction),
        ...(source.graph && {
          graph: altered(source.graph, { sparseInitializer: source.graph.sparseInitializer.map(inSparse) }),
        }),
      }),
    }),
  };
}

const holds = (attributes: readonly AttributeProto[], some: ReadonlyMap<TensorProto, TensorProto>): boolean =>
  [...ofAttributes(attributes)].some((t) => some.has(t));

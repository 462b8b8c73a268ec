import { own } from "../own.ts";
import { product } from "../tensor.ts";
import { type Fact, UNKNOWN } from "./facts.ts";
import type { Dim, Graph, Node } from "./graph.ts";
import { guarded } from "./guarded.ts";
import { inferShapes } from "./shapes.ts";

/** The multiplications and additions of the linear operators for one sample; twice as many floating-point operations. */
export interface MultiplyAdds {
  readonly total: number;
  /** By operator, those that occur. */
  readonly operators: Readonly<Record<string, number>>;
  /** Linear nodes whose shapes cannot be told before running: they are not counted. */
  readonly unknown: readonly Node[];
}

/** What a node costs; null where a shape is not known. */
type Count = (node: Node, fact: (name: string) => Fact) => number | null;

/** The elements of a value, from axis `from` on. */
const elements = (dims: readonly Dim[] | null, from = 0): number | null =>
  dims?.slice(from).every((d) => typeof d === "number") ? product(dims.slice(from) as number[]) : null;

const times = (a: number | null, b: Dim | undefined): number | null =>
  a !== null && typeof b === "number" ? a * b : null;

const outputs = (node: Node, fact: (name: string) => Fact): number | null => elements(fact(node.outputs[0]!).dims);

// Weights [M, C / group, ...kernel]: each output element takes C / group · kernel products.
const convolution: Count = (node, fact) => times(outputs(node, fact), elements(fact(node.inputs[1]!).dims, 1));
const matrixProduct: Count = (node, fact) => times(outputs(node, fact), fact(node.inputs[0]!).dims?.at(-1));

/** Biases are not counted, as is usual. */
const counts: Readonly<Record<string, Count>> = {
  Conv: convolution,
  ConvInteger: convolution,
  // Weights [C, M / group, ...kernel]: each input element goes into M / group · kernel products.
  ConvTranspose: (node, fact) => times(elements(fact(node.inputs[0]!).dims), elements(fact(node.inputs[1]!).dims, 1)),
  Gemm: (node, fact) =>
    times(outputs(node, fact), fact(node.inputs[0]!).dims?.[node.attributes.int("transA", 0) === 1 ? 0 : 1]),
  MatMul: matrixProduct,
  MatMulInteger: matrixProduct,
};

/** Counts convolutions and matrix products for a batch of 1, from inferred shapes. */
export function multiplyAdds(graph: Graph): MultiplyAdds {
  const fixed = graph.inputs[0]?.dims?.[0];
  const samples = typeof fixed === "number" && fixed > 0 ? fixed : 1;
  const facts = inferShapes({
    ...graph,
    inputs: graph.inputs.map((v) => ({ ...v, dims: v.dims && [samples, ...v.dims.slice(1)] })),
  });
  const operators: Record<string, number> = {};
  const unknown: Node[] = [];
  for (const node of graph.nodes) {
    const count = node.domain === "" ? own(counts, node.op) : undefined;
    if (!count) continue;
    const batch = guarded(node, "shape", () => count(node, (name) => facts.get(name) ?? UNKNOWN));
    if (batch === null) unknown.push(node);
    else operators[node.op] = (operators[node.op] ?? 0) + batch / samples;
  }
  return { total: Object.values(operators).reduce((a, b) => a + b, 0), operators, unknown };
}

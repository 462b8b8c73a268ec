import type { Graph, Node } from "../../onnx/graph.ts";
import { valuesRead } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { Crowned } from "./crown.ts";
import { Rows } from "./rows.ts";

/** A node that is not linear: its operator and name, or its first output where it has none; null for one that perturb added. */
export interface Layer {
  readonly op: string;
  readonly node: string | null;
}

/**
 * Appends the output `terms`, float64 [samples, rows, 1 + nodes]: the value at the centre, and what each node that is not linear adds to a bound: its
 * gaps times the coefficients that met them.
 */
export function tellTerms(b: Ops, { start, met }: Crowned, centre: string, nodes: readonly string[]): string {
  const rows = new Rows(b, centre);
  const zero = b.mul(start, b.scalar(0, start));
  const gapsOf = (node: string): string =>
    b.sum([zero, ...(met.get(node) ?? []).map(({ a, line }) => rows.dot(b.cast(a, "float64"), line.gap))]);
  return b.alias("terms", b.add("Concat", [start, ...nodes.map(gapsOf)], { axis: 2 }));
}

/**
 * For nodes of a graph, by their first outputs, the nodes of the file that they are written for, the same object where that is the same: a lowering keeps the outputs of what it replaces, so
 * that is the one that makes the next value which the file has, too.
 */
export function originsOf({ nodes }: Graph, file: Graph, outputs: readonly string[]): Layer[] {
  const made = new Map(file.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const next = new Map<string, Node>();
  // Backwards, so that what reads a value is known before it.
  const readers = new Map<string, Node[]>();
  for (const node of nodes.toReversed()) {
    const after = node.outputs.flatMap((name) => readers.get(name) ?? []);
    const origin = made.get(node.outputs[0]!) ?? after.map(({ outputs: [first] }) => next.get(first!)).find(Boolean);
    if (origin) next.set(node.outputs[0]!, origin);
    for (const name of valuesRead(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const layers = new Map<Node, Layer>();
  return outputs.map((output) => {
    const origin = next.get(output) ?? nodes.find((node) => node.outputs[0] === output)!;
    const name = origin.name || origin.outputs[0]!;
    const layer = layers.get(origin) ?? { op: origin.op, node: name.startsWith("perturb/") ? null : name };
    layers.set(origin, layer);
    return layer;
  });
}

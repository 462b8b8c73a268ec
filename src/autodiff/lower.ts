import { PerturbError } from "../errors.ts";
import { renaming } from "../onnx/builder.ts";
import { describeNode, type Graph, type Node } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { dependsOn } from "./coverage.ts";
import { guarded } from "./guarded.ts";
import { loweringOf } from "./lowerings.ts";

/** Lowerings within lowerings beyond which a file is taken to be broken. */
const DEEPEST = 16;

/** More nodes than any network has: loops are unrolled, and their counts come from the file. */
const MAX_NODES = 2 ** 18;

/**
 * The graph in which every operator that changes with one of `roots` and has a lowering is written in others. All values
 * of the graph keep their names. @throws no-gradient, unsupported where one cannot be
 */
export function lower(graph: Graph, roots: readonly string[]): Graph {
  const b = new Ops({ ...graph, nodes: [] });
  const reached = new Set(roots);
  const place = (node: Node): void => {
    if (b.nodes.length > MAX_NODES) throw tooLong(node);
    b.append(node);
    if (dependsOn(node, reached)) for (const name of node.outputs) if (name !== "") reached.add(name);
  };
  const visit = (node: Node, depth: number): void => {
    const lowering = dependsOn(node, reached) ? loweringOf(node.op, node.domain) : undefined;
    if (lowering && depth > DEEPEST) throw tooLong(node);
    const lowered = lowering && b.record(() => guarded(node, () => lowering({ node, x: node.inputs, b })));
    if (!lowered?.values) {
      place(node);
      return;
    }
    for (const inner of lowered.made) visit(inner, depth + 1);
    for (const [i, name] of node.outputs.entries()) if (name !== "") place(renaming(name, lowered.values[i]!));
  };
  for (const node of graph.nodes) visit(node, 0);
  return b.finish(graph.outputs.map((output) => output.name));
}

const tooLong = (node: Node): PerturbError =>
  new PerturbError(
    "no-gradient",
    `${describeNode(node)}: written in simpler operators, the graph grows beyond ${MAX_NODES} nodes. Check the model's loops and sequence lengths.`,
    { data: { op: node.op, node: node.name } },
  );

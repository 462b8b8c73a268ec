import { PerturbError } from "../errors.ts";
import { describeNode, type Graph, type Node, valuesRead } from "../onnx/graph.ts";
import { guarded } from "../onnx/guarded.ts";
import { inliner } from "../onnx/inline.ts";
import { renaming } from "../onnx/node-proto.ts";
import { inFloat32 } from "../onnx/precision.ts";
import { isRecurrence } from "../onnx/recurrence.ts";
import { upgrade } from "../onnx/upgrade.ts";
import { dependsOn, type TypeOf } from "./coverage.ts";
import { Following } from "./following.ts";
import type { Collection, Lowering, LoweringContext, Lowerings } from "./lowering.ts";
import { refuseBlockedLayout } from "./lowerings/microsoft-nchwc.ts";
import { exactLowerings, loweringOf, resolvesEarly } from "./lowerings.ts";
import { boundLowerings } from "./relaxations/lowered.ts";
import { isMarked } from "./straight-through.ts";

/** Lowerings within lowerings beyond which a file is taken to be broken. */
const DEEPEST = 16;

/** Which operators are written in others: those that change with a root, in the sense of `dependsOn`. */
export interface LoweringTable {
  readonly loweringOf: (op: string, domain: string) => Lowering | undefined;
  readonly dependsOn: (node: Node, values: ReadonlySet<string>, typeOf?: TypeOf) => boolean;
}

/** Those that are differentiated in that form. */
const differentiable: LoweringTable = { loweringOf, dependsOn };

/**
 * The graph in which every operator that changes with one of `roots` and has a lowering is written in others, and so is
 * control flow whose course is known, wherever it stands: what follows it then has a known shape. All values of the graph
 * keep their names. @throws no-gradient, unsupported where an operator that changes with a root cannot be
 */
export function lower(graph: Graph, roots: readonly string[], table = differentiable): Graph {
  const b = new Following({ ...graph, nodes: [] }, roots);
  for (const node of graph.nodes) b.reserve([node.name, ...node.outputs]);
  const inline = inliner(b);
  const reached = new Set(roots);
  const typeOf = (name: string) => b.fact(name).type;
  const collections = new Map<string, Collection>();
  /** Nodes of which is known that they stay as they are. */
  const settled = new WeakSet<Node>();

  const place = (node: Node): void => {
    b.append(node);
    settled.add(node);
    if (table.dependsOn(node, reached, typeOf)) {
      refuseBlockedLayout(node);
      for (const name of node.outputs) if (name !== "") reached.add(name);
    }
    const held = node.op === "Identity" && collections.get(node.inputs[0]!);
    if (held) collections.set(node.outputs[0]!, held);
  };

  const written = (node: Node, depth: number) => {
    const lowering =
      settled.has(node) || isMarked(node) || isRecurrence(node) ? undefined : table.loweringOf(node.op, node.domain);
    const needed = table.dependsOn(node, reached, typeOf);
    if (!lowering || !(needed || resolvesEarly(node))) return undefined;
    const context: LoweringContext = {
      node,
      x: node.inputs,
      b,
      collections,
      inline: (body, inputs) => inline(node, body, inputs, (inner) => visit(inner, depth + 1)),
      varies: (name) => b.varies(name),
    };
    try {
      if (depth > DEEPEST) throw tooDeep(node);
      return b.record(() => guarded(node, "gradient", () => lowering(context)));
    } catch (error) {
      // Nothing is lost where no gradient has to pass.
      if (needed || !(error instanceof PerturbError)) throw error;
      return undefined;
    }
  };

  const visit = (node: Node, depth: number): void => {
    const lowered = written(node, depth);
    if (!lowered?.values) {
      place(node);
      return;
    }
    for (const inner of lowered.made) visit(inner, depth + 1);
    for (const [i, name] of node.outputs.entries())
      if (name !== "") place(renaming(name, lowered.values[i] || absent(node, name)));
  };

  for (const node of graph.nodes) visit(node, 0);
  return b.finish(graph.outputs.map((output) => output.name));
}

/** The graph as rules take it: in float32, in operators of opset 9 or newer, and what changes with `x` in operators that have rules. */
export const simplified = (graph: Graph): Graph => lower(upgrade(inFloat32(graph, ["float16"])), ["x"]);

/** Whether what a node makes may change with these values, also in steps. */
const reads = (node: Node, values: ReadonlySet<string>): boolean =>
  node.op !== "Shape" && node.op !== "Size" && valuesRead(node).some((name) => values.has(name));

const bounded: Lowerings = boundLowerings;

/**
 * The same graph in operators that have bounds. Kernels round in their own ways, and bounds have to allow for that: so only what moves values
 * or is computed by the same steps is written in others. @throws unsupported for anything else that would have to be
 */
export function simplifiedForBounds(graph: Graph): Graph {
  const exact: LoweringTable = {
    dependsOn,
    loweringOf: (op, domain) => {
      const lowering = loweringOf(op, domain);
      if (!lowering || (domain === "" && Object.hasOwn(exactLowerings, op))) return lowering;
      return (context) => {
        if (lowering(context) === null) return null;
        throw new PerturbError(
          "unsupported",
          `${describeNode(context.node)}: ONNX Runtime computes it by a kernel of its own, whose rounding no bounds are known for, so that nothing can be proven of this model.`,
          { data: { op } },
        );
      };
    },
  };
  const loweringForBounds = (op: string, domain: string) =>
    domain === "" && Object.hasOwn(boundLowerings, op) ? bounded[op] : undefined;
  const simple = lower(upgrade(inFloat32(graph, ["float16"])), ["x"], exact);
  return lower(simple, ["x"], { loweringOf: loweringForBounds, dependsOn: reads });
}

const absent = (node: Node, name: string): never => {
  throw new PerturbError("invalid-file", `${describeNode(node)}: nothing makes its output "${name}".`);
};

const tooDeep = (node: Node): PerturbError =>
  new PerturbError(
    "no-gradient",
    `${describeNode(node)}: written in simpler operators, it stands in more than ${DEEPEST} levels of others. Check the model's branches and loops.`,
    { data: { op: node.op, node: node.name } },
  );

import { create } from "@bufbuild/protobuf";
import { type GraphProto, ValueInfoProtoSchema } from "onnx-buf";
import { PerturbError } from "../../errors.ts";
import { outerValues } from "../../onnx/attributes.ts";
import { isFloat } from "../../onnx/facts.ts";
import { describeNode } from "../../onnx/graph.ts";
import { altered } from "../../onnx/subgraphs.ts";
import type { LoweringContext } from "../lowering.ts";
import { uncertain } from "./known.ts";

/**
 * Both branches of an If on values of the input, and a Where that takes the outputs of the one that runs: as in PyTorch, the
 * gradient is that of the branch taken. The condition is one for all samples, so there may be only one in a batch.
 * @throws no-gradient where the branches give other shapes, or a batch is fixed at more than one
 */
export function bothBranches(context: LoweringContext): readonly string[] {
  const { node, b } = context;
  const refuse = () => uncertain(context, context.x[0]!, "its condition");
  const batch = b.has("x") ? b.fact("x").dims?.[0] : null;
  if (typeof batch === "number" && batch > 1) throw refuse();
  // Conditions are scalars, or lists of one.
  const condition = b.reshape(context.x[0]!, []);
  const [yes, no] = (["then_branch", "else_branch"] as const).map((name) => inlined(context, name, condition));
  return node.outputs.map((name, i) => {
    if (name === "") return "";
    const [from, to] = [b.fact(yes![i]!), b.fact(no![i]!)];
    const alike =
      from.dims?.length === to.dims?.length && from.dims?.every((d, axis) => d !== null && d === to.dims![axis]);
    if (!alike || from.type !== to.type) throw refuse();
    return b.where(condition, yes![i]!, no![i]!);
  });
}

/**
 * A branch whose values from outside are zeros where it does not run, by a Where of their own: what it makes of them, NaN and
 * infinity included, then has no part in their gradients.
 */
function inlined(context: LoweringContext, name: "then_branch" | "else_branch", condition: string): readonly string[] {
  const { b, inline, varies } = context;
  const graph = subgraph(context, name);
  const outside = [...new Set(outerValues(graph))].filter((v) => b.has(v) && isFloat(b.fact(v).type) && varies(v));
  const input = outside.map((value) => create(ValueInfoProtoSchema, { name: value }));
  return inline(
    altered(graph, { input }),
    outside.map((value) => {
      const zero = b.scalar(0, value);
      return name === "then_branch" ? b.where(condition, value, zero) : b.where(condition, zero, value);
    }),
  );
}

/** @throws invalid-file where it is missing */
export function subgraph({ node }: LoweringContext, name: string): GraphProto {
  const graph = node.attributes.graph(name);
  if (graph) return graph;
  throw new PerturbError("invalid-file", `${describeNode(node)}: the sub-graph "${name}" is missing. Export it again.`);
}

import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";

/** The numbers that a node is told by an input. @throws no-gradient when they are computed in the graph */
export function constants(node: Node, what: string, values: readonly unknown[] | undefined): readonly number[] {
  if (values?.every((v) => typeof v === "number")) return values;
  throw unsupported(node, `${what} that are not constant`);
}

/** A case of an operator that its rule does not cover. */
export const unsupported = (node: Node, what: string): PerturbError =>
  new PerturbError(
    "no-gradient",
    `${describeNode(node)}: the gradient of ${node.op} with ${what} is not available. Rewrite that node, or export the model differently.`,
    {
      data: { op: node.op, node: node.name },
    },
  );

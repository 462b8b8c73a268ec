import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";

/**
 * Refuses operators on images whose channels lie in blocks: a block is as long as a vector of the machine that saved the
 * model, and the file does not say how long. @throws no-gradient
 */
export function refuseBlockedLayout(node: Node): void {
  if (node.domain !== "com.microsoft.nchwc") return;
  throw new PerturbError(
    "no-gradient",
    `${describeNode(node)}: the model was saved with optimizations for one machine (ORT_ENABLE_ALL or ORT_ENABLE_LAYOUT), and its weights lie in that machine's order. Use the model as it was before, or save it with ORT_ENABLE_EXTENDED.`,
    { data: { op: node.op, node: node.name, domain: node.domain } },
  );
}

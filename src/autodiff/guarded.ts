import { messageOf, PerturbError } from "../errors.ts";
import { describeNode, type Node } from "../onnx/graph.ts";

/** Rules rely on nodes as the standard has them; one that is not, in a broken file, may fail in any way. */
export function guarded<T>(node: Node, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof PerturbError) throw cause;
    const message = `${describeNode(node)}: its gradient cannot be built (${messageOf(cause)}). Its attributes, its inputs and their shapes may not fit each other. Check that the model runs.`;
    throw new PerturbError("no-gradient", message, { data: { op: node.op, node: node.name }, cause });
  }
}

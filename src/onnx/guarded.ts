import { type ErrorCode, messageOf, PerturbError } from "../errors.ts";
import { describeNode, type Node } from "./graph.ts";

/** What a rule was to make of a node, in words, and the code of the error where it cannot. */
interface Aim {
  readonly fails: string;
  readonly code: ErrorCode;
}

const aims = {
  shape: { fails: "its shape cannot be told", code: "invalid-file" },
  gradient: { fails: "its gradient cannot be built", code: "no-gradient" },
  bounds: { fails: "its bounds cannot be built", code: "unsupported" },
} as const satisfies Readonly<Record<string, Aim>>;

/** Rules rely on nodes as the standard has them; one that is not, in a broken file, may fail in any way. */
export function guarded<T>(node: Node, aim: keyof typeof aims, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof PerturbError) throw cause;
    const { fails, code } = aims[aim];
    const message = `${describeNode(node)}: ${fails} (${messageOf(cause)}). Its attributes, its inputs and their shapes may not fit each other. Check that the model runs.`;
    throw new PerturbError(code, message, { data: { op: node.op, node: node.name }, cause });
  }
}

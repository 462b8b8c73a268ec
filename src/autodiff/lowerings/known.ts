import { PerturbError } from "../../errors.ts";
import { describeNode } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { LoweringContext } from "../lowering.ts";
import { split } from "./split.ts";

/** The one whole number, or truth value, that an input is. @throws no-gradient where only a run can tell */
export function known(context: LoweringContext, name: string, what: string): number {
  const values = context.b.fact(name).values;
  const value = values?.length === 1 ? values[0] : undefined;
  if (typeof value === "number") return value;
  throw uncertain(context, name, what);
}

/** The error for control flow whose course, and collections whose contents, are not known before running. */
export function uncertain({ node, varies }: LoweringContext, name: string, what: string): PerturbError {
  const [why, data] = varies(name)
    ? ["depends on the values of the input, so that another input may take another way", true]
    : ["cannot be told before running", false];
  return new PerturbError(
    "no-gradient",
    `${describeNode(node)}: ${what}, "${name}", ${why}, and its gradient needs it fixed. Export the model with fixed control flow and sizes: trace it (torch.onnx.export of the module itself) instead of scripting it.`,
    { data: { op: node.op, node: node.name, value: name, dependsOnInput: data } },
  );
}

/** The whole number as a scalar. */
export const index = (b: Ops, value: number): string =>
  b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));

/** Values joined along a new axis. */
export const stack = (b: Ops, values: readonly string[], axis: number): string =>
  b.add(
    "Concat",
    values.map((value) => b.unsqueeze(value, [axis])),
    { axis },
  );

/** What lies along an axis of known size, each without that axis. */
export function takeApart(b: Ops, value: string, axis: number): readonly string[] {
  b.room(b.size(value, axis), value);
  const ones = new Array<number>(b.size(value, axis)).fill(1);
  return split(b, value, axis, ones).map((part) => b.squeeze(part, [axis]));
}

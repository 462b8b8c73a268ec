import { PerturbError } from "../../errors.ts";
import { type Dim, describeNode, type Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product } from "../../tensor.ts";

const RESHAPING: ReadonlySet<string> = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze"]);

/** @throws unsupported unless the first axis of what a node makes is that of the samples */
export function checkSamples(b: Ops, node: Node, samples: Dim, from: string, to: string): void {
  const [first, ...rest] = b.dims(to);
  if (first === samples) return;
  // A size that is not known is theirs where each row has as many elements as before.
  const isSame = RESHAPING.has(node.op) && product(b.sizes(from, 1)) === product(b.sizes(to, 1));
  if (first === null && isSame) b.shaped(to, [samples, ...rest]);
  else
    throw new PerturbError(
      "unsupported",
      `${describeNode(node)}: what it makes has no row for each sample, so that nothing can be proven of this model in batches. Export it with the batch as the first axis of every value.`,
      { data: { op: node.op } },
    );
}

/** Whether a sum goes over the axis of the samples, or may. */
export function isOverSamples(b: Ops, { op, inputs, attributes }: Node): boolean {
  if (!op.startsWith("Reduce")) return false;
  const axes = inputs[1] ? b.fact(inputs[1]).values : attributes.ints("axes", undefined);
  const rank = b.dims(inputs[0]!).length;
  return !axes || axes.length === 0 || axes.some((axis) => typeof axis !== "number" || axis === 0 || axis === -rank);
}

/** Whether the axis of the samples is not the first one of an input, or of the output, or a constant has other values for each sample. */
export const isMisaligned = (b: Ops, { inputs, outputs }: Node, values: ReadonlyMap<string, unknown>): boolean =>
  inputs.some((name) => {
    if (name === "") return false;
    const isFull = b.dims(name).length === b.dims(outputs[0]!).length;
    const first = b.dims(name)[0];
    return values.has(name) ? !isFull : isFull && typeof first === "number" && first !== 1;
  });

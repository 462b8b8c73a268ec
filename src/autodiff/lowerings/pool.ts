import { resolveWindow, windowOutput } from "../../onnx/window.ts";
import type { Lowering, Lowerings } from "../lowering.ts";
import { quantizationLowerings } from "./quantization.ts";

/**
 * A pool in ceil mode whose last window would start in the padding, with just the padding that its windows need: ONNX
 * Runtime's kernels drop that window, its shape inference counts it before opset 22 and then refuses what fits the values.
 */
const withoutDroppedWindows: Lowering = ({ node, x: [x], b }) => {
  const { attributes } = node;
  const sizes = b.fact(x!).dims?.slice(2);
  const kernel = attributes.ints("kernel_shape", []);
  if (attributes.int("ceil_mode", 0) === 0 || attributes.string("auto_pad", "NOTSET").startsWith("SAME")) return null;
  if (!sizes || sizes.length !== kernel.length) return null;
  const window = resolveWindow(node, kernel, sizes);
  const lines = kernel.map((k, i) => {
    const [size, output, before, after] = [
      sizes[i],
      windowOutput(window, sizes[i]!, i),
      window.before[i],
      window.after[i],
    ];
    if (typeof size !== "number" || typeof output !== "number") return undefined;
    const [stride, span] = [window.strides[i]!, (k - 1) * window.dilations[i]! + 1];
    const counted = Math.ceil((size + Number(before) + Number(after) - span) / stride) + 1;
    const needed = Math.max(0, (output - 1) * stride + span - size - Number(before));
    return { needed, drops: counted > output, fits: needed < k, grows: needed > Number(after) };
  });
  if (!lines.every((line) => line !== undefined) || !lines.some(({ drops }) => drops)) return null;
  // What lies beyond the padding is not averaged, what lies in it may be.
  const counts = attributes.int("count_include_pad", 0) === 1;
  if (lines.some(({ fits, grows }) => !fits || (grows && counts))) return null;
  const ints = ["dilations", "strides"].filter((name) => attributes.has(name));
  const numbers = ["count_include_pad", "p", "storage_order"].filter((name) => attributes.has(name));
  return b.addMany(node.op, [x!], node.outputs.length, {
    kernel_shape: kernel,
    pads: [...window.before.map(Number), ...lines.map(({ needed }) => needed)],
    ...Object.fromEntries(ints.map((name) => [name, attributes.ints(name, [])])),
    ...Object.fromEntries(numbers.map((name) => [name, attributes.int(name, 0)])),
  });
};

export const poolLowerings = {
  AveragePool: withoutDroppedWindows,
  LpPool: withoutDroppedWindows,
  // Of bytes, too.
  MaxPool: (context) => withoutDroppedWindows(context) ?? quantizationLowerings.MaxPool(context),
} satisfies Lowerings;

import type { ShapeContext, ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";
import { resolveTransposed, resolveWindow, windowOutput } from "../window.ts";

/** Conv and pools: [n, c, ...spatial] with a window. */
const windowed =
  (channels: (context: ShapeContext) => Dim): ShapeRule =>
  (context) => {
    const { node, input } = context;
    const { type, dims } = input(0);
    const kernel = node.attributes.ints("kernel_shape", undefined) ?? input(1).dims?.slice(2);
    if (!dims || !kernel || kernel.some((k) => typeof k !== "number")) return { type, dims: null };
    const window = resolveWindow(node, kernel as readonly number[], dims.slice(2));
    const outputDims = [dims[0]!, channels(context), ...dims.slice(2).map((d, i) => windowOutput(window, d, i))];
    return [
      { type, dims: outputDims },
      { type: "int64", dims: outputDims },
    ];
  };

const globalPool: ShapeRule = ({ input }) => ({
  type: input(0).type,
  dims: input(0).dims && input(0).dims!.map((d, i) => (i < 2 ? d : 1)),
});

const convTranspose: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const weights = input(1).dims;
  if (!dims || !weights) return { type, dims: null };
  const channels = weights[1]!;
  const groups = node.attributes.int("group", 1);
  const { output } = resolveTransposed(node, weights.slice(2), dims.slice(2));
  return { type, dims: [dims[0]!, typeof channels === "number" ? channels * groups : null, ...output] };
};

/** The shape that input 2 spells out, or that of the image whose pool input 0 may be. */
const maxUnpool: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const given = input(2);
  if (node.inputs[2]) return { type, dims: given.values ?? dims?.map(() => null) ?? null };
  const kernel = node.attributes.ints("kernel_shape", []);
  const strides = node.attributes.ints(
    "strides",
    Array.from(kernel, () => 1),
  );
  const pads = node.attributes.ints(
    "pads",
    Array.from({ length: 2 * kernel.length }, () => 0),
  );
  const size = (d: Dim, i: number): Dim =>
    typeof d === "number" ? (d - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[i + kernel.length]! : null;
  return { type, dims: dims && [...dims.slice(0, 2), ...dims.slice(2).map(size)] };
};

/** Convolutions and pools. */
export const windowShapes: Readonly<Record<string, ShapeRule>> = {
  Conv: windowed(({ input }) => input(1).dims?.[0] ?? null),
  MaxPool: windowed(({ input }) => input(0).dims?.[1] ?? null),
  AveragePool: windowed(({ input }) => input(0).dims?.[1] ?? null),
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  LpPool: windowed(({ input }) => input(0).dims?.[1] ?? null),
  GlobalLpPool: globalPool,
  ConvTranspose: convTranspose,
  MaxUnpool: maxUnpool,
};

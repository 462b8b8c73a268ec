import type { ShapeContext, ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";
import { resolveWindow, windowOutput } from "../window.ts";

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
  const { attributes } = node;
  const rank = dims.length - 2;
  const given = attributes.ints("output_shape", undefined);
  const one = Array.from({ length: rank }, () => 1);
  const zero = Array.from({ length: 2 * rank }, () => 0);
  const [strides, dilations] = [attributes.ints("strides", one), attributes.ints("dilations", one)];
  const [pads, extra] = [attributes.ints("pads", zero), attributes.ints("output_padding", zero)];
  const size = (d: Dim, i: number): Dim => {
    const kernel = weights[i + 2]!;
    if (given) return given[i]!;
    if (typeof d !== "number" || typeof kernel !== "number") return null;
    return strides[i]! * (d - 1) + extra[i]! + (kernel - 1) * dilations[i]! + 1 - pads[i]! - pads[i + rank]!;
  };
  const channels = weights[1]!;
  const groups = attributes.int("group", 1);
  return {
    type,
    dims: [dims[0]!, typeof channels === "number" ? channels * groups : null, ...dims.slice(2).map(size)],
  };
};

/** Output 0 has the shape that input i spells out. */
const shapeFrom =
  (i: number): ShapeRule =>
  ({ input }) => ({ type: input(0).type, dims: input(i).values ?? null });

/** Convolutions and pools. */
export const windowShapes: Readonly<Record<string, ShapeRule>> = {
  Conv: windowed(({ input }) => input(1).dims?.[0] ?? null),
  MaxPool: windowed(({ input }) => input(0).dims?.[1] ?? null),
  AveragePool: windowed(({ input }) => input(0).dims?.[1] ?? null),
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  ConvTranspose: convTranspose,
  MaxUnpool: shapeFrom(2),
};

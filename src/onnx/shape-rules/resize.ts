import { normalizeAxis } from "../dims.ts";
import type { Fact, ShapeContext, ShapeRule } from "../facts.ts";
import type { Dim, Node } from "../graph.ts";

/** What Resize does to one axis. */
export interface ResizedAxis {
  readonly size: Dim;
  readonly output: Dim;
  /** A float32, as ONNX Runtime computes it; 1 leaves the axis alone; null where it is not known. */
  readonly scale: number | null;
}

/** The inputs of Resize and Upsample by what they mean; undefined where the opset or the node has none. */
export interface ResizeInputs {
  readonly roi?: Fact | undefined;
  readonly scales?: Fact | undefined;
  readonly sizes?: Fact | undefined;
}

/** Upsample and the first Resize had no region and no sizes; the first Upsample had its scales in an attribute. */
export function resizeInputs({ node, opset, input }: ShapeContext): ResizeInputs {
  const at = (i: number): Fact | undefined => (node.inputs[i] ? present(input(i)) : undefined);
  if (node.op === "Resize" && opset >= 11) return { roi: at(1), scales: at(2), sizes: at(3) };
  const floats = node.attributes.floats("scales", undefined);
  return { scales: floats ? { type: "float32", dims: [floats.length], floats } : at(1) };
}

/** Before opset 13 an input is left out by giving it no elements. */
const present = (fact: Fact): Fact | undefined => (fact.dims?.[0] === 0 ? undefined : fact);

/** The axes that scales, sizes and the region speak of. */
export const resizeAxes = ({ attributes }: Node, rank: number): readonly number[] =>
  attributes.ints("axes", undefined)?.map((axis) => normalizeAxis(axis, rank)) ?? [...Array(rank).keys()];

/** What Resize or Upsample does to each axis; null when the rank is not known. */
export function resizedAxes(context: ShapeContext): readonly ResizedAxis[] | null {
  const dims = context.input(0).dims;
  if (!dims) return null;
  const { scales, sizes } = resizeInputs(context);
  const axes = resizeAxes(context.node, dims.length);
  const resized = dims.map((size): ResizedAxis => ({ size, output: size, scale: 1 }));
  axes.forEach((axis, i) => {
    const size = dims[axis] ?? null;
    resized[axis] = sizes ? bySize(size, sizes.values?.[i] ?? null) : byScale(size, scales?.floats?.[i] ?? null);
  });
  const policy = context.node.attributes.string("keep_aspect_ratio_policy", "stretch");
  return sizes && policy !== "stretch" ? keepAspect(resized, axes, policy) : resized;
}

function byScale(size: Dim, given: number | null): ResizedAxis {
  const scale = given === null ? null : Math.fround(given);
  if (scale === 1) return { size, output: size, scale };
  const output = typeof size === "number" && scale !== null ? Math.trunc(Math.fround(scale * size)) : null;
  return { size, output, scale };
}

function bySize(size: Dim, output: Dim): ResizedAxis {
  if (size === output && size !== null) return { size, output, scale: 1 };
  const known = typeof size === "number" && typeof output === "number";
  return { size, output, scale: known ? Math.fround(output / size) : null };
}

/** One scale for all axes, the smallest or the largest that their sizes ask for. */
function keepAspect(resized: readonly ResizedAxis[], axes: readonly number[], policy: string): ResizedAxis[] {
  const scales = axes.map((axis) => resized[axis]!.scale);
  const known = scales.every((s) => s !== null);
  const choose = policy === "not_larger" ? Math.min : Math.max;
  const scale = known ? choose(...scales) : null;
  return resized.map((axis, i) => {
    if (!axes.includes(i)) return axis;
    const { size } = axis;
    if (scale === 1) return { size, output: size, scale };
    const open = scale === null || typeof size !== "number";
    return { size, output: open ? null : Math.round(Math.fround(scale * size)), scale };
  });
}

const resize: ShapeRule = (context) => {
  const { type } = context.input(0);
  const resized = resizedAxes(context);
  if (resized) return { type, dims: resized.map((axis) => axis.output) };
  const { sizes } = resizeInputs(context);
  const all = context.node.attributes.has("axes") ? undefined : sizes?.values;
  return { type, dims: all ?? null };
};

const gridSample: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  const grid = input(1).dims;
  return { type, dims: dims && grid ? [dims[0] ?? null, dims[1] ?? null, ...grid.slice(1, -1)] : null };
};

/** From [N, C, …sizes] to a grid of points [N, …sizes, number of sizes]. */
const affineGrid: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  const size = input(1).values;
  return {
    type,
    dims: size ? [size[0] === undefined ? null : (dims?.[0] ?? size[0]), ...size.slice(2), size.length - 2] : null,
  };
};

/** From [N, C, …], weights [M, …] and offsets [N, …, …sizes] to [N, M, …sizes]. */
const deformConv: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  const offsets = input(2).dims;
  return { type, dims: dims && offsets ? [dims[0] ?? null, input(1).dims?.[0] ?? null, ...offsets.slice(2)] : null };
};

/** Images at other points: scaled, or sampled on a grid. */
export const resizeShapes: Readonly<Record<string, ShapeRule>> = {
  Resize: resize,
  Upsample: resize,
  GridSample: gridSample,
  AffineGrid: affineGrid,
  DeformConv: deformConv,
};

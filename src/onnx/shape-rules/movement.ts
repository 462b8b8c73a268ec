import { broadcast, multiplyDims, normalizeAxis, reshapeDims } from "../dims.ts";
import { MAX_RANK, type ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";
import { axesOf } from "./axes.ts";
import { rearranged } from "./elements.ts";

const reshape: ShapeRule = ({ node, input }) => {
  const from = input(0);
  const to = node.attributes.ints("shape", undefined) ?? input(1).values;
  const rank = input(1).dims?.[0];
  if (!to)
    return {
      type: from.type,
      dims: typeof rank === "number" && rank <= MAX_RANK ? Array.from({ length: rank }, () => null) : null,
    };
  return {
    type: from.type,
    dims: reshapeDims(from.dims, to, node.attributes.int("allowzero", 0) === 1),
    values: from.values,
  };
};

const unsqueeze: ShapeRule = (context) => {
  const { type, dims, values } = context.input(0);
  const axes = axesOf(context);
  if (!dims || !axes) return { type, dims: null, values };
  const at = new Set(axes.map((a) => normalizeAxis(a, dims.length + axes.length)));
  const rest = [...dims];
  return {
    type,
    dims: Array.from({ length: dims.length + at.size }, (_, i) => (at.has(i) ? 1 : rest.shift()!)),
    values,
  };
};

const squeeze: ShapeRule = (context) => {
  const { type, dims, values } = context.input(0);
  const axes = axesOf(context);
  if (!dims || axes === null) return { type, dims: null, values };
  const at = axes && new Set(axes.map((a) => normalizeAxis(a, dims.length)));
  if (!at && dims.some((d) => typeof d !== "number")) return { type, dims: null, values };
  return { type, dims: dims.filter((d, i) => (at ? !at.has(i) : d !== 1)), values };
};

const expand: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  return { type, dims: broadcast(dims, input(1).values ?? null) };
};

const pad: ShapeRule = (context) => {
  const { node, input } = context;
  const { type, dims } = input(0);
  const pads = node.attributes.ints("pads", undefined) ?? input(1).values;
  const axes = axesOf(context, 3);
  if (!dims || !pads || axes === null) return { type, dims: dims?.map(() => null) ?? null };
  const at = axes?.map((a) => normalizeAxis(a, dims.length)) ?? [...dims.keys()];
  const add = (d: Dim, before: Dim, after: Dim): Dim =>
    before === 0 && after === 0
      ? d
      : typeof d === "number" && typeof before === "number" && typeof after === "number"
        ? d + before + after
        : null;
  const padded = [...dims];
  at.forEach((a, i) => {
    padded[a] = add(dims[a] ?? null, pads[i] ?? null, pads[i + at.length] ?? null);
  });
  return { type, dims: padded };
};

const flatten: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  if (!dims) return { type, dims: [null, null] };
  const axis = normalizeAxis(node.attributes.int("axis", 1), dims.length);
  return { type, dims: [multiplyDims(dims.slice(0, axis)), multiplyDims(dims.slice(axis))] };
};

const transpose: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  if (!dims) return { type, dims };
  const perm = node.attributes.ints("perm", undefined) ?? dims.map((_, i) => dims.length - 1 - i);
  const result = perm.map((p) => dims[p]!);
  return {
    type,
    dims: result,
    values: rearranged(input(0), result, (index) => dims.map((_, a) => index[perm.indexOf(a)]!)),
  };
};

const tile: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  const times = input(1).values;
  const product = (d: Dim, n: Dim): Dim => {
    if (n === 1) return d;
    return typeof d === "number" && typeof n === "number" ? d * n : d === 1 ? n : null;
  };
  return { type, dims: dims?.map((d, i) => product(d, times?.[i] ?? null)) ?? null };
};

/** [n, c, h, w] with blocks of pixels as channels, or channels as blocks of pixels. */
const blocks =
  (toSpace: boolean): ShapeRule =>
  ({ node, input }) => {
    const { type, dims } = input(0);
    if (dims?.length !== 4) return { type, dims: null };
    const size = node.attributes.int("blocksize", 1);
    const times = (d: Dim, factor: number): Dim => (typeof d === "number" ? d * factor : null);
    const [side, area] = toSpace ? [size, 1 / size ** 2] : [1 / size, size ** 2];
    return { type, dims: [dims[0]!, times(dims[1]!, area), times(dims[2]!, side), times(dims[3]!, side)] };
  };

const centerCropPad: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  if (!dims) return { type, dims };
  const axes = node.attributes.ints("axes", undefined) ?? [...dims.keys()];
  const result = [...dims];
  axes.forEach((axis, i) => {
    result[normalizeAxis(axis, dims.length)] = input(1).values?.[i] ?? null;
  });
  return { type, dims: result };
};

/** Operators that give the same elements another shape, or more of them. */
export const movementShapes: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Pad: pad,
  Tile: tile,
  DepthToSpace: blocks(true),
  SpaceToDepth: blocks(false),
  CenterCropPad: centerCropPad,
};

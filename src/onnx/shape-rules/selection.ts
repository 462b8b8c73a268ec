import { normalizeAxis } from "../dims.ts";
import type { ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";
import { rearranged } from "./elements.ts";

const concat: ShapeRule = ({ node, input }) => {
  const facts = node.inputs.map((_, i) => input(i));
  const type = facts[0]!.type;
  const rank = facts.find((f) => f.dims)?.dims?.length;
  if (rank === undefined) return { type, dims: null };
  const axis = normalizeAxis(node.attributes.int("axis", 1), rank);
  const dims = Array.from({ length: rank }, (_, i): Dim => {
    const sizes = facts.map((f) => f.dims?.[i] ?? null);
    if (i !== axis) return sizes.find((d) => d !== null) ?? null;
    return sizes.every((d) => typeof d === "number") ? sizes.reduce((a, b) => a + b, 0) : null;
  });
  // Along another axis the elements alternate.
  const elements = facts.map((f) => f.values ?? f.floats);
  const values = axis === 0 && elements.every((list) => list !== undefined) ? elements.flat() : undefined;
  const floats = axis === 0 && facts.every((f) => f.floats) ? facts.flatMap((f) => f.floats!) : undefined;
  return { type, dims, values, ...(floats && { floats }) };
};

const gather: ShapeRule = ({ node, input }) => {
  const { type, dims, values } = input(0);
  const indices = input(1);
  if (!dims || !indices.dims) return { type, dims: null };
  const axis = normalizeAxis(node.attributes.int("axis", 0), dims.length);
  const picked =
    dims.length === 1 && values && indices.values?.every((i) => typeof i === "number")
      ? indices.values.map((i) => values[normalizeAxis(i as number, values.length)] ?? null)
      : undefined;
  return { type, dims: [...dims.slice(0, axis), ...indices.dims, ...dims.slice(axis + 1)], values: picked };
};

const slice: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const list = (name: string, i: number) =>
    node.attributes.ints(name, undefined) ?? (node.inputs[i] ? input(i).values : undefined);
  const starts = list("starts", 1);
  const ends = list("ends", 2);
  if (!dims) return { type, dims: null };
  const axes = list("axes", 3) ?? starts?.map((_, i) => i);
  const steps = list("steps", 4) ?? starts?.map(() => 1);
  if (!starts || !ends || !axes || !steps) return { type, dims: dims.map(() => null) };
  const result = [...dims];
  const ranges: (Range | undefined)[] = dims.map((d) => ({ from: 0, step: 1, count: d as number }));
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis as number, dims.length);
    const size = dims[a]!;
    const range = sliceRange(size, starts[i]!, ends[i]!, steps[i]!);
    result[a] = range?.count ?? null;
    // The whole of a named size keeps its name.
    if (
      typeof size === "string" &&
      starts[i] === 0 &&
      steps[i] === 1 &&
      typeof ends[i] === "number" &&
      ends[i] >= 2 ** 31 - 1
    )
      result[a] = size;
    ranges[a] = range;
  });
  const known = ranges.every((range) => range !== undefined);
  const place = (index: readonly number[]) => index.map((i, a) => ranges[a]!.from + i * ranges[a]!.step);
  return { type, dims: result, values: known ? rearranged(input(0), result, place) : undefined };
};

interface Range {
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

/** The indices that a slice takes; undefined when a bound or the size is not known, or the step is 0. */
export function sliceRange(size: Dim, start: Dim, end: Dim, step: Dim): Range | undefined {
  if (typeof size !== "number" || typeof start !== "number" || typeof end !== "number" || typeof step !== "number")
    return undefined;
  if (step === 0) return undefined;
  const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v < 0 ? v + size : v, low), high);
  const [from, to] =
    step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  return { from, step, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** Sizes by attribute or input; else as equal as they can be, the last one smaller. */
const split: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const count = node.outputs.length;
  if (!dims) return node.outputs.map(() => ({ type, dims: null }));
  const axis = normalizeAxis(node.attributes.int("axis", 0), dims.length);
  const size = dims[axis];
  const given = node.attributes.ints("split", undefined) ?? (node.inputs[1] ? input(1).values : undefined);
  const each = typeof size === "number" ? Math.ceil(size / count) : null;
  const part = (i: number): Dim => {
    if (node.inputs[1] || given) return given?.[i] ?? null;
    return each === null ? null : Math.min(each, (size as number) - i * each);
  };
  return node.outputs.map((_, i) => ({ type, dims: dims.map((d, a) => (a === axis ? part(i) : d)) }));
};

/** Parts of a value, and values put together. */
export const selectionShapes: Readonly<Record<string, ShapeRule>> = {
  Concat: concat,
  Gather: gather,
  Slice: slice,
  Split: split,
};

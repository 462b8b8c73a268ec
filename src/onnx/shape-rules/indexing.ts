import { multiplyDims, normalizeAxis } from "../dims.ts";
import type { ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";

const gatherNd: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const places = input(1).dims;
  const depth = places?.at(-1);
  if (!dims || !places || typeof depth !== "number") return { type, dims: null };
  const batch = node.attributes.int("batch_dims", 0);
  const shared = places.slice(0, batch).map((d, i) => (typeof d === "number" ? d : (dims[i] ?? d)));
  return { type, dims: [...shared, ...places.slice(batch, -1), ...dims.slice(batch + depth)] };
};

const compress: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const { values } = input(1);
  const count: Dim = values?.every((v) => typeof v === "number") ? values.filter((v) => v !== 0).length : null;
  const axis = node.attributes.int("axis", undefined);
  if (axis === undefined) return { type, dims: [count] };
  return { type, dims: dims?.map((d, i) => (i === normalizeAxis(axis, dims.length) ? count : d)) ?? null };
};

const topK: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const count = node.attributes.int("k", undefined) ?? input(1).values?.[0] ?? null;
  const axis = dims && normalizeAxis(node.attributes.int("axis", -1), dims.length);
  const taken = dims?.map((d, i) => (i === axis ? count : d)) ?? null;
  return [
    { type, dims: taken },
    { type: "int64", dims: taken },
  ];
};

const oneHot: ShapeRule = ({ node, input }) => {
  const { type } = input(2);
  const { dims } = input(0);
  if (!dims) return { type, dims };
  const axis = normalizeAxis(node.attributes.int("axis", -1), dims.length + 1);
  return { type, dims: [...dims.slice(0, axis), input(1).values?.[0] ?? null, ...dims.slice(axis)] };
};

const argExtreme: ShapeRule = ({ node, input }) => {
  const { dims } = input(0);
  if (!dims) return { type: "int64", dims };
  const axis = normalizeAxis(node.attributes.int("axis", 0), dims.length);
  const kept = node.attributes.int("keepdims", 1) === 1 ? [1] : [];
  return { type: "int64", dims: [...dims.slice(0, axis), ...kept, ...dims.slice(axis + 1)] };
};

const range: ShapeRule = ({ input }) => {
  const { type } = input(0);
  const [start, limit, delta] = [0, 1, 2].map((i) => input(i).values?.[0]);
  if (start === 0 && delta === 1 && typeof limit === "string") return { type, dims: [limit] };
  if (typeof start !== "number" || typeof limit !== "number" || typeof delta !== "number" || delta === 0)
    return { type, dims: [null] };
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const values = count <= 256 ? Array.from({ length: count }, (_, i) => start + i * delta) : undefined;
  return { type, dims: [count], values };
};

const nonZero: ShapeRule = ({ input }) => ({ type: "int64", dims: [input(0).dims?.length ?? null, null] });

const col2Im: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  const [image, block] = [input(1).values, input(2).values];
  if (!image) return { type, dims: null };
  const [columns, places] = [dims?.[1], block && multiplyDims(block)];
  const channels = typeof columns === "number" && typeof places === "number" ? columns / places : null;
  return { type, dims: [dims?.[0] ?? null, channels, ...image] };
};

const same: ShapeRule = ({ input }) => ({ type: input(0).type, dims: input(0).dims });

/** Operators that choose elements by indices, and that give indices. */
export const indexingShapes: Readonly<Record<string, ShapeRule>> = {
  ArgMax: argExtreme,
  ArgMin: argExtreme,
  Col2Im: col2Im,
  Compress: compress,
  CumProd: same,
  GatherElements: ({ input }) => ({ type: input(0).type, dims: input(1).dims }),
  GatherND: gatherNd,
  Hardmax: same,
  NonZero: nonZero,
  OneHot: oneHot,
  Range: range,
  ReverseSequence: same,
  Scatter: same,
  TopK: topK,
};

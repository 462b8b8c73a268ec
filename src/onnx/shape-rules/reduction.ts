import { normalizeAxis } from "../dims.ts";
import type { ShapeRule } from "../facts.ts";
import { axesOf } from "./axes.ts";

const reduce: ShapeRule = (context) => {
  const { node, input } = context;
  const { type, dims } = input(0);
  const axes = axesOf(context);
  const keep = node.attributes.int("keepdims", 1) === 1;
  if (!dims || axes === null) return { type, dims: keep ? (dims?.map(() => null) ?? null) : null };
  const all = axes === undefined || axes.length === 0;
  if (all && node.attributes.int("noop_with_empty_axes", 0)) return { type, dims };
  const over = new Set(all ? dims.keys() : axes.map((a) => normalizeAxis(a, dims.length)));
  return { type, dims: dims.flatMap((d, i) => (over.has(i) ? (keep ? [1] : []) : [d])) };
};

/** Reductions over axes. */
export const reductionShapes: Readonly<Record<string, ShapeRule>> = Object.fromEntries(
  [
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceSumSquare",
  ].map((op) => [op, reduce]),
);

import { product } from "../../tensor.ts";
import type { Part } from "./layers.ts";
import { indices, place, selection } from "./matrix.ts";
import { moved, notChecked, type Operator, operand, zeros } from "./operator.ts";

const transpose: Operator = (context) => {
  const own = context.dims(0);
  const order = context.node.attributes.ints(
    "perm",
    own.map((_, d) => own.length - 1 - d),
  );
  if (order.length !== own.length || [...order].sort((a, b) => a - b).some((d, i) => d !== i))
    throw notChecked(context.node, "these axes of it");
  const dims = order.map((d) => own[d]!);
  const at = (j: number) => {
    const index = indices(dims, j);
    return place(
      own,
      own.map((_, d) => index[order.indexOf(d)]!),
    );
  };
  return moved(dims, [{ from: operand(context, 0), matrix: selection(product(dims), at) }]);
};

const concat: Operator = (context) => {
  const { node } = context;
  const all = node.inputs.map((_, i) => context.dims(i));
  const rank = all[0]!.length;
  const given = node.attributes.int("axis", 0);
  const axis = given < 0 ? given + rank : given;
  if (
    axis < 1 ||
    axis >= rank ||
    all.some((d) => d.length !== rank || d.some((n, i) => i !== axis && n !== all[0]![i]))
  )
    throw notChecked(node, "these shapes of it");
  const dims = all[0]!.with(
    axis,
    all.reduce((n, d) => n + d[axis]!, 0),
  );
  const bias = zeros(dims);
  const parts: Part[] = [];
  let first = 0;
  for (const [i, own] of all.entries()) {
    const from = context.value(i);
    const begin = first;
    const at = (j: number) => {
      const index = indices(dims, j);
      const along = index[axis]! - begin;
      return along < 0 || along >= own[axis]! ? -1 : place(own, index.with(axis, along));
    };
    if (from !== undefined) parts.push({ from, matrix: selection(bias.length, at) });
    else {
      const { data } = context.constant(i);
      for (let j = 0; j < bias.length; j++) if (at(j) >= 0) bias[j] = data[at(j)]!;
    }
    first += own[axis]!;
  }
  return moved(dims, parts, bias);
};

const pad: Operator = (context) => {
  const { node } = context;
  const own = context.dims(0);
  const pads = node.attributes.ints("pads", undefined) ?? context.integers(1);
  if (node.attributes.string("mode", "constant") !== "constant" || node.inputs[3] || pads.length !== 2 * own.length)
    throw notChecked(node, "this kind of it");
  const given = node.inputs[2] ? context.constant(2).data[0]! : Math.fround(node.attributes.float("value", 0));
  const dims = own.map((n, d) => n + pads[d]! + pads[d + own.length]!);
  if (dims[0] !== 1 || dims.some((n) => n < 1)) throw notChecked(node, "these shapes of it");
  const at = (j: number) => {
    const index = indices(dims, j).map((i, d) => i - pads[d]!);
    return index.every((i, d) => i >= 0 && i < own[d]!) ? place(own, index) : -1;
  };
  const bias = zeros(dims).map((_, j) => (at(j) < 0 ? given : 0));
  return moved(dims, [{ from: operand(context, 0), matrix: selection(bias.length, at) }], bias);
};

export const moveOperators: Readonly<Record<string, Operator>> = { Transpose: transpose, Concat: concat, Pad: pad };

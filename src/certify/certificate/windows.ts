import { resolveWindow, windowOutput } from "../../onnx/window.ts";
import { product } from "../../tensor.ts";
import type { Sparse } from "./layers.ts";
import { dense, Rows, tapsOf } from "./matrix.ts";
import { affine, notChecked, type Operator, type OperatorContext, operand, zeros } from "./operator.ts";

/** The elements of each position of a node's window, over the planes of its input. @throws unsupported */
function slide({ node, dims }: OperatorContext, kernel: readonly number[]) {
  const spatial = dims(0).slice(2);
  const window = resolveWindow(node, kernel, spatial);
  const output = spatial.map((size, i) => windowOutput(window, size, i)) as number[];
  const before = window.before as number[];
  if (kernel.length !== spatial.length || ![...output, ...before].every(Number.isSafeInteger))
    throw notChecked(node, "these shapes of it");
  return { window, output, plane: product(spatial), taps: tapsOf({ ...window, before, output }, spatial) };
}

const conv: Operator = (context) => {
  const { node } = context;
  const channels = context.dims(0)[1]!;
  const { data, dims: weights } = context.constant(1);
  const [outputs = 0, own = 0, ...kernel] = weights;
  const group = node.attributes.int("group", 1);
  if (own * group !== channels || outputs % group !== 0) throw notChecked(node, "these shapes of it");
  const { output, plane, taps } = slide(context, kernel);
  const size = product(kernel);
  const rows = new Rows();
  for (let m = 0; m < outputs; m++) {
    const first = Math.floor(m / (outputs / group)) * own;
    for (const inside of taps) {
      for (let c = 0; c < own; c++)
        for (const { at, k } of inside) rows.add((first + c) * plane + at, data[(m * own + c) * size + k]!);
      rows.end();
    }
  }
  const dims = [1, outputs, ...output];
  const bias = zeros(dims);
  if (node.inputs[2]) {
    const { data: b } = context.constant(2);
    if (b.length !== outputs) throw notChecked(node, "these shapes of it");
    for (let j = 0; j < bias.length; j++) bias[j] = b[Math.floor(j / taps.length)]!;
  }
  return affine(dims, [{ from: operand(context, 0), matrix: rows.finish() }], bias);
};

/** One row for each position of a window in each channel, with the same weight for all elements inside. */
function planes(
  channels: number,
  { taps, plane }: ReturnType<typeof slide>,
  weight: (inside: number) => number,
): Sparse {
  const rows = new Rows();
  for (let c = 0; c < channels; c++)
    for (const inside of taps) {
      for (const { at } of inside) rows.add(c * plane + at, weight(inside.length));
      rows.end();
    }
  return rows.finish();
}

const averagePool: Operator = (context) => {
  const { node } = context;
  const kernel = node.attributes.ints("kernel_shape", []);
  const slid = slide(context, kernel);
  // What a window beyond the padding is divided by differs between versions.
  if (slid.window.ceil) throw notChecked(node, "it with ceil_mode");
  const counted = node.attributes.int("count_include_pad", 0) !== 0;
  const channels = context.dims(0)[1]!;
  const matrix = planes(channels, slid, (inside) => 1 / (counted ? product(kernel) : inside));
  return affine([1, channels, ...slid.output], [{ from: operand(context, 0), matrix }]);
};

const globalAveragePool: Operator = (context) => {
  const [, channels = 0, ...spatial] = context.dims(0);
  const size = product(spatial);
  const matrix = dense(channels, size, 1, () => 1 / size);
  return affine([1, channels, ...spatial.map(() => 1)], [{ from: operand(context, 0), matrix }]);
};

const maxPool: Operator = (context) => {
  const { node } = context;
  const slid = slide(context, node.attributes.ints("kernel_shape", []));
  if (slid.taps.some((inside) => inside.length === 0)) throw notChecked(node, "it with windows on padding alone");
  const channels = context.dims(0)[1]!;
  return {
    kind: "largest",
    dims: [1, channels, ...slid.output],
    from: operand(context, 0),
    windows: planes(channels, slid, () => 1),
  };
};

export const windowOperators: Readonly<Record<string, Operator>> = {
  Conv: conv,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  MaxPool: maxPool,
};

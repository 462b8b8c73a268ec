import { product } from "../../tensor.ts";
import type { Part } from "./layers.ts";
import { broadcast, broadcastPlace, dense, selection } from "./matrix.ts";
import {
  affine,
  type Made,
  moved,
  notChecked,
  type Operator,
  type OperatorContext,
  operand,
  zeros,
} from "./operator.ts";

/** a + s·b, of which one may be constant. */
const sum =
  (sign: 1 | -1): Operator =>
  (context) => {
    const dims = broadcast(context.dims(0), context.dims(1));
    const parts: Part[] = [];
    const bias = zeros(dims);
    for (const [i, by] of [1, sign].entries()) {
      const own = context.dims(i);
      const at = (j: number) => broadcastPlace(own, dims, j);
      const from = context.value(i);
      if (from !== undefined) {
        parts.push({ from, matrix: selection(bias.length, at, () => by) });
      } else {
        const { data } = context.constant(i);
        for (let j = 0; j < bias.length; j++) bias[j]! += by * data[at(j)]!;
      }
    }
    return affine(dims, parts, bias);
  };

/** Each element times what a constant has there. */
function scaled(context: OperatorContext, x: number, by: number, weight: (c: number) => number): Made {
  const dims = broadcast(context.dims(0), context.dims(1));
  const { data, dims: own } = context.constant(by);
  const matrix = selection(
    product(dims),
    (j) => broadcastPlace(context.dims(x), dims, j),
    (j) => weight(data[broadcastPlace(own, dims, j)]!),
  );
  return affine(dims, [{ from: operand(context, x), matrix }]);
}

const LEAST_SCALE = 2 ** -20;

const gemm: Operator = (context) => {
  const { node, value, constant } = context;
  const float = (name: string) => Math.fround(node.attributes.float(name, 1));
  const transposed = node.attributes.int("transB", 0) !== 0;
  const { data, dims: weights } = constant(1);
  const [inner, outer] = transposed ? [weights[1]!, weights[0]!] : [weights[0]!, weights[1]!];
  const [rows, own] = context.dims(0);
  if (node.attributes.int("transA", 0) !== 0 || rows !== 1 || own !== inner || weights.length !== 2)
    throw notChecked(node, "these shapes of it");
  const alpha = float("alpha");
  // What is scaled down afterwards may have left the range of float32 before.
  if (Math.abs(alpha) < LEAST_SCALE) throw notChecked(node, `it with an alpha of ${alpha}`);
  const matrix = dense(1, inner, outer, (k, m) => alpha * data[transposed ? m * inner + k : k * outer + m]!);
  const bias = new Float64Array(outer);
  if (node.inputs[2]) {
    if (value(2) !== undefined) throw notChecked(node, "it with a bias that is not constant");
    const c = constant(2);
    if (broadcast(c.dims, [1, outer]).join() !== `1,${outer}`) throw notChecked(node, "these shapes of it");
    for (let m = 0; m < outer; m++) bias[m] = float("beta") * c.data[broadcastPlace(c.dims, [1, outer], m)]!;
  }
  return affine([1, outer], [{ from: operand(context, 0), matrix }], bias);
};

const matmul: Operator = (context) => {
  const { data, dims: weights } = context.constant(1);
  const own = context.dims(0);
  const [inner = 0, outer = 0] = weights;
  if (weights.length !== 2 || own.length < 2 || own.at(-1) !== inner)
    throw notChecked(context.node, "these shapes of it");
  const matrix = dense(product(own) / inner, inner, outer, (k, m) => data[k * outer + m]!);
  return affine([...own.slice(0, -1), outer], [{ from: operand(context, 0), matrix }]);
};

/** (X - mean)·scale / √(var + ε) + B, by the numbers that it was trained to. */
const batchNormalization: Operator = (context) => {
  const { node } = context;
  if (node.attributes.int("training_mode", 0) !== 0 || node.outputs.slice(1).some((name) => name !== ""))
    throw notChecked(node, "it in training");
  const dims = context.dims(0);
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((i) => context.constant(i).data);
  if ([scale, shift, mean, variance].some((each) => each!.length !== dims[1]))
    throw notChecked(node, "these shapes of it");
  const epsilon = Math.fround(node.attributes.float("epsilon", 1e-5));
  const plane = product(dims.slice(2));
  const channel = (j: number) => Math.floor(j / plane);
  const factor = (c: number) => scale![c]! / Math.sqrt(variance![c]! + epsilon);
  const [bias, biasSize] = [zeros(dims), zeros(dims)];
  for (let j = 0; j < bias.length; j++) {
    const c = channel(j);
    bias[j] = shift![c]! - mean![c]! * factor(c);
    biasSize[j] = Math.abs(shift![c]!) + Math.abs(mean![c]! * factor(c));
  }
  const matrix = selection(
    bias.length,
    (j) => j,
    (j) => factor(channel(j)),
  );
  return affine(dims, [{ from: operand(context, 0), matrix }], bias, biasSize);
};

export const linearOperators: Readonly<Record<string, Operator>> = {
  Gemm: gemm,
  MatMul: matmul,
  Add: sum(1),
  Sub: sum(-1),
  Neg: (context) => {
    const dims = context.dims(0);
    const matrix = selection(
      product(dims),
      (j) => j,
      () => -1,
    );
    return moved(dims, [{ from: operand(context, 0), matrix }]);
  },
  Mul: (context) =>
    context.value(0) === undefined ? scaled(context, 1, 0, (c) => c) : scaled(context, 0, 1, (c) => c),
  Div: (context) => scaled(context, 0, 1, (c) => 1 / c),
  BatchNormalization: batchNormalization,
};

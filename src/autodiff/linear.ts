import type { Ops } from "../onnx/ops.ts";
import { product, tensor } from "../tensor.ts";
import type { LinearContext, LinearOperator, Terms } from "./linear-operator.ts";
import { movingOperators, spread } from "./moved.ts";

export type { LinearContext, LinearOperator, Terms };

const abs = (b: Ops, x: string): string => b.add("Abs", [x]);
function ones(b: Ops, dims: readonly number[]): string {
  b.room(product(dims), "ones");
  return b.constant(tensor("float32", dims, new Float32Array(product(dims)).fill(1)));
}

/** The same node with other inputs. */
export function again({ node, b }: Pick<LinearContext, "node" | "b">, inputs: readonly string[]): string {
  return againMany({ node, b }, inputs)[0]!;
}

/** The same node with other inputs: all of its outputs. */
export function againMany({ node, b }: Pick<LinearContext, "node" | "b">, inputs: readonly string[]): string[] {
  const { proto: _, ...own } = node;
  const outputs = node.outputs.map((name) => (name === "" ? "" : b.fresh(node.op)));
  b.append({ ...own, name: "", inputs, outputs });
  return outputs;
}

/** The same node with other values for what is not constant. */
export const withOperands = (context: LinearContext, h: (i: number) => string): string =>
  again(
    context,
    context.x.map((name, i) => (context.isConstant(i) ? name : h(i))),
  );

/** Sums with weights that are never negative, over windows or axes. */
const averaged: LinearOperator = {
  operands: [0],
  ends: "monotone",
  terms: ({ b, x, node }) => {
    const kernel = node.attributes.ints("kernel_shape", undefined);
    // Of a reduction: as many as go to one element of the output.
    const size = product(b.sizes(x[0]!, 1)) / Math.max(1, product(b.sizes(node.outputs[0]!, 1)));
    const window = 4 + (kernel ? product(kernel) : Math.ceil(size));
    return { forwards: window, backwards: kernel ? window : 4 };
  },
};

/** a + b or a - b, of which one may be constant. */
const sum = (ends: LinearOperator["ends"]): LinearOperator => ({
  isInDouble: true,
  operands: [0, 1],
  ends,
  terms: (context) => ({ forwards: 2, backwards: 2 + spread(context) }),
  absolute: ({ b, x, isConstant }, h, additive) => {
    const constant = (i: number) => (additive ? abs(b, x[i]!) : b.mul(x[i]!, b.scalar(0, x[i]!)));
    const [left, right] = [0, 1].map((i) => (isConstant(i) ? constant(i) : h(i)));
    return b.plus(left!, right!);
  },
});

/** Y = X ∗ W + B, with weights [M, C/groups, ...] of a convolution, [C, M/groups, ...] of a transposed one. */
const convolution = (isTransposed: boolean): LinearOperator => ({
  operands: [0],
  ends: "weighted",
  terms: ({ node, b, x }) => {
    const [first, second, ...kernel] = b.sizes(x[1]!);
    const one = 2 + second! * product(kernel);
    const other = 2 + (first! / node.attributes.int("group", 1)) * product(kernel);
    return isTransposed ? { forwards: other, backwards: one } : { forwards: one, backwards: other };
  },
  absolute: (context, h, additive) => {
    const { b, x } = context;
    const bias = additive && x[2] ? [abs(b, x[2])] : [];
    return again(context, [h(0), abs(b, x[1]!), ...bias]);
  },
  count: (context, marks) => {
    const { b, x, node } = context;
    const sizes = b.sizes(x[1]!);
    // One filter of ones tells it for all, but where they see different channels.
    const own = node.attributes.int("group", 1) === 1 ? sizes.with(isTransposed ? 1 : 0, 1) : sizes;
    return again(context, [marks(0), ones(b, own)]);
  },
});

export const linearOperators = {
  ...movingOperators,
  Add: sum("monotone"),
  Sub: sum("weighted"),
  Neg: { operands: [0], ends: "falling" },
  Mul: {
    isInDouble: true,
    operands: [0, 1],
    bilinear: true,
    ends: "weighted",
    terms: (context) => ({ forwards: 2, backwards: 2 + spread(context) }),
    absolute: ({ b, x, isConstant }, h) => {
      const factor = (i: number) => (isConstant(i) ? abs(b, x[i]!) : h(i));
      return b.mul(factor(0), factor(1));
    },
  },
  Div: {
    isInDouble: true,
    operands: [0],
    ends: "weighted",
    terms: (context) => ({ forwards: 2, backwards: 2 + spread(context) }),
    absolute: ({ b, x }, h) => b.div(h(0), abs(b, x[1]!)),
  },
  MatMul: {
    isInDouble: true,
    operands: [0, 1],
    bilinear: true,
    ends: "weighted",
    terms: ({ b, x, isConstant }) => {
      const weights = b.sizes(x[isConstant(1) ? 1 : 0]!);
      // A vector counts as a matrix of one row, or one column.
      const [rows, columns] =
        weights.length > 1 ? weights.slice(-2) : isConstant(1) ? [weights[0], 1] : [1, weights[0]];
      const [forwards, backwards] = isConstant(1) ? [rows!, columns!] : [columns!, rows!];
      return { forwards: 2 + forwards, backwards: 2 + backwards };
    },
    absolute: ({ b, x, isConstant }, h) => {
      const factor = (i: number) => (isConstant(i) ? abs(b, x[i]!) : h(i));
      return b.matmul(factor(0), factor(1));
    },
    count: ({ b, x, isConstant }, marks) => {
      const weights = b.sizes(x[isConstant(1) ? 1 : 0]!);
      // One row or column of ones tells it for all.
      const own = weights.length === 2 ? weights.with(isConstant(1) ? 1 : 0, 1) : weights;
      return isConstant(1) ? b.matmul(marks(0), ones(b, own)) : b.matmul(ones(b, own), marks(1));
    },
  },
  Gemm: {
    isInDouble: true,
    operands: [0, 1, 2],
    bilinear: true,
    ends: "weighted",
    terms: ({ node, b, x, isConstant }) => {
      const i = isConstant(1) ? 1 : 0;
      const [first, second] = b.sizes(x[i]!);
      const sumsFirst = (node.attributes.int(i === 1 ? "transB" : "transA", 0) === 0) === (i === 1);
      return { forwards: 6 + (sumsFirst ? first! : second!), backwards: 6 + (sumsFirst ? second! : first!) };
    },
    absolute: ({ node, b, x, isConstant }, h, additive) => {
      const factor = (i: number) => (isConstant(i) ? abs(b, x[i]!) : h(i));
      const alpha = Math.abs(node.attributes.float("alpha", 1));
      const beta = Math.abs(node.attributes.float("beta", 1));
      const last = x[2] === undefined || x[2] === "" ? [] : isConstant(2) ? (additive ? [abs(b, x[2])] : []) : [h(2)];
      const [transA, transB] = [node.attributes.int("transA", 0), node.attributes.int("transB", 0)];
      const zero = () => (b.opset >= 11 ? [] : [b.unsqueeze(b.scalar(0, x[0]!), [0])]);
      return b.add("Gemm", [factor(0), factor(1), ...(last.length > 0 ? last : zero())], {
        transA,
        transB,
        alpha: { float: alpha },
        beta: { float: beta },
      });
    },
    count: ({ node, b, isConstant }, marks) => {
      if (isConstant(0) && isConstant(1)) return undefined;
      const i = isConstant(1) ? 0 : 1;
      const isAcross = node.attributes.int(i === 0 ? "transA" : "transB", 0) === 0;
      const summed = i === 0 ? 1 : 0;
      const sum = b.reduceSum(marks(i), [isAcross ? summed : 1 - summed], true);
      return isAcross ? sum : b.transpose(sum, [1, 0]);
    },
  },
  Conv: convolution(false),
  ConvTranspose: convolution(true),
  // (X - mean)·scale / √(var + ε) + B, by the numbers that it was trained to.
  BatchNormalization: {
    operands: [0],
    ends: "weighted",
    terms: () => ({ forwards: 8, backwards: 8 }),
    absolute: (context, h, additive) => {
      const { b, x } = context;
      const zero = b.mul(x[3]!, b.scalar(0, x[3]!));
      const mean = additive ? b.neg(abs(b, x[3]!)) : zero;
      return again(context, [h(0), abs(b, x[1]!), additive ? abs(b, x[2]!) : zero, mean, x[4]!]);
    },
  },
  AveragePool: averaged,
  GlobalAveragePool: averaged,
  ReduceMean: averaged,
  ReduceSum: averaged,
} satisfies Readonly<Record<string, LinearOperator>>;

const table: Readonly<Record<string, LinearOperator>> = linearOperators;

/** How a node is linear in those of its inputs that are not constant, or undefined where it is not. */
export function linearIn(context: LinearContext): LinearOperator | undefined {
  const { node, x, isConstant } = context;
  const operator = node.domain === "" && Object.hasOwn(table, node.op) ? table[node.op] : undefined;
  if (!operator) return undefined;
  const unknown = x.flatMap((name, i) => (name !== "" && !isConstant(i) ? [i] : []));
  const { operands, bilinear } = operator;
  if (operator.isLinear?.(context) === false) return undefined;
  if (operands !== "all" && unknown.some((i) => !operands.includes(i))) return undefined;
  // Of a product only one factor may be unknown; what is added to it may be, too.
  if (bilinear && unknown.includes(0) && unknown.includes(1)) return undefined;
  return operator;
}

import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { again } from "../linear.ts";
import type { RelaxationContext, Relaxations } from "../relaxation.ts";
import { maxPoolRules } from "../rules/max-pool.ts";

/** Less than any value of a network that has not overflowed. */
const LEAST = -3e38;

type RowsOf = (name: string) => string;

const f64 = (b: Ops, x: string): string => b.cast(x, "float64");

/** Whether no element is in two windows. */
export function isTiled({ attributes }: Node, rank: number): boolean {
  const kernel = attributes.ints("kernel_shape", []);
  const ones = kernel.map(() => 1);
  const strides = attributes.ints("strides", ones);
  const dilations = attributes.ints("dilations", ones);
  return rank === kernel.length + 2 && kernel.every((k, i) => (k - 1) * dilations[i]! < strides[i]!);
}

/** Sends coefficients from each window to the first largest element of `at`: the gradient of the pool there. */
function toLargest({ node, b }: Pick<RelaxationContext, "node" | "b">, at: string, pooled: string, a: string): string {
  const context = { node, g: a, gradientOf: () => a, x: [at], y: pooled, b, wants: () => true };
  return maxPoolRules.MaxPool(context)[0]!;
}

/**
 * The largest of a window is not below the element whose lower end is largest, and is that element where no other one can
 * be above it; else it is only known to be below the largest upper end.
 */
function lines(context: RelaxationContext) {
  const { node, b, x, y } = context;
  const [z] = x;
  const pool = (value: string) => again(context, [value]);
  const [lower, upper, h] = [pool(z!.lower), pool(z!.upper), f64(b, y)];
  if (!isTiled(node, b.dims(z!.lower).length)) {
    const flat = (end: string) => ({
      gap: b.sub(f64(b, end), h),
      back: (_: Ops, a: string, rowsOf: RowsOf) =>
        toLargest({ node, b }, rowsOf(z!.lower), rowsOf(lower), b.mul(a, b.scalar(0, a))),
    });
    return { lower: flat(lower), upper: flat(upper) };
  }
  const chosen = b.add("Greater", [toLargest(context, z!.lower, lower, b.full(1, lower)), b.scalar(0, lower)]);
  const least = b.scalar(LEAST, lower);
  const itsCentre = f64(b, pool(b.where(chosen, z!.centre, least)));
  const others = pool(b.where(chosen, least, z!.upper));
  const wins = b.add("Not", [b.add("Greater", [others, lower])]);
  const share = b.cast(wins, "float32");
  const back = (weigh: (a: string, rowsOf: RowsOf) => string) => (_: Ops, a: string, rowsOf: RowsOf) =>
    toLargest({ node, b }, rowsOf(z!.lower), rowsOf(lower), weigh(a, rowsOf));
  return {
    lower: { gap: b.sub(itsCentre, h), back: back((a) => a) },
    upper: {
      gap: b.sub(b.where(wins, itsCentre, f64(b, upper)), h),
      back: back((a, rowsOf) => b.mul(a, rowsOf(share))),
    },
  };
}

export const maxPoolRelaxations = {
  MaxPool: {
    interval: (context) => {
      const { x } = context;
      return { lower: again(context, [x[0]!.lower]), upper: again(context, [x[0]!.upper]) };
    },
    lines,
    isOpen: (_, lower, upper) => lower < upper,
  },
} satisfies Relaxations;

import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { numbers, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import { randomFor } from "../../random.ts";
import { product } from "../../tensor.ts";
import { backward } from "../engine.ts";
import { positions } from "./window.ts";

interface Pool {
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly strides?: readonly number[];
  readonly pads?: readonly number[];
  readonly dilations?: readonly number[];
}

/** What each element of x gets when every window gives its own gradient to its first maximum, in row-major order. */
function firstMaxima({ size, kernel, strides, pads, dilations }: Pool, x: readonly number[], g: readonly number[]) {
  const rank = size.length;
  const at = (i: number) => ({ s: strides?.[i] ?? 1, d: dilations?.[i] ?? 1, p: pads?.[i] ?? 0 });
  const output = size.map((n, i) => {
    const { s, d, p } = at(i);
    return Math.floor((n + p + (pads?.[i + rank] ?? 0) - (kernel[i]! - 1) * d - 1) / s) + 1;
  });
  const gradient = x.map(() => 0);
  for (const [w, o] of positions(output).entries()) {
    let best = -1;
    for (const k of positions(kernel)) {
      const place = k.map((v, i) => o[i]! * at(i).s + v * at(i).d - at(i).p);
      if (place.some((v, i) => v < 0 || v >= size[i]!)) continue;
      const flat = place.reduce((all, v, i) => all * size[i]! + v, 0);
      if (best < 0 || x[flat]! > x[best]!) best = flat;
    }
    gradient[best]! += g[w]!;
  }
  return { gradient, output };
}

const attributesOf = ({ kernel, strides, pads, dilations }: Pool) => ({
  kernel_shape: kernel,
  ...(strides && { strides }),
  ...(pads && { pads }),
  ...(dilations && { dilations }),
});

describe("MaxPool among many equal values: the whole gradient to the first maximum, in row-major order", () => {
  const pools: Pool[] = [
    { size: [6, 8], kernel: [2, 2], strides: [2, 2] },
    { size: [7, 8], kernel: [2, 2], strides: [2, 2] },
    { size: [7, 7], kernel: [3, 3], strides: [2, 2] },
    { size: [8, 8], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    { size: [6, 7], kernel: [3, 3], pads: [1, 1, 1, 1] },
    { size: [7, 7], kernel: [5, 5], pads: [2, 2, 2, 2] },
    { size: [10, 12], kernel: [5, 6], strides: [5, 6] },
    { size: [7, 9], kernel: [7, 9] },
    { size: [8, 9], kernel: [2, 3], strides: [3, 4], pads: [1, 2, 0, 1] },
    { size: [9, 9], kernel: [3, 2], dilations: [2, 3], strides: [2, 1] },
    { size: [14], kernel: [5], strides: [2], pads: [3, 4] },
    { size: [4, 5, 6], kernel: [2, 3, 2], strides: [2, 1, 2], pads: [0, 1, 0, 1, 1, 0] },
  ];
  it.each(pools)("$size by $kernel, strides $strides, pads $pads, dilations $dilations", async (pool) => {
    for (const opset of [8, 17]) {
      if (pool.dilations && opset < 10) continue;
      const random = randomFor(7, opset);
      const x = Array.from(
        { length: product(pool.size) },
        () => [-1, 0, 1, Number.NEGATIVE_INFINITY][random.integer(4)]!,
      );
      const { output } = firstMaxima(pool, x, []);
      const g = Array.from({ length: product(output) }, (_, i) => i + 1);
      const b = new Ops(emptyGraph("ties", opset));
      b.input({ name: "x", type: "float32", dims: ["N", 1, ...pool.size] });
      const seed = b.constant(numbers("float32", [1, 1, ...output], g));
      const [gradient] = backward(b, b.add("MaxPool", ["x"], attributesOf(pool)), seed, ["x"]);
      const got = await withProgram(b.finish([gradient!]), (program) =>
        program.run({ x: numbers("float32", [1, 1, ...pool.size], x) }),
      );
      expect(Array.from(got[gradient!]!.data as Float32Array)).toEqual(firstMaxima(pool, x, g).gradient);
    }
  });
});

describe("pools whose padding ONNX Runtime computes otherwise than the standard says", () => {
  it.each([
    ["MaxPool", { kernel_shape: [2, 2], dilations: [2, 2] }],
    ["AveragePool", { kernel_shape: [2, 2], dilations: [2, 2] }],
    ["LpPool", { kernel_shape: [1, 1], strides: [3, 3] }],
  ])("%s %j", async (op, attributes) => {
    const b = new Ops(emptyGraph("same", 22));
    b.input({ name: "x", type: "float32", dims: ["N", 1, 6, 6] });
    const y = b.add(op, ["x"], { ...attributes, auto_pad: "SAME_UPPER" });
    const { message } = await failure("no-gradient", () => backward(b, y, y, ["x"]));
    expect(message).toContain("SAME padding");
  });
});

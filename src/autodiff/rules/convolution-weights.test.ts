import { describe, expect, it } from "vitest";
import { emptyGraph } from "../../onnx/builder.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, product } from "../../tensor.ts";
import { backward } from "../engine.ts";

interface Case {
  /** [n, channels, …] */
  readonly x: readonly number[];
  /** [filters, channels / groups, …] */
  readonly w: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  /** Before each axis, then after each. */
  readonly pads?: readonly number[];
  readonly group?: number;
}

const CASES: Readonly<Record<string, Case>> = {
  plain: { x: [3, 2, 6, 7], w: [4, 2, 3, 2] },
  "one channel, one filter, one sample": { x: [1, 1, 5, 5], w: [1, 1, 5, 5] },
  "1-d, with a rest": { x: [2, 3, 10], w: [2, 3, 3], strides: [4] },
  "3-d": { x: [2, 2, 4, 5, 3], w: [3, 2, 2, 3, 1], strides: [1, 2, 1], pads: [1, 0, 0, 0, 1, 0] },
  strides: { x: [2, 2, 9, 8], w: [3, 2, 3, 3], strides: [2, 3] },
  dilations: { x: [2, 2, 9, 8], w: [3, 2, 3, 2], dilations: [2, 3] },
  "uneven pads, strides and dilations": {
    x: [2, 3, 7, 6],
    w: [2, 3, 2, 3],
    strides: [2, 1],
    dilations: [3, 2],
    pads: [1, 2, 0, 1],
  },
  groups: { x: [2, 4, 6, 6], w: [6, 2, 3, 3], group: 2, pads: [1, 1, 1, 1] },
  depthwise: { x: [2, 3, 6, 6], w: [3, 1, 3, 3], group: 3, strides: [2, 2] },
  "too large for patches": { x: [1, 4, 50, 50], w: [2, 4, 3, 3] },
};

/** Numbers between -1 and 1. */
const numbers = (dims: readonly number[], seed: number): FloatTensor => ({
  type: "float32",
  dims,
  data: Float32Array.from({ length: product(dims) }, (_, i) => Math.fround(Math.sin(seed + i * 1.7))),
});

/** All [i, j, …] with i < sizes[0], j < sizes[1], … */
const grid = (sizes: readonly number[]): number[][] =>
  sizes.reduce<number[][]>((all, n) => all.flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i])), [[]]);
const flat = (dims: readonly number[], at: readonly number[]): number =>
  dims.reduce((sum, d, i) => sum * d + at[i]!, 0);

/** Σ over samples and places of g · x, by the definition, in float64. */
function expected(c: Case, x: FloatTensor, g: FloatTensor): Float64Array {
  const { strides, dilations, pads, group = 1, w } = c;
  const places = grid(g.dims.slice(2));
  const result = new Float64Array(product(w));
  for (const [i, [m, channel, ...k]] of grid(w).entries())
    for (let n = 0; n < x.dims[0]!; n++)
      for (const place of places) {
        const pixel = place.map((p, a) => p * (strides?.[a] ?? 1) + k[a]! * (dilations?.[a] ?? 1) - (pads?.[a] ?? 0));
        if (pixel.some((p, a) => p < 0 || p >= x.dims[a + 2]!)) continue;
        const source = Math.floor(m! / (w[0]! / group)) * w[1]! + channel!;
        result[i]! += g.data[flat(g.dims, [n, m!, ...place])]! * x.data[flat(x.dims, [n, source, ...pixel])]!;
      }
  return result;
}

describe("the gradient of a convolution by its weights", () => {
  it.each(Object.entries(CASES))("%s", async (_, c) => {
    const b = new Ops(emptyGraph("conv"));
    b.input({ name: "x", type: "float32", dims: ["N", ...c.x.slice(1)] });
    b.input({ name: "w", type: "float32", dims: c.w });
    const { strides, dilations, pads, group = 1 } = c;
    const given = Object.entries({ strides, dilations, pads }).filter(([, value]) => value !== undefined);
    const y = b.add("Conv", ["x", "w"], { group, kernel_shape: c.w.slice(2), ...Object.fromEntries(given) });
    b.input({ name: "g", type: "float32", dims: b.dims(y) });
    const [gradient] = backward(b, y, "g", ["w"]);
    b.alias("gradient", gradient!);
    const sizes = b.sizes(y, 1);
    const program = await nodeRuntime("cpu", 1).load(writeOnnx(b.finish(["gradient"])));
    const x = numbers(c.x, 1);
    const g = numbers([c.x[0]!, ...sizes], 2);
    const { data, dims } = (await program.run({ x, g, w: numbers(c.w, 3) }))["gradient"] as FloatTensor;
    expect(dims).toEqual(c.w);
    const truth = expected(c, x, g);
    // Each term is at most 1, so rounding grows with their number.
    const terms = c.x[0]! * product(sizes);
    truth.forEach((value, i) => {
      expect(Math.abs(data[i]! - value)).toBeLessThan(1e-6 * terms);
    });
  });
});

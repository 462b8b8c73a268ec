import { describe, expect, it } from "vitest";
import { numbers, withProgram } from "../../test/support/gradient-check.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { Ops } from "../onnx/ops.ts";
import type { Tensor } from "../tensor.ts";
import { backward } from "./engine.ts";

const inf = Number.POSITIVE_INFINITY;
const f32 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor =>
  numbers("float32", dims, values);

/** The gradients of the sum of an operator's output, or of ⟨seed, output⟩, with respect to each input. */
async function gradients(
  build: (b: Ops, x: string[]) => string,
  inputs: readonly Tensor[],
  { opset = 17, seed }: { opset?: number; seed?: Tensor } = {},
): Promise<number[][]> {
  const b = new Ops(emptyGraph("kink", opset));
  const x = inputs.map((t, i) => b.input({ name: `x${i}`, type: t.type, dims: t.dims }));
  const y = build(b, x);
  const names = backward(b, y, seed ? b.constant(seed) : b.full(1, y), x);
  // Two gradients may be one value.
  const outputs = names.map((_, i) => `gradient${i}`);
  for (const [i, name] of outputs.entries()) b.alias(name, names[i]!);
  const feeds = Object.fromEntries(inputs.map((t, i) => [`x${i}`, t]));
  const results = await withProgram(b.finish(outputs), (program) => program.run(feeds));
  return outputs.map((name) => Array.from(results[name]!.data as Float32Array, (v) => v + 0));
}

const op =
  (name: string, attributes = {}) =>
  (b: Ops, x: string[]) =>
    b.add(name, x, attributes);
const one = async (...args: Parameters<typeof gradients>) => (await gradients(...args))[0];

describe("conventions at kinks, which are PyTorch's", () => {
  it("Relu: 0 at 0, of either sign", async () => {
    expect(await one(op("Relu"), [f32([-2, -0, 0, 1e-38, 3, inf])])).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it("LeakyRelu: the slope at 0", async () => {
    expect(await one(op("LeakyRelu", { alpha: { float: 0.25 } }), [f32([-2, -0, 0, 3])])).toEqual([
      0.25, 0.25, 0.25, 1,
    ]);
  });

  it.each([
    [6, (b: Ops, x: string[]) => b.add("Clip", x, { min: { float: -1 }, max: { float: 1 } })],
    [11, (b: Ops, x: string[]) => b.add("Clip", [...x, b.scalar(-1, x[0]!), b.scalar(1, x[0]!)])],
    [17, (b: Ops, x: string[]) => b.add("Clip", [...x, b.scalar(-1, x[0]!), b.scalar(1, x[0]!)])],
  ])("Clip: passes at its bounds (opset %i)", async (opset, build) => {
    expect(await one(build, [f32([-inf, -1.5, -1, 0, 1, 1.5, inf])], { opset: Math.max(opset, 9) })).toEqual([
      0, 0, 1, 1, 1, 0, 0,
    ]);
  });

  it("Clip with bounds in the wrong order lets nothing through", async () => {
    const build = (b: Ops, [x]: string[]) => b.add("Clip", [x!, b.scalar(1, x!), b.scalar(-1, x!)]);
    expect(await one(build, [f32([-1.5, -1, 0, 1, 1.5])])).toEqual([0, 0, 0, 0, 0]);
  });

  it("Clip by its bounds: nothing at them, all of it to the upper one where they are in the wrong order", async () => {
    const clip = (low: number, high: number) =>
      gradients(
        (b, [x, l, h]) => b.add("Clip", [x!, l!, h!]),
        [f32([-1.5, -1, 0, 1, 1.5]), f32([low], []), f32([high], [])],
      );
    expect(await clip(-1, 1)).toEqual([[0, 1, 1, 1, 0], [1], [1]]);
    expect(await clip(1, -1)).toEqual([[0, 0, 0, 0, 0], [0], [5]]);
    expect(await clip(1, 1)).toEqual([[0, 0, 0, 1, 0], [0], [1]]);
  });

  it.each([9, 13, 17])("Pow at base 0 (opset %i)", async (opset) => {
    const build = (b: Ops, x: string[]) => b.add("Pow", x);
    const [base, exponent] = await gradients(build, [f32([0, 0, 0, 0, 0]), f32([0, 1, 2, 0.5, 3])], { opset });
    expect(base).toEqual([0, 1, 0, inf, 0]);
    expect(exponent).toEqual([0, 0, 0, 0, 0]);
  });

  it("Pow of negative bases by whole exponents, and by 0", async () => {
    const build = (b: Ops, [x]: string[]) => b.add("Pow", [x!, b.constant(f32([0, 1, 2, 3, -1]))]);
    expect(await one(build, [f32([-2, -2, -2, -2, -2])])).toEqual([0, 1, -4, 12, -0.25]);
  });

  it("Pow to the exponent, of a negative base: not a number, as the logarithm", async () => {
    const [, exponent] = await gradients(op("Pow"), [f32([-2]), f32([2])]);
    expect(exponent).toEqual([Number.NaN]);
  });

  // What torch 2.13 gives for the same inputs.
  it.each<[string, object, number[], number[], number]>([
    ["Abs", {}, [-0, 0], [0, 0], 17],
    ["Elu", { alpha: { float: 0.5 } }, [0], [0.5], 17],
    ["Selu", {}, [0], [1.7580993175506592], 17],
    ["Celu", { alpha: { float: 2 } }, [0], [1], 17],
    ["HardSigmoid", { alpha: { float: 0.25 }, beta: { float: 0.5 } }, [-2, 2], [0, 0], 17],
    ["HardSwish", {}, [-3, 3], [0, 1], 17],
    ["ThresholdedRelu", {}, [1], [0], 17],
    ["Shrink", {}, [-0.5, 0.5], [0, 0], 17],
  ])("%s", async (name, attributes, x, expected, opset) => {
    expect(await one(op(name, attributes), [f32(x)], { opset })).toEqual(expected);
  });

  it("PRelu at 0: the slope, and 0 for it", async () => {
    expect(await gradients(op("PRelu"), [f32([0]), f32([0.25])])).toEqual([[0.25], [0]]);
  });

  it("Max and Min of equals: equal shares", async () => {
    for (const name of ["Max", "Min"])
      expect(await gradients(op(name), [f32([1, 2]), f32([1, 3])])).toEqual(
        name === "Max"
          ? [
              [0.5, 0],
              [0.5, 1],
            ]
          : [
              [0.5, 1],
              [0.5, 0],
            ],
      );
  });

  it("Sqrt at 0: infinite", async () => {
    expect(await one(op("Sqrt"), [f32([0, 4])])).toEqual([inf, 0.25]);
  });

  it("Where: nothing of what was not taken, infinite or not", async () => {
    const build = (b: Ops, [l, r]: string[]) => b.where(b.constant(numbers("bool", [2], [1, 0])), l!, r!);
    expect(await gradients(build, [f32([1, 2]), f32([3, 4])], { seed: f32([inf, -inf]) })).toEqual([
      [inf, 0],
      [0, -inf],
    ]);
  });

  it.each(["ReduceMax", "ReduceMin"])("%s: equal shares among equals, as torch.amax", async (name) => {
    const sign = name === "ReduceMax" ? 1 : -1;
    const x = f32(
      [1, 3, 3, 2, 0, 0, 0, 0].map((v) => v * sign),
      [2, 4],
    );
    for (const opset of [9, 13, 18]) {
      const build = (b: Ops, [v]: string[]) =>
        opset >= 18 ? b.add(name, [v!, b.int64([1])], { keepdims: 0 }) : b.add(name, [v!], { axes: [1], keepdims: 0 });
      expect(await one(build, [x], { opset })).toEqual([0, 0.5, 0.5, 0, 0.25, 0.25, 0.25, 0.25]);
    }
  });

  it.each(["Sign", "Floor", "Ceil", "Round"])("%s passes nothing, beside a path that does", async (name) => {
    expect(
      await one((b, [x]) => b.plus(b.mul(x!, b.scalar(2, x!)), b.add(name, [x!])), [f32([-1.5, -0.5, 0, 1])]),
    ).toEqual([2, 2, 2, 2]);
  });
});

describe("norms at 0: gradient 0", () => {
  it.each([1, 2, 3])("LpPool, p %i", async (p) => {
    const x = f32([0, 0, 3, 0], [1, 1, 4]);
    expect(await one(op("LpPool", { kernel_shape: [2], p }), [x])).toEqual([0, 0, 2, 0]);
  });

  it.each([1, 2])("LpNormalization, p %i", async (p) => {
    expect(await one(op("LpNormalization", { p }), [f32([0, 0, 0, 2], [2, 2])])).toEqual([0, 0, 0.5, 0]);
  });
});

describe("MaxPool: the whole gradient to the first maximum, in row-major order", () => {
  const seedFor = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

  it.each([9, 10, 11, 13, 17])("a constant input, windows apart (opset %i)", async (opset) => {
    const seed = f32(seedFor(4), [1, 1, 2, 2]);
    expect(
      await one(
        op("MaxPool", { kernel_shape: [2, 2], strides: [2, 2] }),
        [f32(Array<number>(16).fill(5), [1, 1, 4, 4])],
        {
          seed,
          opset,
        },
      ),
    ).toEqual([1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0]);
  });

  it("every way of two, three or four equals in a window of 2 by 2", async () => {
    // Each of the 15 sets of maxima, one window each, in two channels of two samples.
    const sets = Array.from({ length: 16 }, (_, set) => [0, 1, 2, 3].map((i) => ((set >> i) & 1 ? 1 : -1)));
    const x = Array<number>(64);
    const expected = Array<number>(64).fill(0);
    sets.forEach((window, w) => {
      const [plane, column] = [w >> 2, (w & 3) * 2];
      const at = (i: number) => plane * 16 + (i >> 1) * 8 + column + (i & 1);
      window.forEach((v, i) => {
        x[at(i)] = v;
      });
      expected[at(Math.max(0, window.indexOf(1)))] = w + 1;
    });
    expect(
      await one(op("MaxPool", { kernel_shape: [2, 2], strides: [2, 2] }), [f32(x, [2, 2, 2, 8])], {
        seed: f32(seedFor(16), [2, 2, 1, 4]),
      }),
    ).toEqual(expected);
  });

  it("a constant input, overlapping windows", async () => {
    const seed = f32(seedFor(4), [1, 1, 2, 2]);
    expect(
      await one(op("MaxPool", { kernel_shape: [2, 2] }), [f32(Array<number>(9).fill(0), [1, 1, 3, 3])], { seed }),
    ).toEqual([1, 2, 0, 3, 4, 0, 0, 0, 0]);
  });

  it("overlapping windows that share a maximum", async () => {
    const seed = f32(seedFor(4), [1, 1, 2, 2]);
    expect(
      await one(op("MaxPool", { kernel_shape: [2, 2] }), [f32([0, 0, 0, 0, 9, 0, 0, 0, 0], [1, 1, 3, 3])], { seed }),
    ).toEqual([0, 0, 0, 0, 10, 0, 0, 0, 0]);
  });

  it("a constant negative input, padded: never the padding", async () => {
    const x = f32(Array<number>(9).fill(-7), [1, 1, 3, 3]);
    const seed = f32(seedFor(4), [1, 1, 2, 2]);
    expect(
      await one(op("MaxPool", { kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 0, 0] }), [x], { seed }),
    ).toEqual([1, 2, 0, 3, 4, 0, 0, 0, 0]);
  });

  it("GlobalMaxPool of a constant", async () => {
    expect(await one(op("GlobalMaxPool"), [f32([3, 3, 3, 3, 1, 2, 2, 1], [1, 2, 2, 2])])).toEqual([
      1, 0, 0, 0, 0, 1, 0, 0,
    ]);
  });

  it.each([
    [1, 0, "int8", [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]],
    [1, 3, "uint8", [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]],
    [0.5, -7, "int8", [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]],
  ] as const)(
    "QuantizeLinear, scale %d, zero point %d: torch.fake_quantize_per_tensor_affine's",
    async (scale, zero, type, expected) => {
      const [low, high] = type === "int8" ? [-128 - zero, 127 - zero] : [-zero, 255 - zero];
      const beyond = [-1, -0.75, -0.5, -0.25, 0, 0.5];
      const steps = [...beyond.map((v) => low + v), 0.5, 1.5, ...[-0.5, 0, 0.25, 0.5, 0.75, 1].map((v) => high + v)];
      const pair = (b: Ops, [x]: string[]) => {
        const data = type === "int8" ? Int8Array.of(zero) : Uint8Array.of(zero);
        const tail = [b.constant(f32([scale], [])), b.constant({ type, dims: [], data } as Tensor)];
        return b.add("DequantizeLinear", [b.add("QuantizeLinear", [x!, ...tail]), ...tail]);
      };
      expect(await one(pair, [f32(steps.map((v) => v * scale))])).toEqual(expected);
    },
  );
});

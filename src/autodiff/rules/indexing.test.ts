import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { numbers, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import type { Tensor } from "../../tensor.ts";
import { backward } from "../engine.ts";

const f32 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor =>
  numbers("float32", dims, values);

/** The gradients of the sum of an operator's output, or of ⟨seed, output⟩, with respect to each input. */
async function gradients(build: (b: Ops, x: string[]) => string, inputs: readonly Tensor[], seed?: Tensor, opset = 18) {
  const b = new Ops(emptyGraph("ties", opset));
  const x = inputs.map((t, i) => b.input({ name: `x${i}`, type: t.type, dims: t.dims }));
  const y = build(b, x);
  const names = backward(b, y, seed ? b.constant(seed) : b.full(1, y), x);
  const outputs = names.map((name, i) => b.alias(`gradient${i}`, name));
  const feeds = Object.fromEntries(inputs.map((t, i) => [`x${i}`, t]));
  const results = await withProgram(b.finish(outputs), (program) => program.run(feeds));
  return outputs.map((name) => Array.from(results[name]!.data as Float32Array, (v) => v + 0));
}

// The numbers of torch 2.13 for the same inputs.
describe("equals and zeros, as torch has them", () => {
  const data = f32([1, 3, 2, 3]);
  const updates = f32([3, 3, 1, 2, 3]);
  const seed = f32([1, 2, 3, 4]);

  it.each([
    ["max", [0, 2, 1.5, 2], [0.5, 0.5, 0, 1.5, 2]],
    ["min", [0.5, 2, 1.5, 2], [0, 0, 0.5, 1.5, 2]],
    ["mul", [9, 2, 6, 12], [3, 3, 9, 6, 12]],
  ])("ScatterElements and ScatterND, %s: equal shares", async (reduction, byData, byUpdates) => {
    const elements = (b: Ops, [x, u]: string[]) =>
      b.add("ScatterElements", [x!, b.int64([0, 0, 0, 2, 3]), u!], { reduction });
    expect(await gradients(elements, [data, updates], seed)).toEqual([byData, byUpdates]);
    const nd = (b: Ops, [x, u]: string[]) =>
      b.add("ScatterND", [x!, b.reshape(b.int64([0, 0, 0, 2, 3]), [5, 1]), u!], { reduction });
    expect(await gradients(nd, [data, updates], seed)).toEqual([byData, byUpdates]);
  });

  it("ScatterElements, mul: right where factors are 0", async () => {
    const build = (b: Ops, [x, u]: string[]) =>
      b.add("ScatterElements", [x!, b.int64([0, 1, 1, 2, 2]), u!], { reduction: "mul" });
    expect(await gradients(build, [f32([0, 2, 3]), f32([5, 0, 4, 0, 0])])).toEqual([
      [5, 0, 0],
      [0, 8, 0, 0, 0],
    ]);
  });

  it("ReduceProd and CumProd of lines with one 0, two, and none", async () => {
    const lines = f32([2, 0, 3, 4, 0, 2, 0, 3, 1, 2, 3, 4], [3, 4]);
    const product = (b: Ops, [x]: string[]) => b.add("ReduceProd", [x!, b.int64([1])]);
    expect(await gradients(product, [lines])).toEqual([[0, 24, 0, 0, 0, 0, 0, 0, 24, 12, 8, 6]]);
    const products = (b: Ops, [x]: string[]) => b.add("CumProd", [x!, b.squeeze(b.int64([1]), [0])]);
    expect(await gradients(products, [lines], undefined, 26)).toEqual([[1, 32, 0, 0, 3, 0, 0, 0, 33, 16, 10, 6]]);
  });

  it("Mod where the quotient is whole", async () => {
    const build = (b: Ops, x: string[]) => b.add("Mod", x, { fmod: 1 });
    expect(await gradients(build, [f32([5, -5, 3]), f32([3, 3, -1.5])])).toEqual([
      [1, 1, 1],
      [-1, 1, 2],
    ]);
  });

  it.each([7, 9, 10, 11, 18])("TopK of equals: to those that were taken (opset %i)", async (opset) => {
    const build = (b: Ops, [x]: string[]) =>
      opset < 10 ? b.addMany("TopK", [x!], 2, { k: 2 })[0]! : b.addMany("TopK", [x!, b.int64([2])], 2)[0]!;
    const [gradient] = await gradients(build, [f32([2, 1, 2, 2])], f32([1, 2]), opset);
    expect(gradient).toEqual([1, 0, 2, 0]);
  });
});

describe("what chooses carries no gradient", () => {
  it("the indices of TopK, into a Gather, beside a way that has one", async () => {
    const build = (b: Ops, [x]: string[]) => {
      const [values, indices] = b.addMany("TopK", [x!, b.int64([2])], 2) as [string, string];
      return b.plus(b.add("Gather", [b.mul(x!, x!), indices]), values);
    };
    expect(await gradients(build, [f32([3, 5, -1, 4])])).toEqual([[0, 11, 0, 9]]);
  });

  it("the indices of OneHot", async () => {
    const build = (b: Ops, [x]: string[]) => {
      const largest = b.add("ArgMax", [x!], { axis: 1, keepdims: 0 });
      return b.mul(b.add("OneHot", [largest, b.int64([3]), b.constant(f32([0, 1]))]), x!);
    };
    expect(await gradients(build, [f32([3, 5, -1], [1, 3])])).toEqual([[0, 1, 0]]);
  });

  it.each(["Hardmax", "EyeLike", "RandomNormalLike"])("%s", async (op) => {
    const build = (b: Ops, [x]: string[]) => b.plus(b.mul(x!, b.scalar(2, x!)), b.add(op, [x!]));
    expect(await gradients(build, [f32([3, 5, -1, 4], [2, 2])])).toEqual([[2, 2, 2, 2]]);
  });
});

describe("what is not covered is refused", () => {
  const refusal = (build: (b: Ops, x: string) => string, opset: number) =>
    failure("no-gradient", () => {
      const b = new Ops(emptyGraph("refused", opset));
      const y = build(b, b.input({ name: "x", type: "float32", dims: [3, 5000] }));
      backward(b, y, b.full(1, y), ["x"]);
    });

  it("more computed indices than a matrix holds, before there was a scatter that adds", async () => {
    const { message } = await refusal(
      (b, x) => b.add("Gather", [x, b.input({ name: "indices", type: "int64", dims: [2000] })], { axis: 1 }),
      13,
    );
    expect(message).toContain("below opset 16");
  });

  it.each(["Bernoulli", "Unique"])("%s", async (op) => {
    await refusal((b, x) => b.addMany(op, [x], 1)[0]!, 17);
  });

  it("an Einsum of more axes than there are letters", async () => {
    const { message } = await refusal((b, x) => {
      const deep = (first: string) => b.reshape(first, [...Array<number>(14).fill(1), 3, 5000]);
      return b.add("Einsum", [deep(x), x, deep(x)], { equation: "...ab,cd,ABCDEFGHIJKLMNop->a" });
    }, 17);
    expect(message).toContain("more than 26 different axes");
  });
});

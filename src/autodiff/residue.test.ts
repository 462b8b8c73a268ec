import { describe, expect, it } from "vitest";
import { run } from "../../test/support/evaluate.ts";
import { arrayDataset, floats, graphOf, numbers, open, using } from "../../test/support/models.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { product } from "../tensor.ts";

const gradientOf = (graph: Graph, x: readonly number[], shape: readonly number[], label: number): Promise<number[]> =>
  using(open(graph), async (model) => [
    ...(await model.gradient(floats([1, ...shape], x), { kind: "untargeted", labels: Int32Array.of(label) })).gradient
      .data,
  ]);

/** (softmax(xW) - onehot) Wᵀ in float64, of the float32 weights [features, classes]. */
function exact(x: readonly number[], W: Float32Array, classes: number, label: number): number[] {
  const z = Array.from({ length: classes }, (_, c) => x.reduce((sum, v, i) => sum + v * W[i * classes + c]!, 0));
  const e = z.map((v) => Math.exp(v - Math.max(...z)));
  const total = e.reduce((a, b) => a + b);
  // Of weights less that of the label: then there is nothing to cancel.
  return x.map((_, i) =>
    e.reduce((sum, v, c) => sum + (v / total) * (W[i * classes + c]! - W[i * classes + label]!), 0),
  );
}

const linear = (W: Float32Array, features: number, classes: number): Graph =>
  graphOf([features], (b, v) => b.matmul(v, b.constant(floats([features, classes], W))));

/** Every second feature has the same weight in each class. */
const halfAlike = (features: number, classes: number, seed: number): Float32Array =>
  numbers(features * classes, seed).map((w, i) =>
    Math.floor(i / classes) % 2 === 0 ? 0.1 + Math.floor(i / classes) : w,
  );

describe("a gradient that is rounding alone", () => {
  it.each([2, 3, 10, 100, 1000, 3000])("is zero for features that %i classes weigh alike", async (classes) => {
    const features = 40;
    const W = halfAlike(features, classes, classes);
    for (const scale of [0, 0.01, 1, 5]) {
      const x = [...numbers(features, 3)].map((v) => scale * v);
      const found = await gradientOf(linear(W, features, classes), x, [features], 1);
      const truth = exact(x, W, classes, 1);
      for (const [i, g] of found.entries()) {
        if (i % 2 === 0) expect(g, `feature ${i} at ${scale}`).toBe(0);
        else expect(Math.abs(g - truth[i]!)).toBeLessThan(2e-6 * Math.sqrt(classes));
      }
    }
  });

  it("is zero where logits are all the same, and the weight of the label is the mean", async () => {
    // 0.3, 0.1 and 0.2: of the first feature alone the gradient at 0 is (0.3 + 0.1 - 2 · 0.2) / 3.
    const W = Float32Array.of(0.3, 0.1, 0.2, 0.3, -0.1, 0.7);
    const found = await gradientOf(linear(W, 2, 3), [0, 0], [2], 2);
    expect(found[0]).toBe(0);
    expect(found[1]).toBeCloseTo((0.3 - 0.1 - 2 * 0.7) / 3, 6);
  });

  it("is not taken for that where it is small, and true", async () => {
    const classes = 10;
    const W = Float32Array.from({ length: 3 * classes }, (_, i) => 0.7 + (i % classes === 4 ? 2e-5 : 0));
    const x = [0.1, 0.2, 0.3];
    const [found, truth] = [await gradientOf(linear(W, 3, classes), x, [3], 1), exact(x, W, classes, 1)];
    for (const [i, g] of found.entries()) expect(g / truth[i]!).toBeCloseTo(1, 1);
  });

  it("is not taken for that where large weights are common to all classes: what differs stays exact", async () => {
    const [features, classes] = [40, 4];
    // As float32 holds them.
    const W = Float32Array.from(numbers(features * classes, 9), (w, i) => 100 + Math.floor(i / classes) + 1e-3 * w);
    const x = numbers(features, 3, 0, 1e-3);
    const found = await gradientOf(linear(W, features, classes), [...x], [features], 1);
    const truth = exact([...x], W, classes, 1);
    const largest = Math.max(...truth.map(Math.abs));
    for (const [i, g] of found.entries()) expect(Math.abs(g - truth[i]!) / largest, `feature ${i}`).toBeLessThan(1e-3);
  });

  it.each<[string, (b: Ops, v: string, alike: (dims: readonly number[]) => string) => string]>([
    [
      "a hidden layer and a Gemm",
      (b, v, alike) =>
        b.add("Gemm", [b.add("Relu", [b.matmul(v, b.constant(floats([4, 8], numbers(32, 5))))]), alike([7, 8])], {
          transB: 1,
        }),
    ],
    [
      "a softmax behind a bias",
      (b, v, alike) => b.add("Softmax", [b.plus(b.matmul(v, alike([4, 7])), b.constant(floats([7], numbers(7, 2))))]),
    ],
    [
      "a convolution, ReLU and the mean of a map",
      (b, v, alike) =>
        b.add("Flatten", [
          b.add("GlobalAveragePool", [
            b.add("Relu", [b.add("Conv", [b.reshape(v, [-1, 1, 2, 2]), alike([7, 1, 1, 1])])]),
          ]),
        ]),
    ],
  ])("is zero for all of a model whose weights are alike: %s", async (_, make) => {
    const graph = graphOf([4], (b, v) =>
      make(b, v, (dims) => b.constant(floats(dims, new Array<number>(product(dims)).fill(0.37)))),
    );
    const x = [0.3, 0.9, 0.1, 0.6];
    expect(await gradientOf(graph, x, [4], 3)).toEqual([0, 0, 0, 0]);
  });

  it("counts as none in an evaluation", async () => {
    const W = halfAlike(2, 5, 4).fill(0.3);
    const values = numbers(40, 8, 0, 1);
    const data = arrayDataset(floats([20, 2], values), new Array<number>(20).fill(0), 5);
    const { evaluation } = await run(classifierFile(linear(W, 2, 5), { name: "alike" }), data, { epsilons: [0.1] });
    expect(evaluation.warnings.find(({ code }) => code === "zero-gradient")?.message).toContain("20 of 20");
  });
});

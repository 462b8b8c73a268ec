import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { floats, graphOf, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import type { Goal } from "../../model.ts";
import type { Normalization } from "./preprocess.ts";

const shape = [3, 2, 4];
const n = 5;
const x = floats([n, ...shape], numbers(n * 24, 1, 0, 1));
const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0, 1, 2, 0, 1) };

describe("normalization in the graph", () => {
  it.each<[string, Normalization]>([
    ["one value each", { mean: [0.1307], std: [0.3081] }],
    ["one a channel", { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }],
    ["one mean, a std for each channel", { mean: [0.5], std: [0.1, 0.2, 0.3] }],
    ["0 to 255", { mean: [0], std: [1 / 255] }],
  ])("%s: equals doing it by hand, gradient included", async (_, normalization) => {
    const at = (values: readonly number[], i: number) =>
      Math.fround(values[values.length === 1 ? 0 : Math.floor(i / 8) % 3]!);
    const std = x.data.map((_, i) => at(normalization.std, i));
    const byHand = floats(
      x.dims,
      x.data.map((v, i) => Math.fround(v - at(normalization.mean, i)) / std[i]!),
    );
    const graph = smallNetwork(shape, 3);
    await using(open(graph), (plain) =>
      using(open(graph, { normalization }), async (normalized) => {
        const relative = (a: Float32Array, b: Float32Array) =>
          Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / Math.max(...a.map(Math.abs));
        expect(relative((await plain.logits(byHand)).data, (await normalized.logits(x)).data)).toBeLessThan(1e-6);
        const [a, b] = [await plain.gradient(byHand, goal), await normalized.gradient(x, goal)];
        // The chain rule: ∂J/∂x = ∂J/∂x_normalized / std.
        expect(
          relative(
            a.gradient.data.map((g, i) => g / std[i]!),
            b.gradient.data,
          ),
        ).toBeLessThan(1e-5);
      }),
    );
  });

  it("keeps shape, bounds and classes in pixel space", async () => {
    await using(
      open(smallNetwork(shape, 3), { normalization: { mean: [0.5], std: [0.5] } }),
      async ({ inputShape, bounds, classes }) => {
        expect({ inputShape, bounds, classes }).toEqual({
          inputShape: shape,
          bounds: { lower: 0, upper: 1 },
          classes: 3,
        });
      },
    );
  });

  it.each<[string, Normalization, string]>([
    [
      "two means for three channels",
      { mean: [0, 0], std: [1] },
      "`normalization.mean` has 2 values, and the model has 3 channels",
    ],
    ["four stds for three channels", { mean: [0], std: [1, 1, 1, 1] }, "`normalization.std` has 4 values"],
    ["no mean", { mean: [], std: [1] }, "`normalization.mean` has 0 values"],
    ["std 0", { mean: [0], std: [0] }, "`normalization.std` takes positive numbers"],
    ["a negative std", { mean: [0], std: [1, -1, 1] }, "`normalization.std` takes positive numbers"],
    ["std NaN", { mean: [0], std: [Number.NaN] }, "`normalization.std` takes positive numbers"],
    ["an infinite std", { mean: [0], std: [Number.POSITIVE_INFINITY] }, "`normalization.std` takes positive numbers"],
    ["an infinite mean", { mean: [Number.NEGATIVE_INFINITY], std: [1] }, "all finite"],
    ["a std that float32 rounds to 0", { mean: [0], std: [1e-60] }, "`normalization.std` takes positive numbers"],
  ])("refuses %s", async (_, normalization, message) => {
    expect((await failure("usage", () => open(smallNetwork(shape, 3), { normalization }))).message).toMatch(message);
  });

  it("finds free names in a graph that already uses those it would take", async () => {
    const graph = graphOf([2], (b, x) => {
      b.alias("x_normalized", b.mul(x, b.scalar(2, x)));
      return b.alias("normalized/Sub_1", b.alias("normalized/constant_0", "x_normalized"));
    });
    await using(open(graph, { normalization: { mean: [0.5], std: [2] } }), async (model) => {
      expect([...(await model.logits(floats([1, 2], [0.5, 1]))).data]).toEqual([0, 0.5]);
    });
  });
});

it("values for each channel are refused where these may stand at either end", async () => {
  const graph = smallNetwork([3, 5, 3], 3);
  for (const normalization of [
    { mean: [0.1, 0.2, 0.3], std: [1] },
    { mean: [0], std: [1], channels: "bgr" },
  ] satisfies Normalization[])
    expect((await failure("usage", () => open(graph, { normalization }))).message).toContain("[3, 5, 3], which can be");
  await using(open(graph, { normalization: { mean: [0.5], std: [0.5] } }), async (model) => {
    expect(model.inputShape).toEqual([3, 5, 3]);
  });
});

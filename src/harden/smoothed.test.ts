import { expect, it } from "vitest";
import type { Model } from "../model.ts";
import { tensor } from "../tensor.ts";
import { holding, radiusOf } from "./smoothed.ts";

it("a radius is σ times the quantile of the share of right draws", () => {
  // Φ(1) and Φ(2) are 0.8413 and 0.9772.
  expect(radiusOf(8413, 10_000, 0.5)).toBeCloseTo(0.5, 3);
  expect(radiusOf(9772, 10_000, 0.5)).toBeCloseTo(1, 2);
  expect(radiusOf(16, 32, 0.5)).toBe(0);
  expect(radiusOf(32, 32, 0.5)).toBe(Number.POSITIVE_INFINITY);
});

it("samples count that are right under noise at ε: of a linear model, those so far from its border", async () => {
  // Class 1 above 0, in one direction of four: the radius of a sample is its distance to 0, whatever σ is.
  const model: Model = {
    name: "half",
    inputShape: [4],
    classes: 2,
    head: "logits",
    bounds: { lower: -9, upper: 9 },
    logits: async ({ data, dims }) =>
      tensor("float32", [dims[0]!, 2], Float32Array.from({ length: 2 * dims[0]! }, (_, i) => (i % 2 === 0 ? 0 : data[4 * ((i - 1) / 2)]!))), // biome-ignore format: one call
  };
  const at = [-1, -0.2, 0.2, 1, 1.5, 0.02];
  const x = tensor(
    "float32",
    [6, 4],
    Float32Array.from({ length: 24 }, (_, i) => (i % 4 === 0 ? at[i / 4]! : 0.3)),
  );
  const batch = { x, labels: Int32Array.of(0, 0, 1, 1, 0, 1), indices: Int32Array.from({ length: 6 }, (_, i) => i) };
  expect(await holding(model, batch, { sigma: 0.5, epsilon: 0.6, seed: 0 })).toBe(2);
  expect(await holding(model, batch, { sigma: 0.1, epsilon: 0.1, seed: 0 })).toBe(4);
});

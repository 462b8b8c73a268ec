import { expect, it } from "vitest";
import type { Case } from "../property.ts";
import { descend } from "./descent.ts";
import type { Layer } from "./layers.ts";

/** |x - 1/3| by Relus, of which no input on a grid of halves gives less than 1e-6. */
const layers: Layer[] = [
  { inputs: 1, outputs: 2, weights: Float64Array.of(1, -1), bias: Float64Array.of(-1 / 3, 1 / 3), isRelu: true },
  { inputs: 2, outputs: 1, weights: Float64Array.of(1, 1), bias: Float64Array.of(0), isRelu: false },
];
const of: Case = { lower: Float32Array.of(-2), upper: Float32Array.of(2), outputs: [] };
const below = (limit: number) => ({ rows: [Float64Array.of(1)], limits: [limit] });

it.each([-2, 0.2, 2])("comes from %d to where all conditions hold, in steps that become smaller", (from) => {
  const found = descend(layers, of, below(1e-6), Float32Array.of(from));
  expect(Math.abs(found![0]! - 1 / 3)).toBeLessThanOrEqual(1e-6);
});

it("gives nothing where they hold nowhere, and stays in the box", () => {
  expect(descend(layers, of, below(-0.1), Float32Array.of(2))).toBeUndefined();
  expect(descend(layers, { ...of, lower: Float32Array.of(1) }, below(1e-3), Float32Array.of(2))).toBeUndefined();
});

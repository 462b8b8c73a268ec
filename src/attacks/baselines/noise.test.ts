import { afterAll, expect, it } from "vitest";
import { floats, linearGraph, numbers, open } from "../../../test/support/models.ts";
import type { AttackTask } from "../../attack.ts";
import { PerturbError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { norms } from "../../norm.ts";
import { takeRows } from "../../tensor.ts";
import { gaussianNoise } from "./gaussian-noise.ts";
import { uniformNoise } from "./uniform-noise.ts";

const [n, size] = [4, 50];
// Sample 3 lies near the boundary, where half of all noise crosses it; the others far off.
const x = floats([n, size], [...numbers(3 * size, 1, 0, 0.9).map((v) => Math.max(0.1, v)), ...Array(size).fill(0.001)]);
const linear = open(
  linearGraph(
    [size],
    numbers(2 * size, 2, 0, 1).map((v, i) => (i % 2 ? v : -v)),
    [0.1, 0],
  ),
);
afterAll(() => linear.release());
const sizes: number[] = [];
const model: Model = {
  ...linear,
  logits: (points) => {
    sizes.push(points.dims[0]!);
    return linear.logits(points);
  },
};
const task: AttackTask<Model> = {
  model,
  x,
  goal: { kind: "untargeted", labels: Int32Array.of(1, 1, 1, 0) },
  norm: norms.l2,
  epsilons: [0.3],
  indices: Int32Array.of(5, 6, 7, 8),
  seed: 0,
};

it("Gaussian noise has the length ε after clipping", async () => {
  const [candidates] = await gaussianNoise.propose(task);
  for (let i = 0; i < n; i++)
    expect(norms.l2.distance(takeRows(candidates!, [i]).data, takeRows(x, [i]).data)).toBeCloseTo(0.3, 6);
});

it.each([gaussianNoise, uniformNoise])("$name makes one query a draw, and none for a fooled sample", async (attack) => {
  sizes.length = 0;
  await attack.propose(task, { draws: 6 });
  expect(sizes).toHaveLength(6);
  expect(sizes[0]).toBe(n);
  expect(sizes.at(-1)).toBe(n - 1);
});

it("more draws are never worse, and the draws of a sample are its own", async () => {
  const margin = async (draws: number) => {
    const [candidates] = await uniformNoise.propose({ ...task, norm: norms.linf }, { draws });
    const { data } = await linear.logits(candidates!);
    return [0, 1, 2].map((i) => data[2 * i]! - data[2 * i + 1]!);
  };
  const [one, twenty] = [await margin(1), await margin(20)];
  for (const i of [0, 1, 2]) expect(twenty[i]).toBeGreaterThan(one[i]!);
  await expect(uniformNoise.propose(task, { draws: 0 })).rejects.toThrow(PerturbError);
});

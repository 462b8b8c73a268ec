import { describe, expect, it } from "vitest";
import { counts, run } from "../../test/support/evaluate.ts";
import { arrayDataset, floats, graphOf, numbers, open, using } from "../../test/support/models.ts";
import { attacks } from "../attacks/index.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";

const [FEATURES, CLASSES, SAMPLES] = [6, 4, 60];
const W = numbers(FEATURES * CLASSES, 5, -2, 2);
const x = floats([SAMPLES, FEATURES], numbers(SAMPLES * FEATURES, 6, 0, 1));
const at = (i: number, k: number): number => x.data[FEATURES * i + k]!;
const score = (values: readonly number[], c: number): number =>
  values.reduce((sum, v, k) => sum + (v - 0.5) * W[k * CLASSES + c]!, 0);
const largest = (values: readonly number[]): number => {
  const z = Array.from({ length: CLASSES }, (_, c) => score(values, c));
  return z.indexOf(Math.max(...z));
};
const rows = Array.from({ length: SAMPLES }, (_, i) => Array.from({ length: FEATURES }, (_, k) => at(i, k)));
const own = rows.map(largest);
/** Against another class, the best point of a linear model is the corner of ball and box in its direction. */
const standing = (epsilon: number, labels = own, predicted = largest): number =>
  rows.filter((row, i) =>
    Array.from({ length: CLASSES }, (_, j) => j).every((j) => {
      const towards = row.map((v, k) => {
        const rise = W[k * CLASSES + j]! - W[k * CLASSES + labels[i]!]!;
        return Math.min(1, Math.max(0, v + epsilon * Math.sign(rise)));
      });
      return predicted(towards) === labels[i];
    }),
  ).length;

const linear = (head: (b: Ops, z: string) => string): Graph =>
  graphOf([FEATURES], (b, v) =>
    head(b, b.matmul(b.sub(v, b.scalar(0.5, v)), b.constant(floats([FEATURES, CLASSES], W)))),
  );
const scaled = (b: Ops, z: string, by: number): string => b.mul(z, b.scalar(by, z));
const soft = (b: Ops, z: string): string => b.add("Softmax", [z], { axis: 1 });

describe("scores so far apart that float32 rounds all probabilities to 0 and 1", () => {
  it.each<[string, (b: Ops, z: string) => string]>([
    ["softmax(1000 z)", (b, z) => soft(b, scaled(b, z, 1000))],
    ["1e6 z", (b, z) => scaled(b, z, 1e6)],
    ["sigmoids of 1000 z", (b, z) => b.add("Sigmoid", [scaled(b, b.sub(z, b.reduceMax(z, [1], true)), 1000)])],
  ])("%s: attacks leave what the closed form says", async (_, head) => {
    const epsilons = [0.05, 0.15, 0.3];
    const file = classifierFile(linear(head), { name: "steep" });
    const options = { epsilons, attacks: [attacks.pgd.with({ steps: 40, restarts: 2 })] };
    const found = counts(await run(file, arrayDataset(x, own, CLASSES), options));
    expect(found).toEqual([SAMPLES, ...epsilons.map((epsilon) => standing(epsilon))]);
  });

  it("scores that are clipped, mostly to the same value: no more stand than after moves against each class", async () => {
    const clipped = (values: readonly number[]): number => {
      const z = Array.from({ length: CLASSES }, (_, c) => Math.min(0.5, Math.max(-0.5, score(values, c))));
      return z.indexOf(Math.max(...z));
    };
    const given = rows.map(clipped);
    const tied = rows.filter((row) => largest(row) !== clipped(row)).length;
    expect(tied).toBeGreaterThan(5);
    const epsilons = [0.05, 0.15, 0.3];
    const head = (b: Ops, z: string) => b.add("Clip", [z, b.scalar(-0.5, z), b.scalar(0.5, z)]);
    const file = classifierFile(linear(head), { name: "clipped" });
    const options = { epsilons, attacks: [attacks.pgd.with({ steps: 40, restarts: 2 })] };
    const found = counts(await run(file, arrayDataset(x, given, CLASSES), options));
    // An attack in steps is not exact where several classes are near.
    for (const [k, epsilon] of epsilons.entries())
      expect(found[k + 1]! - standing(epsilon, given, clipped)).toBeLessThanOrEqual(3);
  });

  it("the gradient has the direction of that of smaller scores' rival", async () => {
    await using(open(linear((b, z) => scaled(b, z, 1e5))), async (model) => {
      const { gradient } = await model.gradient(x, { kind: "untargeted", labels: Int32Array.from(own) });
      for (const [i, row] of rows.entries()) {
        const z = Array.from({ length: CLASSES }, (_, c) => (c === own[i] ? -Infinity : score(row, c)));
        const rival = z.indexOf(Math.max(...z));
        for (let k = 0; k < FEATURES; k++)
          expect(Math.sign(gradient.data[FEATURES * i + k]!)).toBe(
            Math.sign(W[k * CLASSES + rival]! - W[k * CLASSES + own[i]!]!),
          );
      }
    });
  });
});

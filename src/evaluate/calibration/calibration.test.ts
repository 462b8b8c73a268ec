import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { arrayDataset, floats, linearGraph, numbers, open, using } from "../../../test/support/models.ts";
import { pgd } from "../../attacks/gradient/pgd.ts";
import { callbackModel } from "../../models/callback.ts";
import { openModel } from "../../models/open.node.ts";
import { openDataset } from "../../node.ts";
import { calibrate } from "./calibrate.ts";
import { calibrationFigures } from "./figures.ts";
import { fitTemperature } from "./temperature.ts";

type Figures = Record<"accuracy" | "confidence" | "ece" | "adaptiveEce" | "brier" | "nll", number>;
interface Case {
  readonly classes: number;
  readonly logits: number[];
  readonly labels: number[];
  readonly temperature: number;
  readonly before: Figures & { readonly samples: number[] };
  readonly after: Figures & { readonly samples: number[] };
}

/** Of numpy and scipy: tools/calibration-reference.py. */
const cases: Case[] = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/calibration/reference.json", import.meta.url), "utf8"),
);
const outputs = ({ logits, labels, classes }: Pick<Case, "logits" | "labels" | "classes">) =>
  [floats([labels.length, classes], logits), Int32Array.from(labels)] as const;

describe.each(cases.map((one, i) => [i, one] as const))("of the logits of case %i", (_, one) => {
  const [logits, labels] = outputs(one);

  it("finds scipy's temperature", () => {
    expect(Math.abs(fitTemperature(logits, labels) / one.temperature - 1)).toBeLessThan(1e-10);
  });

  it("is at a minimum: the cross-entropy rises to both sides", () => {
    const t = fitTemperature(logits, labels);
    const at = (factor: number) => calibrationFigures(logits, labels, t * factor).nll;
    expect(Math.min(at(1.001), at(0.999))).toBeGreaterThan(at(1));
  });

  it.each(["before", "after"] as const)("gives numpy's figures %s", (when) => {
    const { samples, ...wanted } = one[when];
    const found = calibrationFigures(logits, labels, when === "before" ? 1 : one.temperature);
    expect(found.bins.map((bin) => bin.samples)).toEqual(samples);
    for (const name of Object.keys(wanted) as (keyof Figures)[])
      expect(Math.abs(found[name] - wanted[name])).toBeLessThan(1e-12 * Math.max(1, wanted[name]));
  });
});

describe("calibrationFigures", () => {
  it("puts a confidence on an edge into the bin below, and fewer samples than bins into one each", () => {
    const found = calibrationFigures(floats([2, 3], Array(6).fill(0)), Int32Array.of(0, 1), 1);
    expect(found.bins[4]).toEqual({ from: 4 / 15, to: 5 / 15, samples: 2, confidence: 1 / 3, accuracy: 0.5 });
    expect(found.ece).toBeCloseTo(1 / 6, 15);
    expect(found.adaptiveEce).toBeCloseTo((2 / 3 + 1 / 3) / 2, 15);
    expect(found.brier).toBeCloseTo(4 / 9 + 2 / 9, 15);
  });

  it("keeps the loss of a class that is hopeless finite", () => {
    const { nll } = calibrationFigures(floats([1, 2], [0, 5000]), Int32Array.of(0), 1);
    expect(nll).toBe(5000);
  });
});

describe("fitTemperature", () => {
  it.each([
    [[3, 0, 0, 3], [0, 1], /All 2 samples to fit are classified correctly.*Give samples that were not trained on/],
    [[3, 0, 0, 3], [1, 0], /no better than chance/],
    [[1, 1, 2, 2], [1, 0], /no better than chance/],
  ])("refuses logits %j of labels %j", (logits, labels, message) => {
    expect(() => fitTemperature(...outputs({ logits, labels, classes: 2 }))).toThrow(message);
  });
});

/** Two Gaussians in the plane, and a model whose logits are five times too large. */
const [n, factor] = [4000, 5];
const noise = numbers(2 * n, 3, 0, 1);
const x = floats([n, 1], noise.subarray(0, n));
const sure = (v: number): number => 1 / (1 + Math.exp(-8 * (v - 0.5)));
const labels = Array.from({ length: n }, (_, i) => Number(noise[n + i]! < sure(noise[i]!)));
const proud = linearGraph([1], Float32Array.of(-4 * factor, 4 * factor), [2 * factor, -2 * factor]);

describe("calibrate", () => {
  it("finds by how much logits are too large, and measures on samples that it did not fit to", async () => {
    await using(open(proud), async (model) => {
      const passes = new Set<string>();
      const found = await calibrate(model, arrayDataset(x, labels), {
        batch: 300,
        onProgress: (pass, done, total) => passes.add(`${pass} ${done === total}`),
      });
      expect(found.temperature).toBeGreaterThan(factor * 0.9);
      expect(found.temperature).toBeLessThan(factor * 1.1);
      expect(found.data).toEqual({ name: "array", fit: n / 2, measured: n / 2, seed: 0 });
      expect(found.clean.before.ece).toBeGreaterThan(0.1);
      expect(found.clean.after.ece).toBeLessThan(0.04);
      expect(found.clean.after.accuracy).toBe(found.clean.before.accuracy);
      expect([...passes].toSorted()).toEqual(["fitting false", "fitting true", "measuring false", "measuring true"]);
      const again = await calibrate(model, arrayDataset(x, labels), { batch: 77 });
      expect(again).toEqual(found);
      const other = await calibrate(model, arrayDataset(x, labels), { seed: 1, fit: 0.25 });
      expect(other.data).toMatchObject({ fit: n / 4, measured: (3 * n) / 4 });
      expect(other.temperature).not.toBe(found.temperature);
    });
  });

  it("measures LeNet under attack, where confidence stays and accuracy falls", async () => {
    const [model, mnist] = [await openModel("lenet-mnist"), await openDataset("mnist")];
    const found = await calibrate(model, mnist, {
      limit: 400,
      fit: 0.75,
      under: { attacks: [pgd.with({ steps: 5 })], epsilons: [0.1, 0.2] },
    });
    await model.release();
    expect(found.attacked.map(({ attacks, norm, epsilon }) => [attacks, norm, epsilon])).toEqual([
      [["pgd"], "linf", 0.1],
      [["pgd"], "linf", 0.2],
    ]);
    const accuracies = [found.clean, ...found.attacked].map(({ before, after }) => {
      expect(before.samples).toBe(100);
      expect(after.accuracy).toBe(before.accuracy);
      return before.accuracy;
    });
    expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a));
    expect(accuracies[2]).toBeLessThan(0.5);
    expect(found.attacked[1]!.before.ece).toBeGreaterThan(0.3);
  });

  it("refuses what has no probabilities to calibrate, before it runs anything", async () => {
    const data = arrayDataset(x, labels);
    const of = (logits: (x: Float32Array) => Float32Array, classes = 2) =>
      callbackModel({
        name: "f",
        inputShape: [1],
        classes,
        ask: async (v) => floats([v.dims[0]!, classes], logits(v.data)),
      });
    const fixed = of((v) => Float32Array.from({ length: 2 * v.length }, (_, i) => (i === 7 ? Number.NaN : i % 2)));
    await expect(calibrate(fixed, data)).rejects.toThrow(/f gives NaN for sample \d+, and only finite logits/);
    await expect(calibrate({ ...fixed, head: "hidden" }, data)).rejects.toThrow(/hides the logits/);
    await expect(calibrate({ ...fixed, head: "sigmoid" }, data)).rejects.toThrow(/head of the kind sigmoid/);
    await expect(calibrate(fixed, data, { limit: 99 })).rejects.toThrow(/each needs 50\. Give more samples/);
    await expect(calibrate(fixed, data, { fit: 1 })).rejects.toThrow(/lies between 0 and 1, got 1/);
    const same = arrayDataset(x, Array(n).fill(1), 2);
    const good = of((v) => Float32Array.from({ length: 2 * v.length }, (_, i) => i % 2));
    await expect(calibrate(good, same)).rejects.toThrow(/have the label 1\. Give samples of several classes/);
  });
});

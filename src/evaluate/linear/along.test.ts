import { afterAll, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { floats, lenetGraph, linearGraph, numbers, open } from "../../../test/support/models.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { type NormName, norms } from "../../norm.ts";
import { type LinearView, linearView, logitsAlong } from "./along.ts";
import { measureLinearity } from "./linearity.ts";

const NORMS = ["linf", "l2", "l1"] as const;
const [size, classes] = [6, 4];
const weights = numbers(size * classes, 3);
const bias = [0.1, -0.2, 0.3, 0];
const linear = open(linearGraph([size], weights, bias));
const lenet = open(lenetGraph());
afterAll(() => Promise.all([linear.release(), lenet.release()]));

const x = floats([1, size], [0.5, 0.9, 0.05, 0.3, 1, 0]);
const untargeted = (label: number): Goal => ({ kind: "untargeted", labels: Int32Array.of(label) });
const targeted = (label: number, target: number): Goal => ({
  kind: "targeted",
  labels: Int32Array.of(label),
  targets: Int32Array.of(target),
});

/** The logits of the linear model in float64. */
const exactly = (point: readonly number[]): number[] =>
  bias.map((b, c) => point.reduce((sum, v, j) => sum + v * weights[j * classes + c]!, b));
const softmax = (z: readonly number[]) => z.map((v) => 1 / z.reduce((sum, w) => sum + Math.exp(w - v), 0));
const crossEntropy = (z: readonly number[], c: number) => -Math.log(softmax(z)[c]!);
/** ∂J/∂x of the linear model: W(p - 1_label). */
const slopeOf = (label: number): number[] => {
  const p = softmax(exactly([...x.data]));
  return Array.from({ length: size }, (_, j) =>
    p.reduce((sum, v, c) => sum + (v - Number(c === label)) * weights[j * classes + c]!, 0),
  );
};
const lengths: Record<(typeof NORMS)[number], (v: readonly number[]) => number> = {
  linf: (v) => Math.max(...v.map(Math.abs)),
  l2: (v) => Math.hypot(...v),
  l1: (v) => v.reduce((sum, w) => sum + Math.abs(w), 0),
};
const DUAL = { linf: "l1", l2: "l2", l1: "linf" } as const;
const columnOf = (c: number): number[] => Array.from({ length: size }, (_, j) => weights[j * classes + c]!);

describe("logitsAlong", () => {
  const direction = numbers(size, 8);
  const epsilons = Array.from({ length: 250 }, (_, k) => (k - 100) / 50);

  it("asks about x + ε·direction, outside the bounds too, in batches of at most 100", async () => {
    const asked: number[] = [];
    const counted = {
      ...linear,
      logits: (...given: Parameters<typeof linear.logits>) => {
        asked.push(given[0].dims[0]!);
        return linear.logits(...given);
      },
    };
    const { dims, data } = await logitsAlong(counted, x, direction, epsilons);
    expect(dims).toEqual([250, classes]);
    expect(asked).toEqual([100, 100, 50]);
    for (const [k, epsilon] of epsilons.entries()) {
      const expected = exactly([...x.data].map((v, j) => v + epsilon * direction[j]!));
      for (let c = 0; c < classes; c++) expect(data[k * classes + c]).toBeCloseTo(expected[c]!, 5);
    }
  });

  it("clips to the bounds when asked to", async () => {
    const { data } = await logitsAlong(linear, x, direction, [-2, 2], { clip: true });
    for (const [k, epsilon] of [-2, 2].entries()) {
      const expected = exactly([...x.data].map((v, j) => Math.min(1, Math.max(0, v + epsilon * direction[j]!))));
      for (let c = 0; c < classes; c++) expect(data[k * classes + c]).toBeCloseTo(expected[c]!, 5);
    }
  });

  it("refuses several samples, and a direction of another size, and stops", async () => {
    await failure("mismatch", () => logitsAlong(linear, floats([2, size], numbers(12, 1)), direction, [0]));
    await failure("mismatch", () => logitsAlong(linear, x, direction.subarray(1), [0]));
    await failure("cancelled", () => logitsAlong(linear, x, direction, [0], { signal: AbortSignal.abort() }));
  });
});

describe.each(NORMS)("linearView of a linear model, %s", (name) => {
  const epsilon = 0.25;
  const view = () => linearView(linear, x, untargeted(2), norms[name], epsilon, { points: 11, seed: 4, index: 9 });

  it("has ε from -ε to ε, 0 exactly in the middle, mirrored exactly", async () => {
    const { epsilons, gradient, random } = await view();
    expect([epsilons[0], epsilons[5], epsilons[10]]).toEqual([-epsilon, 0, epsilon]);
    expect(epsilons.map((e) => 0 - e).reverse()).toEqual(epsilons);
    expect([gradient, random].map((lines) => [lines.length, lines[0]!.length])).toEqual(Array(2).fill([11, classes]));
    expect(gradient[5]).toEqual(random[5]);
  });

  it("has straight lines, of the slope that the direction has in closed form", async () => {
    const { epsilons, gradient } = await view();
    const g = slopeOf(2);
    const largest = g.findIndex((v) => Math.abs(v) === lengths.linf(g));
    const directions = {
      linf: g.map(Math.sign),
      l2: g.map((v) => v / Math.hypot(...g)),
      l1: g.map((v, j) => (j === largest ? Math.sign(v) : 0)),
    };
    for (const [k, e] of epsilons.entries()) {
      const expected = exactly([...x.data].map((v, j) => v + e * directions[name][j]!));
      for (let c = 0; c < classes; c++) expect(gradient[k]![c]).toBeCloseTo(expected[c]!, 5);
    }
  });

  it("has straight lines along a random direction of the same length, another for another seed or sample", async () => {
    const [{ epsilons, random }, again] = [await view(), await view()];
    expect(again.random).toEqual(random);
    for (const lines of random[0]!.keys()) {
      const slope = (random[10]![lines]! - random[0]![lines]!) / (2 * epsilon);
      for (const [k, e] of epsilons.entries()) expect(random[k]![lines]).toBeCloseTo(random[5]![lines]! + e * slope, 5);
    }
    const lines = async (more: object) =>
      (await linearView(linear, x, untargeted(2), norms[name], epsilon, { points: 11, ...more })).random;
    const others = await Promise.all(
      Array.from({ length: 8 }, (_, i) => i).flatMap((i) => [
        lines({ seed: i, index: 9 }),
        lines({ seed: 4, index: i }),
      ]),
    );
    expect(new Set(others.map(String)).size).toBeGreaterThan(4);
    // No direction of length 1 moves a logit farther than the dual norm of its weights.
    for (const other of others)
      for (const [c, v] of other[10]!.entries())
        expect(Math.abs(v - other[5]![c]!)).toBeLessThanOrEqual(epsilon * lengths[DUAL[name]](columnOf(c)) + 1e-5);
  });

  it("predicts the rise in closed form, and measures it at the step that the bounds allow", async () => {
    const { predicted, predictedClipped, measured } = await view();
    const g = slopeOf(2);
    expect(predicted).toBeCloseTo(epsilon * lengths[DUAL[name]](g), 6);
    const step = Float32Array.from(x.data);
    norms[name].ascend(step, x.data, Float32Array.from(g), epsilon, linear.bounds);
    expect(predictedClipped).toBeCloseTo(
      g.reduce((sum, v, j) => sum + v * (step[j]! - x.data[j]!), 0),
      6,
    );
    // Two pixels lie at a bound, and one near it.
    if (name === "linf") expect(predictedClipped).toBeLessThan(0.9 * predicted);
    expect(measured).toBeCloseTo(crossEntropy(exactly([...step]), 2) - crossEntropy(exactly([...x.data]), 2), 5);
  });

  it("agrees with what an evaluation measures", async () => {
    const goal = targeted(2, 1);
    const { predicted, predictedClipped, measured } = await linearView(linear, x, goal, norms[name], epsilon);
    const subject = {
      model: linear,
      x,
      goal,
      start: await linear.gradient(x, goal),
      indices: Int32Array.of(0),
      seed: 0,
    };
    const { points } = await measureLinearity(subject, norms[name], [epsilon]);
    expect([predicted, predictedClipped, measured].map((v) => Math.round(v * 2 ** 30) / 2 ** 30)).toEqual(
      Object.values(points[0]!),
    );
  });
});

it("in L∞, the random direction is one of signs", async () => {
  // Each logit is one pixel.
  const identity = Float32Array.from({ length: 16 }, (_, i) => Number(i % 5 === 0));
  const pixels = open(linearGraph([4], identity, [0, 0, 0, 0]));
  const at = (norm: NormName) =>
    linearView(pixels, floats([1, 4], [0.5, 0.5, 0.5, 0.5]), untargeted(0), norms[norm], 0.25, { points: 3, seed: 1 });
  const moved = ({ random }: LinearView) => random[2]!.map((v) => (v - 0.5) / 0.25);
  expect(moved(await at("linf")).map(Math.abs)).toEqual([1, 1, 1, 1]);
  expect(Math.hypot(...moved(await at("l2")))).toBeCloseTo(1, 6);
  expect(
    moved(await at("l1"))
      .map(Math.abs)
      .sort((a, b) => a - b),
  ).toEqual([0, 0, 0, 1]);
  await pixels.release();
});

it.each(NORMS)("of LeNet, %s: the prediction is the slope of J by finite differences", async (name) => {
  const image = floats([1, 1, 28, 28], numbers(784, 5, 0.3, 0.7));
  const { data } = await lenet.logits(image);
  const label = data.indexOf(Math.min(...data));
  // Small enough to meet hardly a kink where all pixels move.
  const h = name === "linf" ? 1e-4 : 1e-3;
  const view = await linearView(lenet, image, untargeted(label), norms[name], h, { points: 3 });
  const [before, , after] = view.gradient.map((z) => crossEntropy(z, label));
  expect(view.predicted).toBeGreaterThan(0);
  expect((after! - before!) / 2 / view.predicted).toBeCloseTo(1, 2);
  expect(view.measured / view.predicted).toBeCloseTo(1, 1);
});

it("is flat along a gradient of zeros", async () => {
  const flat = open(linearGraph([size], new Float32Array(size * classes), bias));
  for (const name of NORMS) {
    const view = await linearView(flat, x, untargeted(0), norms[name], 0.5, { points: 5 });
    expect(view.gradient).toEqual(Array(5).fill(bias.map(Math.fround)));
    expect([view.predicted, view.predictedClipped, view.measured]).toEqual([0, 0, 0]);
  }
  await flat.release();
});

it("refuses what has no direction, and grids without a middle", async () => {
  const at = (name: NormName, epsilon = 0.1, points = 5, model: DifferentiableModel = linear) =>
    linearView(model, x, untargeted(0), norms[name], epsilon, { points });
  for (const name of ["l0", "spatial"] as const)
    expect((await failure("unsupported", () => at(name))).message).toContain(name);
  for (const epsilon of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    await failure("usage", () => at("linf", epsilon));
  for (const points of [1, 4, 5.5]) await failure("usage", () => at("linf", 0.1, points));
});

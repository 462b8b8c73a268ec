import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { counts, EPSILONS, type Given, run } from "../../test/support/evaluate.ts";
import { fixture, lenetFile } from "../../test/support/models.ts";
import type { Dataset } from "../dataset.ts";
import { openDataset } from "../datasets/locate.node.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { readModel } from "../models/formats/read.ts";
import { webRuntime } from "../runtime/ort-web.ts";
import { wilson95 } from "./results/statistics.ts";

const expectedIn = (name: string) =>
  (JSON.parse(new TextDecoder().decode(fixture(name))) as { correct_of_10000: number[] }).correct_of_10000;
const expected = expectedIn("expected.json");
/** Made by tools/torch-reference/fgsm_float64.py. */
const precise = expectedIn("expected_float64.json");
const seed = new URL("../../../shared/reference/seed/lenet_mnist_model.pth", import.meta.url);
const lenet = lenetFile();
let mnist: Dataset;
beforeAll(async () => {
  mnist = await openDataset("mnist");
});

describe("LeNet on the 10,000 test images of MNIST", () => {
  it("gives exactly the counts of torch's gradients in float64", async () => {
    const result = await run(lenet, mnist, { batch: 250 });
    expect(counts(result)).toEqual(precise);
    // Those of torch 1.13 in float32, whose gradients of confident samples are rounding noise: torch 2.13 gives 943 for 940.
    const apart = counts(result).map((count, i) => count - expected[i]!);
    expect(apart).toEqual([0, 0, 0, 0, -1, -1, 6]);

    const { evaluation } = result;
    expect(evaluation.points.map((p) => p.epsilon)).toEqual(EPSILONS);
    for (const part of [evaluation.clean, ...evaluation.points]) {
      expect(part.total).toBe(10_000);
      expect(part.ci95).toEqual(wilson95(part.correct, 10_000));
      expect(part.confusion.reduce((sum, row, i) => sum + row[i]!, 0)).toBe(part.correct);
      // Labels of the test set, as published.
      expect(part.confusion.map((row) => row.reduce((a, b) => a + b, 0))).toEqual([
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
      ]);
    }
    for (const point of evaluation.points) {
      expect(point.attacked).toBe(evaluation.clean.correct);
      expect(point.fooled).toBe(evaluation.clean.correct - point.correct);
      expect(point.largestDistance).toBeCloseTo(point.epsilon, 6);
    }
    expect(evaluation.warnings).toEqual([]);
  });

  it("gives the same counts on ONNX Runtime's WebAssembly build", async () => {
    expect(counts(await run(lenet, mnist, { batch: 50, runtime: await webRuntime({ threads: 1 }) }))).toEqual(precise);
  });

  it.skipIf(!existsSync(seed))("gives the tutorial's counts for its own weights (needs ../shared)", async () => {
    const file = classifierFile(readModel(new Uint8Array(readFileSync(seed)), "seed", "lenet"), { name: "seed" });
    expect(counts(await run(file, mnist, { batch: 250 }))).toEqual([9810, 9426, 8510, 6826, 4301, 2082, 869]);
  });
});

/** Numbers of two evaluations that must agree: whole ones exactly, others up to the rounding of float32. */
function expectAlike(a: unknown, b: unknown, path = ""): void {
  if (typeof a === "number" && !Number.isInteger(a))
    expect(Math.abs(a - (b as number)), path).toBeLessThan(1e-5 * (1 + Math.abs(a)));
  else if (a !== null && typeof a === "object") {
    expect(Object.keys(b as object), path).toEqual(Object.keys(a));
    for (const [key, value] of Object.entries(a))
      expectAlike(value, (b as Record<string, unknown>)[key], `${path}.${key}`);
  } else expect(b, path).toBe(a);
}

describe("what a result does not depend on", () => {
  const setting = { limit: 300, offset: 123, epsilons: [0, 0.1, 0.2, 0.3] };
  const settled = async (given: Given) => {
    const { evaluation, cleanExamples, pictures } = await run(lenet, mnist, { ...setting, ...given });
    const { date: _, cost, options, attacks, ...rest } = evaluation;
    const { batch: __, ...others } = options;
    const shown = [cleanExamples, ...pictures].map((list) =>
      list.map(({ shape, original }) => [shape, original.reduce((a, b) => a + b, 0)]),
    );
    const timeless = attacks.map(({ seconds: ___, ...attack }) => attack);
    return { ...rest, attacks: timeless, options: others, forwards: cost.forwards, gradients: cost.gradients, shown };
  };

  it("the size of a batch", async () => {
    const one = await settled({ batch: 1 });
    for (const batch of [7, 64, 1000]) expectAlike(one, await settled({ batch }));
  });

  it("the run", async () => expect(await settled({ batch: 50 })).toEqual(await settled({ batch: 50 })));

  it("native code or WebAssembly", async () => {
    const [native, web] = [
      await settled({ batch: 50 }),
      await settled({ batch: 50, runtime: await webRuntime({ threads: 1 }) }),
    ];
    expect([native.runtime.name, web.runtime.name]).toEqual([
      expect.stringMatching(/^onnxruntime-node \d/),
      expect.stringMatching(/^onnxruntime-web \d/),
    ]);
    expect([web.clean, web.warnings, web.forwards, web.gradients]).toEqual([
      native.clean,
      native.warnings,
      native.forwards,
      native.gradients,
    ]);
    for (const [k, { correct, attacked, fooled, confusion }] of native.points.entries())
      expect(web.points[k]).toMatchObject({ correct, attacked, fooled, confusion });
  });
});

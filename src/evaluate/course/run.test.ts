import { beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { run } from "../../../test/support/evaluate.ts";
import { arrayDataset, floats, lenetFile, numbers, smallNetwork, twoClassGraph } from "../../../test/support/models.ts";
import { defineAttack } from "../../attack.ts";
import { fgsm } from "../../attacks/gradient/fgsm.ts";
import { pgd } from "../../attacks/gradient/pgd.ts";
import { square } from "../../attacks/scores/square.ts";
import type { Dataset } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { PerturbError } from "../../errors.ts";
import type { DifferentiableModel } from "../../model.ts";
import { callbackModel } from "../../models/callback.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { evaluate } from "../evaluation.ts";
import type { GateAsked } from "../results/gates.ts";
import type { Progress } from "./run.ts";

const lenet = lenetFile();
let mnist: Dataset;
beforeAll(async () => {
  mnist = await openDataset("mnist");
});

describe("which samples are evaluated", () => {
  const data = arrayDataset(floats([9, 2], numbers(18, 1, 0, 1)), [0, 1, 0, 1, 0, 1, 0, 1, 0], 2);
  const file = classifierFile(twoClassGraph(Float32Array.of(1, -1)), { name: "linear" });
  const total = async (given: { offset?: number; limit?: number }) =>
    (await run(file, data, { epsilons: [0.1], batch: 2, ...given })).evaluation.data;

  it("those from offset, at most limit", async () => {
    expect(await total({})).toMatchObject({ offset: 0, total: 9 });
    expect(await total({ limit: 4 })).toMatchObject({ offset: 0, total: 4 });
    expect(await total({ offset: 7 })).toMatchObject({ offset: 7, total: 2 });
    expect(await total({ offset: 7, limit: 100 })).toMatchObject({ offset: 7, total: 2 });
  });

  it("some, at least", async () => {
    for (const given of [{ offset: 9 }, { offset: 100 }, { limit: 0 }])
      expect((await failure("usage", () => total(given))).message).toMatch(/leaves none of them/);
  });

  it("whole numbers of them", async () => {
    for (const given of [
      { offset: -1 },
      { offset: 0.5 },
      { limit: 1.5 },
      { offset: Number.NaN },
      { limit: Number.NaN },
    ])
      await failure("usage", () => total(given));
    for (const batch of [0, -1, 1.5, Number.NaN]) await failure("usage", () => run(file, data, { batch }));
  });

  it("examples carry their index in the data set", async () => {
    const { evaluation, pictures } = await run(file, data, { offset: 3, epsilons: [1], batch: 2 });
    const point = evaluation.points[0]!;
    expect(point.examples.length).toBeGreaterThan(0);
    for (const [i, { index }] of point.examples.entries()) {
      expect(index).toBeGreaterThanOrEqual(3);
      expect(pictures[0]![i]!.original).toEqual((await firstOf(data, index)).x.data);
    }
  });
});

async function firstOf(data: Dataset, offset: number) {
  for await (const batch of data.batches({ batch: 1, offset, limit: 1 })) return batch;
  throw new Error("none");
}

describe("goals and norms", () => {
  it("targeted: leaves samples of the target's class alone, and counts only the target as success", async () => {
    const target = 3;
    const { evaluation } = await run(lenet, mnist, { limit: 200, target, epsilons: [0.3] });
    const [point] = evaluation.points;
    const { clean } = evaluation;
    expect(evaluation.options.target).toBe(target);
    expect(point!.attacked).toBe(clean.correct - clean.confusion[target]![target]!);
    expect(point!.confusion[target]).toEqual(clean.confusion[target]);
    // Whoever became the target was fooled; others may have changed class without reaching it.
    const becameTarget = point!.confusion.reduce(
      (sum, row, label) => sum + (label === target ? 0 : row[target]! - clean.confusion[label]![target]!),
      0,
    );
    expect(point!.fooled).toBe(becameTarget);
    expect(point!.fooled).toBeGreaterThan(0);
    for (const example of point!.examples) expect(example.prediction).toBe(target);
  });

  it.each([
    ["l2", [0.5, 1, 2, 4]],
    ["l1", [5, 10, 20, 40]],
  ] as const)("%s: a larger budget fools more, and the distance holds", async (norm, epsilons) => {
    const { evaluation } = await run(lenet, mnist, { limit: 200, norm, epsilons });
    const correct = evaluation.points.map((p) => p.correct);
    expect(correct).toEqual(correct.toSorted((a, b) => b - a));
    expect(correct.at(-1)).toBeLessThan(correct[0]! / 2);
    for (const point of evaluation.points) {
      expect(point.largestDistance).toBeGreaterThan(0.99 * point.epsilon);
      expect(point.largestDistance).toBeLessThanOrEqual(point.epsilon * (1 + 1e-6));
    }
  });

  it("ε = 0 is the clean accuracy", async () => {
    const { evaluation } = await run(lenet, mnist, { limit: 100, epsilons: [0] });
    expect(evaluation.points[0]).toMatchObject({
      correct: evaluation.clean.correct,
      fooled: 0,
      fooledConfidence: null,
      largestDistance: 0,
      examples: [],
    });
    expect(evaluation.points[0]!.confusion).toEqual(evaluation.clean.confusion);
  });

  it("refuses what cannot be", async () => {
    const file = classifierFile(smallNetwork([4], 3), { name: "small" });
    const data = arrayDataset(floats([2, 4], numbers(8, 1, 0, 1)), [0, 1], 3);
    for (const given of [
      { attacks: [] },
      { norm: "l0" as const },
      { target: 3 },
      { target: -1 },
      { target: 0.5 },
      { epsilons: [] },
      { epsilons: [-0.1] },
      { epsilons: [Number.NaN] },
      { epsilons: [Number.POSITIVE_INFINITY] },
      { epsilons: [0.2, 0.1] },
      { epsilons: [0.1, 0.1] },
      { seed: 0.5 },
      { seed: Number.NaN },
    ])
      expect((await failure("usage", () => run(file, data, given))).message.length).toBeGreaterThan(20);
  });

  it("hands the seed and the indices to the attack, once a batch", async () => {
    const seen: unknown[] = [];
    const spy = defineAttack<DifferentiableModel, { strength: number }>({
      ...fgsm,
      name: "spy",
      defaults: { strength: 2 },
      about: { strength: "no more than a name" },
      propose: (task, options) => {
        seen.push([task.seed, [...task.indices], options]);
        return fgsm.propose(task, {});
      },
    });
    const file = classifierFile(twoClassGraph(Float32Array.of(1, -1), 5), { name: "ones" });
    const data = arrayDataset(floats([3, 2], numbers(6, 1, 0, 1)), [1, 0, 1], 2);
    await run(file, data, { attacks: [spy], epsilons: [0.1], seed: 17, batch: 2 });
    expect(seen).toEqual([
      [17, [0], { strength: 2 }],
      [17, [2], { strength: 2 }],
    ]);
  });
});

describe("data that a model cannot mean", () => {
  const file = classifierFile(twoClassGraph(Float32Array.of(1, -1)), { name: "linear" });
  const data = (values: readonly number[], labels: readonly number[]) =>
    arrayDataset(floats([labels.length, 2], values), labels, 2);

  it.each([
    ["above the bounds", 1.5],
    ["below the bounds", -0.01],
    ["NaN", Number.NaN],
    ["infinite", Number.POSITIVE_INFINITY],
  ])("a pixel that is %s: the error names the sample", async (_, value) => {
    const error = await failure("out-of-bounds", () =>
      run(file, data([0, 1, 0.5, 0.5, 0.2, value], [0, 1, 0]), { batch: 2 }),
    );
    expect(error.data).toMatchObject({ sample: 2 });
    expect(error.message).toMatch(`Sample 2 holds the value ${Math.fround(value)}`);
  });

  it.each([2, -1])("a label that is no class: %i", async (label) => {
    const error = await failure("out-of-bounds", () => run(file, data([0, 1, 0, 1], [0, label])));
    expect(error.data).toEqual({ sample: 1, label, classes: 2 });
  });

  it("samples of another shape", async () => {
    await failure("mismatch", () => run(file, arrayDataset(floats([1, 3], [0, 0, 0]), [0], 2)));
  });
});

describe("progress and cancelling", () => {
  it("reports every batch, up to all of them", async () => {
    const seen: Progress[] = [];
    const result = await run(lenet, mnist, { limit: 100, batch: 30, epsilons: [0.1], onProgress: (p) => seen.push(p) });
    expect(seen.map((p) => [p.done, p.total])).toEqual([
      [30, 100],
      [60, 100],
      [90, 100],
      [100, 100],
    ]);
    expect(seen.at(-1)!.correct).toBe(result.evaluation.clean.correct);
  });

  it("stops when the signal fires, and leaves nothing running", async () => {
    const controller = new AbortController();
    let running = 0;
    let started = 0;
    const work = run(lenet, mnist, {
      batch: 5,
      epsilons: [0.1],
      signal: controller.signal,
      onProgress: () => controller.abort(),
      through: (evaluator) => ({
        ...evaluator,
        concurrency: 4,
        run: async (batch) => {
          running++;
          started++;
          return evaluator.run(batch).finally(() => running--);
        },
      }),
    });
    await failure("cancelled", () => work);
    expect(running).toBe(0);
    expect(started).toBeLessThanOrEqual(5);
  });

  it("does not begin when the signal has fired already", async () => {
    let started = 0;
    await failure("cancelled", () =>
      run(lenet, mnist, {
        signal: AbortSignal.abort(),
        through: (evaluator) => ({ ...evaluator, run: () => Promise.reject(new Error(String(started++))) }),
      }),
    );
    expect(started).toBe(0);
  });

  it("passes on a failure of any batch once the others have ended", async () => {
    let running = 0;
    let called = 0;
    const work = run(lenet, mnist, {
      batch: 5,
      limit: 50,
      through: (evaluator) => ({
        ...evaluator,
        concurrency: 3,
        run: async () => {
          running++;
          await new Promise((resolve) => setTimeout(resolve, 5 * ++called));
          running--;
          throw new PerturbError("runtime", "Out of luck.");
        },
      }),
    });
    expect((await failure("runtime", () => work)).message).toBe("Out of luck.");
    expect(running).toBe(0);
  });
});

describe("a model that gives logits only", () => {
  const data = arrayDataset(
    floats([40, 2], numbers(80, 1, 0, 1)),
    Array.from({ length: 40 }, (_, i) => i % 2),
    2,
  );
  const asked = callbackModel({
    name: "ours",
    inputShape: [2],
    classes: 2,
    ask: async ({ dims, data: x }) => ({
      type: "float32",
      dims: [dims[0]!, 2],
      data: Float32Array.from({ length: 2 * dims[0]! }, (_, k) => x[2 * Math.floor(k / 2) + (k % 2)]!),
    }),
  });

  it("is refused by attacks that need gradients, before it is asked, with those that work", async () => {
    const error = await failure("no-gradient", () =>
      evaluate(asked, data, { attacks: [pgd, square], epsilons: [0.1] }),
    );
    expect(error.message).toMatch(
      /^ours has no gradients: it gives logits only\. pgd needs gradients\. .* in linf: .*square/,
    );
  });

  it("is attacked without them", async () => {
    const attacks = [square.with({ queries: 100 })];
    const { evaluation } = await evaluate(asked, data, { attacks, epsilons: [0.05, 1] });
    expect(evaluation.model).toMatchObject({ name: "ours", sha256: null, parameters: null });
    expect(evaluation.worst.at(-1)!.correct).toBe(0);
    expect(evaluation.cost.gradients).toBe(0);
    expect(evaluation.linearity).toBeNull();
  });
});

describe("what a result says beside the counts", () => {
  const data = arrayDataset(floats([9, 4], numbers(36, 1, 0, 1)), [0, 1, 2, 0, 1, 2, 0, 1, 2], 3);
  const measure = async (file: ReturnType<typeof classifierFile>, gates?: readonly GateAsked[]) => {
    const model = openClassifier(file, nodeRuntime("cpu", 1));
    const options = { attacks: [fgsm], epsilons: [0, 0.5], followUp: false, ...(gates && { gates }) };
    try {
      return (await evaluate(model, data, options)).evaluation;
    } finally {
      await model.release();
    }
  };
  const network = smallNetwork([4], 3);

  it("which preprocessing stands in front of the model", async () => {
    const normalization = { mean: [0.25], std: [0.5] };
    const { model } = await measure(classifierFile(network, { name: "normalized", normalization }));
    expect(model.preprocessing).toEqual(normalization);
    expect((await measure(classifierFile(network, { name: "bare" }))).model.preprocessing).toBeNull();
  });

  it("whether what was asked of it was met, which is checked before anything runs", async () => {
    const file = classifierFile(network, { name: "gated" });
    const { gates, worst } = await measure(file, [
      { epsilon: 0, atLeast: 0 },
      { epsilon: 0.5, atLeast: 1 },
    ]);
    expect(gates).toEqual([
      { epsilon: 0, atLeast: 0, accuracy: worst[0]!.accuracy, met: true },
      { epsilon: 0.5, atLeast: 1, accuracy: worst[1]!.accuracy, met: worst[1]!.accuracy === 1 },
    ]);
    expect((await measure(file)).gates).toEqual([]);
    await failure("usage", () => measure(file, [{ epsilon: 0.1, atLeast: 0.5 }]));
  });
});

import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { arrayDataset, floats, numbers, open, twoClassGraph, using } from "../../test/support/models.ts";
import { uniformNoise } from "../attacks/baselines/uniform-noise.ts";
import { fgsm } from "../attacks/gradient/fgsm.ts";
import type { Dataset } from "../dataset.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import { callbackModel } from "../models/callback.ts";
import { compare } from "./compare.ts";
import { evaluate, openEvaluation } from "./evaluation.ts";

/** 4 classes of 40 samples each, sorted by class: the first value of a sample is its class / 4, the second its index / 160. */
const LABELS = Array.from({ length: 160 }, (_, i) => Math.floor(i / 40));
const sorted = (mixed = false): Dataset => ({
  ...datasetOf({
    name: "sorted",
    x: Float32Array.from(LABELS.flatMap((c, i) => [c / 4, i / 160])),
    shape: [2],
    labels: LABELS,
  }),
  mixed,
});
/** Right on classes 0 and 1, and of the others takes one for the other. */
const half = (name: string) =>
  callbackModel({
    name,
    inputShape: [2],
    classes: 4,
    ask: async ({ data, dims: [n = 0] }) => {
      const scores = new Float32Array(4 * n);
      for (let i = 0; i < n; i++) scores[4 * i + [0, 1, 3, 2][Math.round(4 * data[2 * i]!)]!] = 1;
      return { type: "float32", dims: [n, 4], data: scores };
    },
  });

const options = { attacks: [uniformNoise], epsilons: [0], limit: 40, batch: 7 };
const run = (data: Dataset, more: object = {}) => evaluate(half("half"), data, { ...options, ...more });
const countsOf = ({ records = [] }: Awaited<ReturnType<typeof run>>) =>
  [0, 1, 2, 3].map((c) => records.filter(({ label }) => label === c).length);

describe("a limit", () => {
  it("draws by the seed, of each class its share, and the report says so", async () => {
    const result = await run(sorted());
    expect(countsOf(result)).toEqual([10, 10, 10, 10]);
    expect(result.evaluation).toMatchObject({
      data: { total: 40, offset: result.records![0]!.index, drawn: { of: 160, seed: 0 } },
      clean: { correct: 20, total: 40 },
    });
    expect(result.records!.map(({ index }) => LABELS[index])).toEqual(result.records!.map(({ label }) => label));
    const other = await run(sorted(), { seed: 1 });
    expect(other.records!.map(({ index }) => index)).not.toEqual(result.records!.map(({ index }) => index));
    expect(other.evaluation.clean.correct).toBe(20);
  });

  it("takes the first where the file's order is asked for, and warns where they lack classes", async () => {
    for (const more of [{ order: "file" }, { offset: 40 }]) {
      const { evaluation, records } = await run(sorted(), more);
      expect(records!.map(({ index }) => index - evaluation.data.offset)).toEqual([...Array(40).keys()]);
      expect(evaluation.clean.correct).toBe(40);
      expect(evaluation.data.drawn).toBeUndefined();
      expect(evaluation.warnings.find(({ code }) => code === "few-classes")?.message).toContain("1 of its 4 classes");
    }
  });

  it("takes the first of a set that mixes its classes, unless a draw is asked for", async () => {
    expect((await run(sorted(true))).evaluation.data).toMatchObject({ offset: 0, total: 40 });
    expect(countsOf(await run(sorted(true), { order: "seed" }))).toEqual([10, 10, 10, 10]);
  });

  it("that leaves all takes all, and a draw from an offset on is refused", async () => {
    const { evaluation } = await run(sorted(), { limit: 160, order: "seed" });
    expect(evaluation.data).toMatchObject({ offset: 0, total: 160 });
    expect(evaluation.data.drawn).toBeUndefined();
    await failure("usage", () => openEvaluation(half("half"), sorted(), { ...options, order: "seed", offset: 1 }));
    await failure("usage", () => run(sorted(), { order: "random" }));
  });

  it("draws the same samples for two models", async () => {
    const comparison = await compare(half("a"), half("b"), sorted(), options);
    expect(comparison.clean).toMatchObject({ both: 20, neither: 20, onlyA: 0, onlyB: 0 });
  });

  it("of less than a hundred shows the linear view of all that it leaves", async () => {
    const data = arrayDataset(floats([400, 2], numbers(800, 1, 0.1, 0.9)), new Array<number>(400).fill(0), 2);
    await using(open(twoClassGraph(Float32Array.of(-1, -1))), async (model) => {
      const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [0.1], limit: 20 });
      expect([evaluation.data.drawn?.of, evaluation.linearity?.samples]).toEqual([400, 20]);
    });
  });

  it("takes a set for each of two models, and the draw is the same", async () => {
    const turned: Dataset = {
      ...sorted(),
      async *batches(given) {
        for await (const batch of sorted().batches(given))
          yield {
            ...batch,
            x: floats(
              batch.x.dims,
              batch.x.data.map((v) => 1 - v),
            ),
          };
      },
    };
    const one = await compare(half("a"), half("b"), [sorted(), turned], options);
    const other = await compare(half("a"), half("b"), [turned, sorted()], options);
    expect([one.clean.a.correct, one.clean.b.correct]).toEqual([other.clean.b.correct, other.clean.a.correct]);
    expect(one.clean).toMatchObject({ both: 10, onlyA: 10, onlyB: 0 });
  });
});

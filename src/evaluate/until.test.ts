import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { uniformNoise } from "../attacks/baselines/uniform-noise.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import type { EvaluationResult } from "../evaluate.ts";
import { callbackModel } from "../models/callback.ts";
import { confidenceSequence } from "../probability/confidence-sequence.ts";
import { compare } from "./compare.ts";
import { type EvaluateOptions, evaluate, openEvaluation } from "./evaluation.ts";
import type { WorkPlace } from "./place.ts";
import { here } from "./places/here.ts";
import { compareRuns } from "./results/compare.ts";
import { emptyPoint, type Tally } from "./results/tally.ts";
import { folderState } from "./state/folder.node.ts";
import { widest } from "./until.ts";

const home = mkdtempSync(join(tmpdir(), "perturb-until-"));
afterAll(() => rmSync(home, { recursive: true }));

/** 2,000 samples, sorted: those of class 0, on which the model is right, and then 400 of class 1, on which it is wrong. */
const SIZE = 2000;
const RIGHT = 1600;
const sorted = () =>
  datasetOf({
    x: Float32Array.from({ length: SIZE }, (_, i) => i / SIZE),
    shape: [1],
    labels: Array.from({ length: SIZE }, (_, i) => Number(i >= RIGHT)),
  });
const zero = (name = "zero") =>
  callbackModel({
    name,
    inputShape: [1],
    classes: 2,
    ask: async ({ dims: [n = 0] }) => ({
      type: "float32",
      dims: [n, 2],
      data: Float32Array.from({ length: 2 * n }, (_, i) => 1 - (i % 2)),
    }),
  });
const UNTIL = 0.06;
const options = { attacks: [uniformNoise], epsilons: [0.1], until: UNTIL, followUp: false } as const;
const run = (more: Partial<EvaluateOptions> = {}) => evaluate(zero(), sorted(), { ...options, ...more });

/** Without what depends on the clock, and without the batch, which is an option. */
const timeless = (result: EvaluationResult): unknown =>
  JSON.parse(JSON.stringify(result), (key, value: unknown) =>
    /^(date|seconds|samplesPerSecond|batch)$/.test(key) ? 0 : value,
  );
const sequence = (k: number, n: number) => confidenceSequence(k, n, { alpha: 0.05, weight: 1 / (4 * UNTIL ** 2) });
const halfOf = ([low, high]: readonly [number, number]) => (high - low) / 2;

describe("until", () => {
  it("ends at the first hundred of samples whose intervals are short enough, and these are of the confidence sequence", async () => {
    const { evaluation, records = [] } = await run();
    const { clean, data, worst, points, until } = evaluation;
    const rights = records.map(({ prediction, label }) => Number(prediction === label));
    const at = (n: number) =>
      sequence(
        rights.slice(0, n).reduce((a, b) => a + b, 0),
        n,
      );
    const looks = Array.from({ length: SIZE / 100 }, (_, i) => 100 * (i + 1));
    const end = looks.find((n) => halfOf(at(n)) <= UNTIL)!;
    expect([records.length, data.total, clean.total]).toEqual([end, end, end]);
    for (const { ci95 } of [clean, ...worst, ...points]) expect(ci95).toEqual(at(end));
    expect(until).toEqual({ asked: UNTIL, reached: halfOf(at(end)), available: SIZE });
    expect(end).toBeLessThan(SIZE / 2);
    expect(data.drawn).toEqual({ of: SIZE, seed: 0, shuffled: true });
    expect(evaluation.warnings.map(({ code }) => code)).not.toContain("until-not-reached");
  });

  it("takes samples in a random order: sorted data, and data that are mixed, are seen as a whole", async () => {
    for (const mixed of [false, true]) {
      const { evaluation, records = [] } = await evaluate(zero(), { ...sorted(), mixed }, options);
      const [low, high] = evaluation.clean.ci95;
      expect([low < RIGHT / SIZE, RIGHT / SIZE < high]).toEqual([true, true]);
      const first = records.slice(0, 100).map(({ index }) => index);
      expect([new Set(first).size, Math.max(...first) > 1500]).toEqual([100, true]);
    }
    expect((await run({ seed: 1 })).records![0]!.index).not.toBe((await run()).records![0]!.index);
  });

  it("waits for the longest interval of all", async () => {
    // Half of the samples lie near enough to the boundary to be fooled.
    const steep = callbackModel({
      name: "steep",
      inputShape: [1],
      classes: 2,
      ask: async ({ data, dims: [n = 0] }) => ({
        type: "float32",
        dims: [n, 2],
        data: Float32Array.from(Array.from(data).flatMap((v) => [0.5 - v, v - 0.5])),
      }),
    });
    const data = datasetOf({
      x: Float32Array.from({ length: SIZE }, (_, i) => i / SIZE),
      shape: [1],
      labels: Array.from({ length: SIZE }, (_, i) => Number(i >= SIZE / 2)),
    });
    const { evaluation } = await evaluate(steep, data, { ...options, epsilons: [0.01, 0.25] });
    expect(halfOf(evaluation.worst[1]!.ci95)).toBe(evaluation.until!.reached);
    expect(halfOf(evaluation.clean.ci95)).toBeLessThan(0.02);
    expect(evaluation.data.total).toBeGreaterThan((await run()).evaluation.data.total);
  });

  it("gives the same result whatever the batch", async () => {
    const expected = timeless(await run({ batch: 100 }));
    for (const batch of [7, 64, 1000]) expect(timeless(await run({ batch }))).toEqual(expected);
    expect((await run({ batch: 1000 })).evaluation.options.batch).toBe(100);
  });

  it("gives the same result where several batches are under way and end in any order, and drops those behind the end", async () => {
    const expected = timeless(await run({ batch: 30 }));
    let [begun, closed] = [0, 0];
    const many: WorkPlace = {
      async start(job) {
        const evaluator = await here.start(job);
        return {
          concurrency: 8,
          async run(batch) {
            begun += batch.labels.length;
            const tally = await evaluator.run(batch);
            await sleep((7 * batch.indices[0]!) % 5);
            return tally;
          },
          close: async () => {
            closed++;
            await evaluator.close();
          },
        };
      },
    };
    const result = await run({ batch: 30, place: many });
    expect(timeless(result)).toEqual(expected);
    expect(begun).toBeGreaterThan(result.evaluation.data.total);
    expect(closed).toBe(2);
  });

  it("goes on where it was left, also where nothing is left to do", async () => {
    const expected = timeless(await run({ batch: 30 }));
    const at = (folder: string) => ({ ...options, batch: 30, state: folderState(folder, { resume: true }) });
    const folder = join(home, "broken");
    for (const batches of [2, 5, 100]) {
      const open = await openEvaluation(zero(), sorted(), at(folder));
      let seen = 0;
      for await (const _ of open) if (++seen === batches) break;
      await open.close();
    }
    const open = await openEvaluation(zero(), sorted(), at(folder));
    const result = await open.finish();
    expect(open.resumed).toBe(result.evaluation.data.total);
    expect(timeless(result)).toEqual(expected);
    await open.close();
    const { message } = await failure("mismatch", () =>
      openEvaluation(zero(), sorted(), { ...at(folder), until: 0.04 }),
    );
    expect(message).toContain("`until` was 0.06, and is 0.04");
  });

  it("warns where the samples end first, with what was reached", async () => {
    const { evaluation } = await run({ until: 0.01, limit: 550 });
    const reached = halfOf(evaluation.clean.ci95);
    expect([evaluation.data.total, evaluation.until]).toEqual([550, { asked: 0.01, reached, available: 550 }]);
    const { message } = evaluation.warnings.find(({ code }) => code === "until-not-reached")!;
    expect(message).toContain(`All 550 samples were used, and not every interval is within ±1 %`);
    expect(message).toContain(`the widest is ±${Math.ceil(1e5 * reached) / 1e3} %`);
  });

  it("is told in the progress", async () => {
    const seen: number[] = [];
    const result = await evaluate(zero(), sorted(), { ...options, onProgress: ({ widest = 1 }) => seen.push(widest) });
    expect(seen.at(-1)).toBe(result.evaluation.until!.reached);
    expect(seen.slice(0, -1).every((half) => half > UNTIL)).toBe(true);
  });

  it("looks at every accuracy that a report gives", () => {
    const tally = { total: 100, correct: 100, points: [], worst: [], attacks: [] } as unknown as Tally;
    const [best, half] = [100, 50].map((correct) => halfOf(sequence(correct, 100)));
    expect(widest(tally, sequence)).toBe(best);
    const worst = { correct: 100, errors: 0, notFooled: [] };
    for (const more of [
      { correct: 50 },
      { labels: [100, 50] },
      { points: [{ ...emptyPoint(), correct: 50 }] },
      { worst: [{ ...worst, correct: 50 }] },
      { worst: [{ ...worst, labels: [50] }] },
      { certified: { proven: [100, 50], radius: 0, methods: [] } },
      { unadapted: { network: 50, correct: [] } },
      { unadapted: { network: 100, correct: [50] } },
    ] satisfies Partial<Tally>[])
      expect(widest({ ...tally, ...more }, sequence)).toBe(half);
  });

  it("refuses what would choose other samples, and what is no half of an interval", async () => {
    for (const more of [{ order: "file" }, { offset: 1 }, { shard: { index: 1, count: 2 } }] as const)
      await failure("usage", () => openEvaluation(zero(), sorted(), { ...options, ...more }));
    for (const until of [0, -0.1, 0.5, 1, Number.NaN, "1%" as never])
      expect((await failure("usage", () => run({ until }))).message).toContain(
        "must be half the length of an interval",
      );
  });

  it("is no part of a comparison, whose samples are chosen before", async () => {
    await failure("usage", () => compare(zero("a"), zero("b"), sorted(), { ...options } as never));
    const { evaluation, records = [] } = await run();
    const one = { name: "one", evaluation, samples: records };
    expect((await failure("usage", () => compareRuns(one, one))).message).toContain("`until`");
  });
});

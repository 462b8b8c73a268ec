import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { arrayDataset, floats, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { predict } from "../../attack.ts";
import { attacks } from "../../attacks/index.ts";
import type { Dataset } from "../../dataset.ts";
import type { EvaluationResult } from "../../evaluate.ts";
import type { GraphModel } from "../../models/classifier/graph-model.ts";
import { type EvaluateOptions, evaluate, openEvaluation } from "../evaluation.ts";
import { placesOf } from "../shard.ts";
import { folderState } from "./folder.node.ts";
import { shardStates } from "./shards.node.ts";

const SHAPE = [1, 4, 4];
const SAMPLES = 23;
const COUNT = 3;
const folder = mkdtempSync(join(tmpdir(), "perturb-shards-"));
afterAll(() => rmSync(folder, { recursive: true }));

const OPTIONS = {
  attacks: [attacks.pgd, attacks.square.with({ queries: 20 })],
  epsilons: [0.02, 0.1],
  batch: 4,
  certify: { digits: 2 },
} satisfies EvaluateOptions;

/** All but times. */
const facts = ({ evaluation: { cost, attacks: each, certified, ...rest }, ...result }: EvaluationResult) => ({
  ...result,
  evaluation: {
    ...rest,
    date: "",
    cost: { ...cost, seconds: 0, samplesPerSecond: 0 },
    attacks: each.map((one) => ({ ...one, seconds: 0 })),
    certified: { ...certified, methods: certified?.methods.map((one) => ({ ...one, seconds: 0 })) },
  },
  records: result.records?.map((record) => ({ ...record, seconds: 0 })),
});

async function dataFor(model: GraphModel): Promise<Dataset> {
  const x = floats([SAMPLES, ...SHAPE], numbers(SAMPLES * 16, 5, 0, 1));
  const labels = [...predict(await model.logits(x))];
  labels[7] = (labels[7]! + 1) % 3;
  return arrayDataset(x, labels, 3);
}

const inFolders = (name: string) => Array.from({ length: COUNT }, (_, k) => join(folder, `${name}-${k + 1}`));

describe("an evaluation in shards", () => {
  it("gives what one run gives, also where a shard was interrupted and resumed", async () => {
    await using(open(smallNetwork(SHAPE, 3)), async (model) => {
      const data = await dataFor(model);
      const folders = inFolders("whole");
      for (const [k, place] of folders.entries()) {
        const shard = { index: k + 1, count: COUNT };
        const options = { ...OPTIONS, shard, state: folderState(place) };
        if (k === 1) {
          const stopped = await openEvaluation(model, data, options);
          for await (const { done, total } of stopped) {
            expect([done, total]).toEqual([4, 8]);
            break;
          }
          await stopped.close();
          const merge = evaluate(model, data, {
            ...OPTIONS,
            state: shardStates([...folders.slice(0, 2), folders[0]!]),
          });
          await expect(merge).rejects.toMatchObject({
            code: "usage",
            message: expect.stringContaining("both shard 1/3"),
          });
          options.state = folderState(place, { resume: true });
        }
        await evaluate(model, data, options);
      }
      const merged = await evaluate(model, data, { ...OPTIONS, state: shardStates(folders.toReversed()) });
      const whole = await evaluate(model, data, OPTIONS);
      expect(whole.evaluation.worst[1]!.correct).toBeLessThan(whole.evaluation.clean.correct);
      expect(facts(merged)).toEqual(facts(whole));
      // They stay as they are, and can be merged again.
      expect(facts(await evaluate(model, data, { ...OPTIONS, state: shardStates(folders) }))).toEqual(facts(whole));
    });
  });

  it("is refused by name where a shard is missing, unfinished, foreign, or none", { timeout: 120_000 }, async () => {
    await using(open(smallNetwork(SHAPE, 3)), async (model) => {
      const data = await dataFor(model);
      const shard = (index: number, place: string, more: Partial<EvaluateOptions> = {}) =>
        ({ ...OPTIONS, ...more, shard: { index, count: COUNT }, state: folderState(join(folder, place)) }) satisfies EvaluateOptions; // biome-ignore format: one line
      const places = ["one", "two", "three"];
      for (const [k, place] of places.entries()) await evaluate(model, data, shard(k + 1, place));
      await evaluate(model, data, shard(3, "seed", { seed: 5 }));
      const other = await dataFor(model);
      const moved = { ...other, async *batches(options: Parameters<Dataset["batches"]>[0]) {
        for await (const batch of other.batches(options)) yield { ...batch, x: { ...batch.x, data: batch.x.data.map((v) => v * 0.5) } };
      } } satisfies Dataset; // biome-ignore format: short
      await evaluate(model, moved, shard(3, "data"));
      await evaluate(model, data, { ...OPTIONS, state: folderState(join(folder, "all")) });
      const stopped = await openEvaluation(model, data, shard(3, "stopped"));
      for await (const _ of stopped) break;
      await stopped.close();
      const cases: readonly (readonly [readonly string[], string])[] = [
        [["one", "three"], "Of 3 shards, one is missing: 2/3"],
        [["one"], "Of 3 shards, 2 are missing: 2/3, 3/3"],
        [["one", "two", "seed"], "was 5, and is 0"],
        [["one", "two", "data"], "SHA-256 of the first samples"],
        [["one", "two", "all"], "holds a run of all samples, and no shard"],
        [["one", "two", "nowhere"], "holds no shard"],
        [["one", "two", "stopped"], "Shard 3/3 in"],
      ];
      for (const [names, message] of cases) {
        const state = shardStates(names.map((name) => join(folder, name)));
        await expect(evaluate(model, data, { ...OPTIONS, state }), message).rejects.toThrow(message);
      }
      await expect(evaluate(model, data, { ...OPTIONS, shard: { index: 1, count: 2 } })).rejects.toThrow(
        "needs a folder",
      );
    });
  });

  it("has whole batches, each in one shard, of about as many", () => {
    for (const [total, batch, count] of [
      [23, 4, 3],
      [1000, 100, 7],
      [10, 1, 10],
      [5, 100, 1],
    ] as const) {
      // biome-ignore format: a table
      const places = Array.from({ length: count }, (_, k) => placesOf({ index: k + 1, count }, { total, batch }));
      expect(places[0]!.first).toBe(0);
      expect(places.at(-1)!.last).toBe(total);
      for (const [k, { first, last }] of places.entries()) {
        expect(last).toBeGreaterThan(first);
        expect(first % batch).toBe(0);
        if (k > 0) expect(first).toBe(places[k - 1]!.last);
      }
    }
    expect(() => placesOf({ index: 1, count: 4 }, { total: 30, batch: 10 })).toThrow("only into 3");
    expect(() => placesOf({ index: 0, count: 4 }, { total: 30, batch: 1 })).toThrow("I/N");
  });
});

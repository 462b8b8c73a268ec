import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { numbers, open, smallNetwork, using } from "../../test/support/models.ts";
import { pgd } from "../attacks/gradient/pgd.ts";
import { onePixel } from "../attacks/scores/one-pixel.ts";
import { square } from "../attacks/scores/square.ts";
import { rotationTranslation } from "../attacks/transfer-and-structure/rotation-translation.ts";
import { transfer } from "../attacks/transfer-and-structure/transfer.ts";
import { universal } from "../attacks/transfer-and-structure/universal.ts";
import type { Batch, Dataset } from "../dataset.ts";
import { openDataset } from "../datasets/locate.node.ts";
import type { SampleRecord } from "../evaluate.ts";
import type { GraphModel } from "../models/classifier/graph-model.ts";
import { encodePng } from "../report/pictures/png.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { type EvaluateOptions, evaluate, openEvaluation } from "./evaluation.ts";
import type { WorkPlace } from "./place.ts";
import { poolOf } from "./places/pool.ts";
import { setupFor, type WorkerAnswer, worker } from "./places/work.ts";
import { folderState } from "./state/folder.node.ts";

const SIZES = [
  [12, 10],
  [10, 14],
  [9, 9],
  [12, 10],
  [12, 10],
  [11, 13],
  [8, 8],
  [10, 14],
] as const;
const preprocessing = { resize: 9, crop: 8, mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] };
const graph = smallNetwork([3, 8, 8], 3);
const modelFor = (shape: readonly number[]): GraphModel => open(graph, { perturb: "picture", preprocessing, shape });

let home: string;
let data: Dataset;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "perturb-sizes-"));
  for (const [label, count] of [8, 4, 8].entries()) {
    mkdirSync(join(home, "pictures", String(label)), { recursive: true });
    for (let i = 0; i < count; i++) {
      const [width, height] = SIZES[(i + label) % SIZES.length]!;
      const pixels = Uint8Array.from(numbers(width * height * 3, 100 * label + i, 0, 256));
      const png = encodePng({ width, height, channels: 3, data: pixels });
      writeFileSync(join(home, "pictures", String(label), `${String(i).padStart(2, "0")}.png`), png);
    }
  }
  data = await openDataset(join(home, "pictures"), { ownSize: {} });
});
afterAll(() => rmSync(home, { recursive: true }));

/** The samples of one shape, numbered as in the whole set. */
function alone(whole: Dataset, shape: readonly number[]): Dataset {
  const some: number[] = [];
  for (let i = 0; i < whole.size; i++) if (String(whole.shapeOf!(i)) === String(shape)) some.push(i);
  const { name, classes } = whole;
  return {
    name,
    classes,
    pixels: "picture",
    shape,
    size: some.length,
    sourceOf: (index) => whole.sourceOf!(index),
    async *batches({ limit = some.length }) {
      for (const index of some.slice(0, limit)) yield* whole.batches({ batch: 1, offset: index, limit: 1 });
    },
  };
}

const shapes = (): readonly (readonly number[])[] => [
  ...new Map(
    Array.from({ length: data.size }, (_, i) => [String(data.shapeOf!(i)), data.shapeOf!(i)] as const),
  ).values(),
];

const options: EvaluateOptions = {
  norm: "linf",
  attacks: [pgd.with({ steps: 3, restarts: 1 }), square.with({ queries: 20 })],
  epsilons: [1 / 255, 8 / 255],
  seed: 3,
};
const untimed = (records: readonly SampleRecord[]) => records.map((record) => ({ ...record, seconds: 0 }));

/** Two threads' halves, on the messages that threads get. */
const twoWorkers: WorkPlace = {
  async start(job) {
    const setup = structuredClone(await setupFor(job))!;
    const workers = [0, 1].map(() => {
      const work = worker(setup, nodeRuntime("cpu", 1));
      let answered: (answer: WorkerAnswer) => void;
      return {
        send: (batch: Batch) => void work(structuredClone(batch)).then((answer) => answered(structuredClone(answer))),
        listen: (heard: (answer: WorkerAnswer) => void) => {
          answered = heard;
        },
      };
    });
    return poolOf(workers, async () => undefined);
  },
};

describe("pictures of several sizes", () => {
  it("are read at their own size, in order, a batch of one size", async () => {
    expect([data.size, data.shape, shapes().length]).toEqual([20, [3, 13, 11], 5]);
    const places: number[] = [];
    for await (const { x, indices, labels } of data.batches({ batch: 3, offset: 2, limit: 15 })) {
      expect(x.data.length).toBe(labels.length * data.shapeOf!(indices[0]!).reduce((a, b) => a * b, 1));
      for (const index of indices) expect(x.dims.slice(1)).toEqual(data.shapeOf!(index));
      places.push(...indices);
    }
    expect(places).toEqual(Array.from({ length: 15 }, (_, i) => i + 2));
    expect(data.notes![0]!.message).toContain("have 5 sizes: 12 × 10 (8 pictures), 10 × 14 (5 pictures)");
  });

  it.each([
    options,
    { attacks: [square.with({ queries: 20 })], norm: "l2", epsilons: [1, 3] },
    { attacks: [onePixel.with({ generations: 3 })], norm: "l0", epsilons: [1, 5] },
    { attacks: [rotationTranslation], norm: "spatial", epsilons: [1] },
  ] satisfies EvaluateOptions[])("in $norm, each is attacked as in a run of its size alone", async (how) => {
    const mixed = await using(modelFor(data.shape), (model) => evaluate(model, data, how));
    const records = untimed(mixed.records!);
    expect(records.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(records.map(({ source }) => source)).toEqual(records.map(({ index }) => data.sourceOf!(index)));
    const single: (typeof records)[number][] = [];
    for (const shape of shapes()) {
      const { records: some } = await using(modelFor(shape), (model) => evaluate(model, alone(data, shape), how));
      single.push(...untimed(some!));
    }
    expect(records).toEqual(single.sort((a, b) => a.index - b.index));
    expect(mixed.evaluation.model.pictures).toEqual({
      perturbed: true,
      resize: 9,
      interpolation: "bilinear",
      antialias: true,
      crop: 8,
    });
    // Neither all nor none.
    const outcomes = new Set(records.map(({ outcome }) => outcome));
    expect(outcomes).toContain("fooled");
    expect(outcomes.size).toBeGreaterThan(1);
  });

  it("give the same on threads, of a draw, and when they go on", async () => {
    for (const some of [options, { ...options, limit: 11 }]) {
      const here = await using(modelFor(data.shape), (model) => evaluate(model, data, some));
      const there = await using(modelFor(data.shape), (model) => evaluate(model, data, { ...some, place: twoWorkers }));
      const rest = async (result: typeof here) => ({ ...result.evaluation, cost: null, began: null, seconds: null });
      expect(untimed(there.records!)).toEqual(untimed(here.records!));
      expect((await rest(there)).worst).toEqual((await rest(here)).worst);

      const folder = join(home, `state-${some.limit ?? 0}`);
      await using(modelFor(data.shape), async (model) => {
        const begun = await openEvaluation(model, data, { ...some, batch: 2, state: folderState(folder) });
        let batches = 0;
        for await (const _ of begun) if (++batches === 4) break;
        await begun.close();
      });
      const resumed = await using(modelFor(data.shape), async (model) => {
        const state = folderState(folder, { resume: true });
        const open = await openEvaluation(model, data, { ...some, batch: 2, state });
        const result = await open.finish();
        expect(open.resumed).toBeGreaterThan(3);
        await open.close();
        return result;
      });
      expect(untimed(resumed.records!)).toEqual(untimed(here.records!));
      expect(resumed.pictures).toEqual(here.pictures);
      expect(resumed.evaluation.points.map(({ examples }) => examples)).toEqual(
        here.evaluation.points.map(({ examples }) => examples),
      );
    }
  });

  it("are attacked through another model of pictures too, with the checks that follow", async () => {
    const other = open(smallNetwork([3, 8, 8], 3, 5), { perturb: "picture", preprocessing, shape: data.shape });
    const through = (surrogate: GraphModel): EvaluateOptions => ({
      attacks: [transfer, square.with({ queries: 5 })],
      epsilons: [1 / 255],
      surrogate,
    });
    const { evaluation } = await using(other, (surrogate) =>
      using(modelFor(data.shape), (model) => evaluate(model, data, through(surrogate))),
    );
    expect(evaluation.attacks.map(({ attack }) => attack)).toEqual(["transfer", "square"]);
  });

  it("are refused where the model takes one size, an attack learns from others, or the network would get several", async () => {
    const bare = open(smallNetwork([3, 13, 11], 3));
    expect((await failure("mismatch", () => evaluate(bare, data, options))).message).toContain("several shapes");
    const model = modelFor(data.shape);
    const learning = evaluate(model, data, { attacks: [universal], epsilons: [0.1] });
    expect((await failure("usage", () => learning)).message).toContain("universal learns from other samples");
    const uncropped = open(smallNetwork([3, 10, 9], 3), {
      perturb: "picture",
      preprocessing: { resize: 9 },
      shape: data.shape,
    });
    const { message } = await failure("mismatch", () => evaluate(uncropped, data, options));
    expect(message).toContain("`preprocessing.crop`");
  });
});

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeNpz } from "../../src/datasets/npz.ts";
import { attacks } from "../../src/exports/attacks.ts";
import { encodePng } from "../../src/exports/report.ts";
import { adversarialExamples, type Dataset, datasetOf, evaluate } from "../../src/index.ts";
import { openDataset, openModel } from "../../src/node.ts";
import { emptyGraph } from "../../src/onnx/builder.ts";
import { writeOnnx } from "../../src/onnx/file.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";
import { failure } from "../support/datasets.ts";
import {
  fgsmStep,
  found,
  gradientOf,
  type Linear,
  largest,
  scores,
  slopesOf,
  stepped,
} from "../support/linear-truth.ts";
import { floats, graphOf, linearGraph, numbers } from "../support/models.ts";

/*
 * What people report of this field, each with small data of its kind and the value that is right. More of the same kinds: rounding
 * inside a model in src/autodiff/straight-through.test.ts, photographs in test/photo.test.ts, one output in models.test.ts.
 */
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "perturb-people-"));
});
afterAll(() => rm(folder, { recursive: true }));

const SHAPE = [3, 8, 8];
const SIZE = 192;
/** Class k is a bright block at place k of a grey picture, [3, 8, 8] in bytes. */
function picture(k: number, seed: number): Uint8Array {
  const noise = numbers(SIZE, seed, -0.08, 0.08);
  return Uint8Array.from(noise, (v, i) => 255 * (0.3 + v + (inBlock(i % 64, k) ? 0.25 : 0)));
}
const inBlock = (p: number, k: number): boolean => {
  const [row, column] = [Math.floor(p / 8), p % 8];
  return row >> 1 === k >> 2 && column >> 1 === k % 4;
};
/** A linear classifier that reads the blocks; `gain` of a class weighs its block. */
const reader = (classes: number, gain: (k: number) => number = () => 3): Linear => ({
  weights: Float32Array.from({ length: SIZE * classes }, (_, i) => {
    const k = i % classes;
    return inBlock(Math.floor(i / classes) % 64, k) ? gain(k) : 0;
  }),
  bias: new Array(classes).fill(0),
});
const values = (bytes: Uint8Array): Float32Array => Float32Array.from(bytes, (v) => v / 255);
const interleaved = (bytes: Uint8Array): Uint8Array => bytes.map((_, i) => bytes[(i % 3) * 64 + Math.floor(i / 3)]!);
const set = (classes: number, count = 40, more: object = {}) => {
  const labels = Array.from({ length: count }, (_, i) => i % classes);
  const pictures = labels.map((k, i) => picture(k, i));
  const x = floats(
    [count, ...SHAPE],
    pictures.flatMap((p) => [...values(p)]),
  );
  return { labels, pictures, x, data: datasetOf({ x, labels, classes, ...more }) };
};

let files = 0;
type Opened = Awaited<ReturnType<typeof openModel>>;
async function using<T>(
  from: Graph | Linear | string,
  work: (model: Opened) => Promise<T>,
  options: Parameters<typeof openModel>[1] = {},
): Promise<T> {
  const path = typeof from === "string" ? found(from) : join(folder, `${files++}.onnx`);
  if (typeof from !== "string")
    await writeFile(
      path,
      writeOnnx("weights" in from ? linearGraph(SHAPE, Float32Array.from(from.weights), from.bias) : from),
    );
  const model = await openModel(path, options);
  try {
    return await work(model);
  } finally {
    await model.release();
  }
}
/** Counts, clean and at each ε, and the warnings. */
async function measured(model: Opened, data: Dataset, more: Partial<Parameters<typeof evaluate>[2]> = {}) {
  const { evaluation } = await evaluate(model, data, {
    attacks: [attacks.fgsm],
    epsilons: [8 / 255],
    followUp: false,
    ...more,
  });
  const { clean, worst, warnings } = evaluation;
  return {
    evaluation,
    counts: [clean.correct, ...worst.map(({ correct }) => correct)],
    said: warnings.map(({ code, message }) => `${code}: ${message}`).join("\n"),
  };
}
async function pictures(
  root: string,
  listed: readonly (readonly [path: string, bytes: Uint8Array])[],
): Promise<string> {
  for (const [name, bytes] of listed) {
    const path = join(folder, root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return join(folder, root);
}
const png = (bytes: Uint8Array): Uint8Array =>
  encodePng({ width: 8, height: 8, channels: 3, data: interleaved(bytes) });

it("a feed with a row for each sample follows the samples", async () => {
  const N = 24;
  const labels = Array.from({ length: N }, (_, i) => (i * 7) % 4);
  const b = new Ops(emptyGraph("two"));
  const image = b.input({ name: "image", type: "float32", dims: ["N", ...SHAPE] });
  const meta = b.input({ name: "meta", type: "float32", dims: ["N", 4] });
  const small = reader(4, () => 0.6);
  const own = b.matmul(
    b.add("Flatten", [image], { axis: 1 }),
    b.constant(floats([SIZE, 4], small.weights as Float32Array)),
  );
  // The pictures lie: their block is that of the class after the label.
  b.alias("y", b.plus(own, meta));
  const lying = labels.map((k, i) => values(picture((k + 1) % 4, i)));
  const rows = labels.map((k) => [0, 1, 2, 3].map((c) => (c === k ? 4 : 0)));
  const data = datasetOf({
    x: floats(
      [N, ...SHAPE],
      lying.flatMap((x) => [...x]),
    ),
    labels,
    classes: 4,
  });
  const truth = (epsilon: number) =>
    lying.filter((x, i) => {
      const model = { ...small, bias: rows[i]! };
      return largest(scores(model, fgsmStep(model, x, labels[i]!, epsilon))) === labels[i];
    }).length;
  expect(truth(0)).toBe(N);
  await using(
    b.finish(["y"]),
    async (model) => {
      expect((await measured(model, data, { epsilons: [0.01, 0.15], batch: 5 })).counts).toEqual([
        N,
        truth(0.01),
        truth(0.15),
      ]);
      const { gradient } = await model.gradient(
        floats([2, ...SHAPE], [...lying[5]!, ...lying[9]!]),
        { kind: "untargeted", labels: Int32Array.of(labels[5]!, labels[9]!) },
        "cross-entropy",
        Int32Array.of(5, 9),
      );
      for (const [k, i] of [5, 9].entries()) {
        const truth = gradientOf({ ...small, bias: rows[i]! }, lying[i]!, labels[i]!);
        for (let j = 0; j < SIZE; j++) expect(Math.abs(gradient.data[SIZE * k + j]! - truth[j]!)).toBeLessThan(1e-6);
      }
    },
    { input: "image", feeds: new Map([["meta", floats([N, 4], rows.flat())]]) },
  );
});

describe("a folder of pictures", () => {
  it("of several sizes is refused with the options that bring them to one, which then work", async () => {
    const big = (k: number, factor: number) => {
      const bytes = interleaved(picture(k, k));
      const width = 8 * factor;
      const data = Uint8Array.from({ length: 3 * width * width }, (_, i) => {
        const [p, c] = [Math.floor(i / 3), i % 3];
        return bytes[(Math.floor(p / width / factor) * 8 + Math.floor((p % width) / factor)) * 3 + c]!;
      });
      return encodePng({ width, height: width, channels: 3, data });
    };
    const root = await pictures(
      "photos",
      [0, 1, 2, 3].flatMap((k) => [2, 3].map((factor) => [`${k}/${factor}.png`, big(k, factor)] as const)),
    );
    const as = async (more: object) => openDataset(root, { shape: SHAPE, ...more });
    await using(reader(4), async (model) => {
      const refused = await failure("mismatch", async () => measured(model, await as({})));
      expect(refused.message).toMatch(/24 × 24 pixels|16 × 16 pixels/);
      expect(refused.message).toContain("resize");
      expect((await measured(model, await as({ preprocessing: { resize: [8, 8] } }))).counts).toEqual([8, 8]);
    });
  });

  it("in folders that are numbers: each is the class of its number, all or some of them", async () => {
    const named = (name: string, classes: readonly number[], digits: number) =>
      pictures(
        name,
        classes.map((k) => [`${String(k).padStart(digits, "0")}/a.png`, png(picture(k, k))] as const),
      );
    await using(reader(12), async (model) => {
      const all = await measured(
        model,
        await openDataset(await named("all", [...Array(12).keys()], 1), { shape: SHAPE }),
      );
      expect(all.counts).toEqual([12, 12]);
      const some = await measured(model, await openDataset(await named("some", [3, 5, 8], 2), { shape: SHAPE }));
      expect(some.counts).toEqual([3, 3]);
      expect(some.said).toContain("3 class folders, and the model has 12 classes");
    });
  });

  it("in folders that the model numbers otherwise: the cause and the way are named, which is then right", async () => {
    // The model was trained on dog, cat, bird, ant; in text order they are 3, 2, 1, 0.
    const names = ["dog", "cat", "bird", "ant"];
    const root = await pictures(
      "animals",
      Array.from({ length: 40 }, (_, i) => [`${names[i % 4]}/${i}.png`, png(picture(i % 4, i))] as const),
    );
    const classFile = join(folder, "classes.txt");
    await writeFile(classFile, names.join("\n"));
    await using(reader(4), async (model) => {
      const wrong = await measured(model, await openDataset(root, { shape: SHAPE }), { followUp: true });
      expect(wrong.counts[0]).toBe(0);
      expect(wrong.said).toMatch(/likely-cause: .*folder "ant" as 3.*`classFile`.* 100\.00 % of 40 samples/);
      const right = await measured(model, await openDataset(root, { shape: SHAPE, classFile }));
      expect(right.counts).toEqual([40, 40]);
    });
  });

  it("with a limit is drawn over the classes", async () => {
    // The last four of eight classes are weak: their blocks weigh a quarter, and classes before them win.
    const weak = reader(8, (k) => (k < 4 ? 3 : 0.75));
    const root = await pictures(
      "sorted",
      Array.from(
        { length: 56 },
        (_, i) => [`${i % 8}/${String(i).padStart(3, "0")}.png`, png(picture(i % 8, i))] as const,
      ),
    );
    const data = await openDataset(root, { shape: SHAPE });
    await using(weak, async (model) => {
      expect((await measured(model, data)).counts[0]).toBe(28);
      const half = await measured(model, data, { limit: 28 });
      expect(half.counts[0]).toBe(14);
      expect(half.evaluation.data.drawn).toMatchObject({ of: 56 });
      // The head of the file holds two classes, both read well.
      const head = await measured(model, data, { limit: 14, order: "file" });
      expect(head.counts[0]).toBe(14);
      expect(head.said).toContain("few-classes");
    });
  });

  it("may be PPM or BMP, and links are named for what they are", async () => {
    const bytes = [0, 1, 2, 3].map((k) => picture(k, k));
    const ppm = bytes.map((p) => Uint8Array.of(...new TextEncoder().encode("P6 8 8 255\n"), ...interleaved(p)));
    const bmp = bytes.map((p) => {
      const file = new Uint8Array(54 + SIZE);
      const view = new DataView(file.buffer);
      file.set([66, 77]);
      for (const [at, value] of [
        [2, 54 + SIZE],
        [10, 54],
        [14, 40],
        [18, 8],
        [22, -8],
      ] as const)
        view.setInt32(at, value, true);
      view.setInt16(26, 1, true);
      view.setInt16(28, 24, true);
      const rgb = interleaved(p);
      for (let i = 0; i < SIZE; i++) file[54 + i] = rgb[3 * Math.floor(i / 3) + 2 - (i % 3)]!;
      return file;
    });
    await using(reader(4), async (model) => {
      for (const [kind, list] of [
        ["ppm", ppm],
        ["bmp", bmp],
      ] as const) {
        const root = await pictures(
          kind,
          list.map((file, k) => [`${k}/a.${kind}`, file] as const),
        );
        expect((await measured(model, await openDataset(root, { shape: SHAPE }))).counts).toEqual([4, 4]);
      }
    });
    const links = join(folder, "links");
    await mkdir(links);
    for (const k of [0, 1]) await symlink(join(folder, "ppm", String(k)), join(links, String(k)));
    expect((await failure("unsafe-file", () => openDataset(links, { shape: SHAPE }))).message).toMatch(
      /link to a folder/,
    );
  });
});

it("one pixel of a colour picture is one, whatever its channels", async () => {
  // Any bright pixel in the corner makes class 0 of a picture.
  const corner = reader(4);
  const weights = Float32Array.from(corner.weights);
  for (const c of [0, 1, 2]) weights[(64 * c + 63) * 4] = 40;
  const labels = Array.from({ length: 12 }, (_, i) => 1 + (i % 3));
  const x = labels.flatMap((k, i) => Array.from(values(picture(k, i)), (v, p) => (p % 64 === 63 ? 0 : v)));
  const data = datasetOf({ x: floats([12, ...SHAPE], x), labels, classes: 4 });
  await using({ weights, bias: corner.bias }, async (model) => {
    const given = { attacks: [attacks["one-pixel"]], norm: "l0" as const, epsilons: [1, 2] };
    expect((await measured(model, data, given)).counts).toEqual([12, 0, 0]);
  });
});

it("scores that are labels are told, with attacks that decisions are enough for", async () => {
  const { data } = set(4);
  await using("people/hard.onnx", async (model) => {
    const square = await measured(model, data, { attacks: [attacks.square.with({ queries: 20 })], epsilons: [0.15] });
    expect(square.counts[0]).toBe(40);
    expect(square.said).toMatch(/hard-labels: .*hopskipjump/);
    expect(square.said).not.toMatch(/add .*square/);
  });
});

it("pixels that were normalized and brought back are pixels", async () => {
  const { x, labels } = set(4);
  const [mean, std] = [
    [0.4914, 0.4822, 0.4465],
    [0.2023, 0.1994, 0.201],
  ].map((one) => one.map(Math.fround));
  const back = x.data.map((v, i) => {
    const c = Math.floor((i % SIZE) / 64);
    const z = Math.fround(Math.fround((i % 64 === 63 ? 0 : v) - mean![c]!) / std![c]!);
    return Math.fround(Math.fround(z * std![c]!) + mean![c]!);
  });
  expect(Math.min(...back)).toBeLessThan(0);
  await using(reader(4), async (model) => {
    const { counts, said } = await measured(model, datasetOf({ x: floats([40, ...SHAPE], back), labels, classes: 4 }));
    expect(counts).toEqual([40, 40]);
    expect(said).toMatch(/rounded-into-bounds: \d+ values of 40 samples/);
  });
});

it("examples that an attack wrote are read back as the examples, with the labels of their samples", async () => {
  const { data } = set(4, 8);
  await using(reader(4), async (model) => {
    const given = { attacks: [attacks.pgd], epsilons: [0.2], levels: 256 };
    const found: { x: number[]; labels: number[]; right: number } = { x: [], labels: [], right: 0 };
    for await (const [one] of await adversarialExamples(model, data, given)) {
      found.x.push(...one!.adversarial.data);
      found.labels.push(...one!.batch.labels);
      found.right += one!.predictions.filter((p, i) => p === one!.batch.labels[i]).length;
    }
    const n = found.labels.length;
    await writeFile(
      join(folder, "adversarial.npz"),
      writeNpz({
        x: { type: "float32", dims: [n, ...SHAPE], data: new Float32Array(n * SIZE) },
        x_adv: { type: "float32", dims: [n, ...SHAPE], data: Float32Array.from(found.x) },
        label: { type: "int32", dims: [n], data: Int32Array.from(found.labels) },
        epsilon: { type: "float64", dims: [n], data: new Float64Array(n).fill(0.2) },
      }),
    );
    const again = await measured(model, await openDataset(join(folder, "adversarial.npz"), { shape: SHAPE }), {
      followUp: true,
    });
    expect(again.counts[0]).toBe(found.right);
    expect(found.right).toBeLessThan(8);
    expect(again.said).toContain("what perturb attack made");
    // They are meant to be taken wrongly, which has no cause to look for.
    expect(again.said).not.toMatch(/likely-cause|chance-accuracy/);
  });
});

it("a surrogate has its own preprocessing, and one that reads the data badly is told", async () => {
  // The two networks are one, with its normalization inside and outside: colour digits as the files have them.
  const mean = [0.485, 0.456, 0.406];
  const std = [0.229, 0.224, 0.225];
  const x = floats([30, 3, 32, 32], numbers(30 * 3072, 3, 0, 1));
  await using("people/normalizes-itself.onnx", async (model) => {
    const { data: logits } = await model.logits(x);
    const labels = Array.from({ length: 30 }, (_, i) =>
      largest([...logits.subarray(i * model.classes, (i + 1) * model.classes)]),
    );
    const data = datasetOf({ x, labels, classes: model.classes });
    const given = { attacks: [attacks.transfer], epsilons: [16 / 255] };
    const self = await measured(model, data, { ...given, surrogate: model });
    expect(self.evaluation.surrogate).toMatchObject({ correct: 30 });
    await using(
      "people/wants-normalized.onnx",
      async (surrogate) => {
        const right = await measured(model, data, { ...given, surrogate });
        expect(right.counts).toEqual(self.counts);
        expect(right.said).not.toContain("surrogate");
      },
      { normalization: { mean, std } },
    );
    await using("people/wants-normalized.onnx", async (surrogate) => {
      const wrong = await measured(model, data, { ...given, surrogate });
      expect(wrong.said).toMatch(/surrogate .* is right on/);
    });
  });
});

it("arrays of the other layout are turned, and say so", async () => {
  const { pictures: bytes, labels } = set(4, 12);
  const x = floats(
    [12, 8, 8, 3],
    bytes.flatMap((p) => [...values(interleaved(p))]),
  );
  await using(reader(4), async (model) => {
    const { counts, said } = await measured(model, datasetOf({ x, labels, classes: 4 }));
    expect(counts).toEqual([12, 12]);
    expect(said).toContain("transposed");
  });
});

it("a standardized table is measured in its own units once its bounds are given", async () => {
  const rows = Array.from({ length: 80 }, (_, i) => [...numbers(6, i, -3, 3)]);
  const labels = rows.map(([a, b]) => Number(a! - b! > 0));
  const data = datasetOf({ x: floats([80, 6], rows.flat()), labels, classes: 2 });
  const weights = new Float32Array(12);
  weights.set([-1, 1, 1, -1]);
  const table = linearGraph([6], weights, [0, 0]);
  await using(table, async (model) =>
    expect((await failure("out-of-bounds", () => measured(model, data))).message).toContain("bounds"),
  );
  // The margin is twice a - b, and two elements move it: a sample stands where |a - b| > 2 ε, as far as the bounds let it move.
  const standing = rows.filter(([a, b]) => {
    const sign = Math.sign(a! - b!);
    const clip = (v: number) => Math.min(Math.max(v, -3), 3);
    return sign * (clip(a! - 0.5 * sign) - clip(b! + 0.5 * sign)) > 0;
  });
  await using(
    table,
    async (model) => expect((await measured(model, data, { epsilons: [0.5] })).counts).toEqual([80, standing.length]),
    { bounds: { lower: -3, upper: 3 } },
  );
});

it("ε = 8 in place of 8/255 is told", async () => {
  const { data } = set(4);
  await using(reader(4), async (model) => {
    const { said, counts } = await measured(model, data, { epsilons: [8] });
    expect(said).toContain("Did you mean 8/255?");
    expect(counts).toEqual([40, 0]);
  });
});

it.each([2, 3])("AutoAttack on %i classes leaves out what cannot be, and says so", async (classes) => {
  const model = reader(classes);
  const { data, pictures: all, labels } = set(classes, 12);
  // The nearest of the other classes by its margin over the box of ε: exact for a linear model.
  const epsilon = 0.11;
  const standing = all.filter((bytes, i) => {
    const x = values(bytes);
    return Array.from({ length: classes }, (_, c) => c).every((c) => {
      if (c === labels[i]) return true;
      const slope = (k: number) => model.weights[k * classes + c]! - model.weights[k * classes + labels[i]!]!;
      const moved = Array.from(x, (v, k) => Math.min(Math.max(v + epsilon * Math.sign(slope(k)), 0), 1));
      const z = scores(model, moved);
      return z[c]! < z[labels[i]!]!;
    });
  });
  await using(model, async (opened) => {
    const { counts, said } = await measured(opened, data, { attacks: [attacks.autoattack], epsilons: [epsilon] });
    expect(counts).toEqual([12, standing.length]);
    expect(said).toContain("member-left-out");
  });
});

it("rounding to 16 levels stops the gradient, and passes it where that is asked for", async () => {
  const rounds = graphOf(SHAPE, (b, x) => {
    const fifteen = b.scalar(15, x);
    const levels = b.add("Round", [b.mul(x, fifteen)]);
    return b.matmul(
      b.add("Flatten", [levels], { axis: 1 }),
      b.constant(floats([SIZE, 4], reader(4, () => 0.1).weights as Float32Array)),
    );
  });
  const { data, pictures: all, labels } = set(4);
  const model = reader(4, () => 0.1);
  const rounded = (x: ArrayLike<number>) =>
    scores(
      model,
      Array.from(x, (v) => Math.round(15 * v)),
    );
  await using(rounds, async (opened) => {
    expect((await failure("no-gradient", () => measured(opened, data))).message).toMatch(/Round.*straightThrough/s);
  });
  await using(
    rounds,
    async (opened) => {
      const { counts } = await measured(opened, data, { epsilons: [0.2] });
      const standing = all.filter((bytes, i) => {
        const x = values(bytes);
        const slopes = slopesOf(rounded(x), labels[i]!);
        const gradient = Array.from(x, (_, k) =>
          slopes.reduce((a, slope, c) => a + slope * model.weights[4 * k + c]!, 0),
        );
        const moved = stepped(x, gradient, 0.2);
        return largest(rounded(moved)) === labels[i];
      });
      expect(counts[0]).toBe(all.filter((bytes, i) => largest(rounded(values(bytes))) === labels[i]).length);
      expect(counts[1]).toBe(standing.length);
    },
    { straightThrough: ["Round"] },
  );
});

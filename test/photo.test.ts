import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { predict } from "../src/attack.ts";
import { pgd } from "../src/attacks/gradient/pgd.ts";
import { writePictures } from "../src/cli/attack-pictures.ts";
import type { Dataset } from "../src/dataset.ts";
import { openDataset } from "../src/datasets/locate.node.ts";
import { readNpy, writeNpy } from "../src/datasets/npy.ts";
import { readNpz } from "../src/datasets/npz.ts";
import { adversarialExamples } from "../src/evaluate/adversarial.ts";
import { type GraphModel, modelFor } from "../src/models/classifier/graph-model.ts";
import { openModel } from "../src/models/open.node.ts";
import { start } from "./support/cli.ts";
import { using } from "./support/models.ts";

// A network of torchvision, JPEGs, and the logits of its own pipeline: see tools/photo-pipeline.
const FOLDER = fileURLToPath(new URL("fixtures/photo/", import.meta.url));
const LOGITS = JSON.parse(readFileSync(join(FOLDER, "logits.json"), "utf8")) as Readonly<Record<string, number[]>>;
const STEPS = { resize: 72, crop: 64 };
const preprocessing = { ...STEPS, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const NETWORK = [3, 64, 64];

const networkAlone = () => openModel(join(FOLDER, "net.onnx"), { preprocessing });
const ofPictures = (shape: readonly number[]) =>
  openModel(join(FOLDER, "net.onnx"), { preprocessing, perturb: "picture", shape });

/** The logits of each sample, and how many are right. */
async function answers(model: GraphModel, data: Dataset) {
  const logits: number[][] = [];
  let correct = 0;
  for await (const { x, labels } of data.batches({ batch: 32 })) {
    const found = await model.logits(x);
    for (let i = 0; i < labels.length; i++) logits.push([...found.data.subarray(4 * i, 4 * i + 4)]);
    correct += predict(found).filter((p, i) => p === labels[i]).length;
  }
  return { logits, correct };
}

describe("a photo pipeline", () => {
  it.each([
    { size: "96x80", shape: [3, 80, 96], correct: 8 },
    { size: "64x64", shape: [3, 64, 64], correct: 4 },
  ])("of $size: the same answers as torchvision's, whichever side resizes", async ({ size, shape, correct }) => {
    const data = await openDataset(join(FOLDER, size), { preprocessing, shape: NETWORK });
    const own = await openDataset(join(FOLDER, size), { ownSize: { channels: 3 } });
    expect(own.shape).toEqual(shape);
    const reference = Object.entries(LOGITS).flatMap(([path, logits]) => (path.startsWith(size) ? [logits] : []));
    const alone = await using(await networkAlone(), (model) => answers(model, data));
    const whole = await using(await ofPictures(shape), (model) => answers(model, own));
    expect([alone.correct, whole.correct]).toEqual([correct, correct]);
    expect(whole.logits.flat()).toEqual(alone.logits.flat().map((v) => expect.closeTo(v, 4)));
    // Pillow's decoder of JPEGs and that of sharp may differ by a byte.
    expect(alone.logits.flat()).toEqual(reference.flat().map((v) => expect.closeTo(v, 3)));
  });

  it("takes pictures of several sizes in one run, with the answers of torchvision's pipeline for each", async () => {
    const data = await openDataset(FOLDER, { ownSize: {} });
    expect([data.size, data.shape]).toEqual([13, [3, 80, 96]]);
    const found = new Map<string, number[]>();
    await using(await ofPictures(data.shape), async (model) => {
      for await (const { x, indices } of data.batches({ batch: 4 })) {
        const { data: logits } = await (await modelFor(model, x)).logits(x);
        for (const [i, index] of indices.entries())
          found.set(data.sourceOf!(index), [...logits.subarray(4 * i, 4 * i + 4)]);
      }
    });
    for (const [path, logits] of Object.entries(LOGITS))
      expect(found.get(path)).toEqual(logits.map((v) => expect.closeTo(v, 3)));
  });
});

describe("pictures that fool", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "perturb-photo-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("are as many when their files go through the pipeline", async () => {
    const model = await ofPictures([3, 80, 96]);
    const alone = await networkAlone();
    const data = await openDataset(join(FOLDER, "96x80"), { ownSize: { channels: 3 } });
    const attacks = [pgd.with({ steps: 5 })];
    let [fooled, lasting] = [0, 0];
    for await (const results of await adversarialExamples(model, data, { attacks, epsilons: [4 / 255] }))
      for (const result of results) {
        fooled += result.success.reduce((a, b) => a + b, 0);
        const options = { target: null, exact: true, sourceOf: () => undefined };
        lasting += await writePictures(folder, result, model, {
          ...options,
          pipeline: { model: alone, steps: STEPS },
        });
      }
    expect(fooled).toBeGreaterThan(3);
    expect(lasting).toBe(fooled);
    const [written] = await readdir(folder);
    const read = await openDataset(join(folder, written!), { preprocessing, shape: NETWORK });
    expect([read.size, (await answers(alone, read)).correct]).toEqual([fooled, 0]);
    await Promise.all([model.release(), alone.release()]);
  });
});

it("gradient and saliency take the picture at its own size too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "perturb-photo-"));
  try {
    const data = await openDataset(join(FOLDER, "96x80"), { ownSize: { channels: 3 } });
    for await (const { x, labels } of data.batches({ batch: 1, limit: 1 })) {
      await writeFile(join(folder, "x.npy"), writeNpy(x));
      await writeFile(join(folder, "y.npy"), writeNpy({ type: "int32", dims: [1], data: labels }));
      const expected = await using(await ofPictures(data.shape), async (model) =>
        Promise.all(
          (["cross-entropy", "logit"] as const).map(
            async (loss) => (await model.gradient(x, { kind: "untargeted", labels }, loss)).gradient,
          ),
        ),
      );
      const steps = ["--resize", "72", "--crop", "64", "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"];
      const common = [join(FOLDER, "net.onnx"), ...steps, "--perturb", "picture", "--quiet"];
      const image = join(FOLDER, "96x80", data.sourceOf!(0));
      const found = await Promise.all([
        start(["gradient", ...common, "--input", "x.npy", "--labels", "y.npy", "--values", "g.npy"], folder).ended,
        start(
          [
            "saliency",
            ...common,
            "--image",
            image,
            "--class",
            "0",
            "--method",
            "gradient",
            "--values",
            "s.npz",
            "--out",
            "s.png",
          ],
          folder,
        ).ended,
      ]);
      expect(found.map(({ code }) => code)).toEqual([0, 0]);
      const bytes = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
      expect(readNpy(bytes("g.npy"), "g.npy")).toEqual(expected[0]);
      const map = readNpz(bytes("s.npz"), "s.npz").get("gradient")!;
      expect(map.dims).toEqual([1, 3, 80, 96]);
      expect([...map.data]).toEqual([...expected[1]!.data].map((v) => expect.closeTo(v, 5)));
      const refused = await start(["inspect", join(FOLDER, "net.onnx"), "--perturb", "picture"], folder).ended;
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("gradient and saliency")]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attacks } from "../../src/exports/attacks.ts";
import { encodePng } from "../../src/exports/report.ts";
import { datasetOf, evaluate } from "../../src/index.ts";
import { openDataset, openModel } from "../../src/node.ts";
import { failure } from "../support/datasets.ts";
import {
  fgsmStep,
  found,
  gradientOf,
  type Linear,
  labelledBy,
  largest,
  scores,
  weightsIn,
} from "../support/linear-truth.ts";
import { floats, numbers } from "../support/models.ts";

/*
 * Small models of the kinds that other people's files are of, each with the value that is right. More of the same kinds: heads in
 * src/autodiff/scores.test.ts and src/evaluate/heads.test.ts, an If on values in src/autodiff/lowerings/branches.test.ts, recurrent
 * networks in src/autodiff/lowerings/recurrent-scan.test.ts, bounds in src/evaluate/units.test.ts.
 */
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "perturb-findings-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Opened = Awaited<ReturnType<typeof openModel>>;
async function using<T>(
  file: string,
  work: (model: Opened) => Promise<T>,
  options: Parameters<typeof openModel>[1] = {},
): Promise<T> {
  const model = await openModel(found(`models/${file}`), options);
  try {
    return await work(model);
  } finally {
    await model.release();
  }
}
const counted = async (...given: Parameters<typeof evaluate>) => {
  const { evaluation } = await evaluate(...given);
  return [evaluation.clean.correct, ...evaluation.worst.map(({ correct }) => correct)];
};
const GREY = [1, 4, 4];

describe("one output with a sigmoid", () => {
  const model: Linear = { weights: weightsIn("models/sigmoid1.onnx", "W"), bias: [-1] };
  const classOf = (x: ArrayLike<number>) => Number(scores(model, x)[0]! > 0);
  /** Standing at ε: class 1 is lowered along the weights, class 0 raised. */
  const stands = (x: ArrayLike<number>, label: number, epsilon: number) =>
    classOf(
      Array.from(x, (v, k) => Math.min(Math.max(v + (label ? -1 : 1) * epsilon * Math.sign(model.weights[k]!), 0), 1)),
    ) === label;

  it("falls as far as its margins allow, with labels of both classes and of one alone", async () => {
    const data = labelledBy(GREY, 60, classOf, { classes: 2 });
    const zero = datasetOf({
      x: Float32Array.from(data.samples.flatMap((x) => [...x])),
      shape: GREY,
      labels: new Array(60).fill(0),
      classes: 2,
    });
    const labels = data.samples.map(classOf);
    expect(new Set(labels).size).toBe(2);
    await using("sigmoid1.onnx", async (opened) => {
      const given = { attacks: [attacks.pgd, attacks.square], epsilons: [0.05, 0.1, 1], followUp: false };
      const truth = (all: readonly number[]) => [
        data.samples.filter((x, i) => classOf(x) === all[i]).length,
        ...given.epsilons.map(
          (e) => data.samples.filter((x, i) => classOf(x) === all[i] && stands(x, all[i]!, e)).length,
        ),
      ];
      expect(await counted(opened, data, given)).toEqual(truth(labels));
      expect(await counted(opened, zero, given)).toEqual(truth(labels.map(() => 0)));
      expect(truth(labels).at(-1)).toBe(0);
    });
  });

  it("has the gradient of the binary cross-entropy", async () => {
    await using("sigmoid1.onnx", async (opened) => {
      const x = numbers(3 * 16, 9, 0, 1);
      const labels = Int32Array.of(0, 1, 0);
      const { gradient, loss } = await opened.gradient(floats([3, ...GREY], x), { kind: "untargeted", labels });
      for (const [i, label] of labels.entries()) {
        const [z] = scores(model, x.subarray(16 * i, 16 * i + 16)) as [number];
        const p = 1 / (1 + Math.exp(-z));
        expect(loss.data[i]).toBeCloseTo(-Math.log(label ? p : 1 - p), 5);
        for (let k = 0; k < 16; k++) expect(gradient.data[16 * i + k]).toBeCloseTo((p - label) * model.weights[k]!, 5);
      }
    });
  });
});

describe("a model without a batch axis", () => {
  const model: Linear = {
    weights: weightsIn("models/nobatch13.onnx", "W"),
    bias: [...weightsIn("models/nobatch13.onnx", "b")],
  };

  it("takes each [4, 8] for one sample", async () => {
    const data = labelledBy([4, 8], 30, (x) => largest(scores(model, x)), { classes: 3 });
    await using("nobatch13.onnx", async (opened) => {
      expect(opened).toMatchObject({ inputShape: [4, 8], classes: 3 });
      const x = floats(
        [2, 4, 8],
        data.samples.slice(0, 2).flatMap((v) => [...v]),
      );
      const { gradient } = await opened.gradient(x, { kind: "untargeted", labels: Int32Array.of(1, 0) });
      for (const [i, label] of [1, 0].entries()) {
        const truth = gradientOf(model, data.samples[i]!, label);
        for (let k = 0; k < 32; k++) expect(gradient.data[32 * i + k]).toBeCloseTo(truth[k]!, 5);
      }
      const standing = data.samples.filter((v) => {
        const label = largest(scores(model, v));
        return largest(scores(model, fgsmStep(model, v, label, 0.05))) === label;
      });
      expect(await counted(opened, data, { attacks: [attacks.fgsm], epsilons: [0.05] })).toEqual([30, standing.length]);
      // Rows of a sample are no samples.
      const rows = labelledBy([8], 24, () => 1, { classes: 3 });
      await failure("mismatch", () => evaluate(opened, rows, { attacks: [attacks.fgsm], epsilons: [0.1] }));
    });
  });
});

describe("a batch that the graph fixes to one", () => {
  it("is run sample by sample, and the gradient is that of each", async () => {
    await using("fixed1_noise.onnx", async (opened) => {
      const x = numbers(4 * 48, 3, 0, 1);
      const labels = Int32Array.of(0, 1, 2, 0);
      const all = await opened.gradient(floats([4, 6, 8], x), { kind: "untargeted", labels });
      // Of the concatenation [x, x_0] W: 48 rows of weights, and 8 more for the first row of each sample.
      const weights = weightsIn("models/fixed1_noise.onnx", "W");
      for (const [i, label] of labels.entries()) {
        const v = x.subarray(48 * i, 48 * i + 48);
        const truth = gradientOf({ weights, bias: [0, 0, 0] }, [...v, ...v.subarray(0, 8)], label);
        for (let k = 0; k < 48; k++)
          expect(all.gradient.data[48 * i + k]).toBeCloseTo(truth[k]! + (k < 8 ? truth[48 + k]! : 0), 5);
      }
    });
  });
});

describe("channels last", () => {
  const W = weightsIn("models/nhwc.onnx", "W");
  /** The mean over places of a 3 × 3 convolution, from pixels in [H, W, C]. */
  const logitsOf = (x: ArrayLike<number>) =>
    Array.from({ length: 5 }, (_, o) => {
      let sum = 0;
      for (let r = 0; r < 6; r++)
        for (let s = 0; s < 6; s++)
          for (let c = 0; c < 3; c++)
            for (let k = 0; k < 9; k++)
              sum += W[(3 * o + c) * 9 + k]! * x[((r + Math.floor(k / 3)) * 8 + s + (k % 3)) * 3 + c]!;
      return sum / 36;
    });
  const noise = numbers(12 * 192, 4, 0, 1);
  /** Of many colours, so that their classes differ. */
  const pictures = Array.from({ length: 12 }, (_, i) =>
    Uint8Array.from(noise.subarray(192 * i, 192 * i + 192), (v, k) => 60 * v + 190 * ((i >> (k % 3)) & 1)),
  );
  const given = { attacks: [attacks.fgsm], epsilons: [0] };

  it("takes pictures of a folder, arrays of either kind, and three means", async () => {
    const [mean, std] = [
      [0.5, 0.4, 0.3],
      [0.1, 0.3, 0.2],
    ];
    const classOf = (x: ArrayLike<number>) =>
      largest(logitsOf(Array.from(x, (v, i) => (v / 255 - mean[i % 3]!) / std[i % 3]!)));
    const root = join(folder, "nhwc");
    for (const [i, data] of pictures.entries()) {
      const path = join(root, String(classOf(data)), `${i}.png`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, encodePng({ width: 8, height: 8, channels: 3, data }));
    }
    const x = floats(
      [12, 8, 8, 3],
      pictures.flatMap((data) => Array.from(data, (v) => v / 255)),
    );
    const turned = floats(
      [12, 3, 8, 8],
      pictures.flatMap((data) =>
        [0, 1, 2].flatMap((c) => Array.from({ length: 64 }, (_, p) => data[3 * p + c]! / 255)),
      ),
    );
    const labels = pictures.map(classOf);
    expect(new Set(labels).size).toBeGreaterThan(2);
    await using(
      "nhwc.onnx",
      async (opened) => {
        const images = await openDataset(root, { shape: opened.inputShape });
        expect(await counted(opened, images, given)).toEqual([12, 12]);
        for (const one of [x, turned])
          expect(await counted(opened, datasetOf({ x: one, labels, classes: 5 }), given)).toEqual([12, 12]);
      },
      { normalization: { mean, std } },
    );
  });
});

describe("class folders", () => {
  it("that are empty keep their number, and one that is named by a number has that of its class", async () => {
    const model: Linear = { weights: weightsIn("models/two.onnx", "W"), bias: [...weightsIn("models/two.onnx", "b")] };
    const one = Array.from(numbers(400 * 16, 6, 0, 256), Math.floor);
    const ofClass1 = Array.from({ length: 400 }, (_, i) => Uint8Array.from(one.slice(16 * i, 16 * i + 16)))
      .filter(
        (x) =>
          largest(
            scores(
              model,
              Array.from(x, (v) => v / 255),
            ),
          ) === 1,
      )
      .slice(0, 3);
    expect(ofClass1).toHaveLength(3);
    await using("two.onnx", async (opened) => {
      for (const [name, folders] of [
        ["empty", ["a", "b"]],
        ["number", ["0001"]],
      ] as const) {
        for (const sub of folders) await mkdir(join(folder, name, sub), { recursive: true });
        for (const [i, data] of ofClass1.entries())
          await writeFile(
            join(folder, name, folders.at(-1)!, `${i}.png`),
            encodePng({ width: 4, height: 4, channels: 1, data }),
          );
        const data = await openDataset(join(folder, name), { shape: opened.inputShape });
        expect(await counted(opened, data, { attacks: [attacks.fgsm], epsilons: [0] })).toEqual([3, 3]);
      }
    });
  });
});

describe("whole numbers", () => {
  const weights = weightsIn("models/uint8.onnx", "W");
  const model: Linear = { weights: Array.from(weights, (w) => 255 * w), bias: [0, 0, 0] };

  it("of pixels are differentiated, and black-box attacks run on them", async () => {
    const bytes = Array.from(numbers(40 * 16, 8, 0, 256), Math.floor);
    const samples = Array.from({ length: 40 }, (_, i) => bytes.slice(16 * i, 16 * i + 16).map((v) => v / 255));
    const labels = samples.map((x) => largest(scores(model, x)));
    const data = datasetOf({ x: floats([40, ...GREY], samples.flat()), labels, classes: 3 });
    const epsilon = 40 / 255;
    const standing = samples.filter(
      (x, i) => largest(scores(model, fgsmStep(model, x, labels[i]!, epsilon))) === labels[i],
    );
    await using("uint8.onnx", async (opened) => {
      expect(await counted(opened, data, { attacks: [attacks.fgsm], epsilons: [epsilon] })).toEqual([
        40,
        standing.length,
      ]);
      const [clean, square] = await counted(opened, data, {
        attacks: [attacks.square],
        epsilons: [epsilon],
        followUp: false,
      });
      expect(clean).toBe(40);
      expect(square).toBeLessThan(40);
    });
  });

  it("of token ids are refused, with the way to embeddings", async () => {
    expect((await failure("unsupported", () => openModel(found("models/tokens.onnx")))).message).toMatch(/embedding/);
  });
});

describe("what stands in the way", () => {
  it("time-major scores are refused with the way to pool them, and pooled are exact", async () => {
    expect((await failure("unsupported", () => openModel(found("models/timemajor.onnx")))).message).toContain("pool");
    const model: Linear = { weights: weightsIn("models/timemajor.onnx", "W"), bias: [0, 0, 0, 0, 0] };
    const data = labelledBy(GREY, 20, (x) => largest(scores(model, x)), { classes: 5 });
    await using(
      "timemajor.onnx",
      async (opened) =>
        expect(await counted(opened, data, { attacks: [attacks.fgsm], epsilons: [0] })).toEqual([20, 20]),
      { pool: { how: "mean", axis: 0 } },
    );
  });

  it("a Sign is named, with the option that lets the gradient pass", async () => {
    const data = labelledBy(GREY, 8, () => 0, { classes: 3 });
    await using("binarised.onnx", async (opened) => {
      const { message } = await failure("no-gradient", () =>
        evaluate(opened, data, { attacks: [attacks.fgsm], epsilons: [0.1] }),
      );
      expect(message).toContain("Sign");
      expect(message).toContain("straightThrough");
    });
    // With it, the gradient is that of the straight line through: (p - onehot) Vᵀ Wᵀ.
    const [W, V] = [weightsIn("models/binarised.onnx", "W"), weightsIn("models/binarised.onnx", "V")];
    const b = [...weightsIn("models/binarised.onnx", "b")];
    await using(
      "binarised.onnx",
      async (opened) => {
        const [x] = data.samples as readonly [Float32Array];
        const { gradient } = await opened.gradient(floats([1, ...GREY], x), {
          kind: "untargeted",
          labels: Int32Array.of(0),
        });
        const signs = scores({ weights: W, bias: b }, x).map(Math.sign);
        const back = gradientOf({ weights: V, bias: [0, 0, 0] }, signs, 0);
        for (let k = 0; k < 16; k++)
          expect(gradient.data[k]).toBeCloseTo(
            back.reduce((a, v, h) => a + v * W[32 * k + h]!, 0),
            4,
          );
      },
      { straightThrough: ["Sign"] },
    );
  });

  it("dlr on two classes says what to take, and margins are exact there", async () => {
    const model: Linear = { weights: weightsIn("models/two.onnx", "W"), bias: [...weightsIn("models/two.onnx", "b")] };
    const data = labelledBy(GREY, 40, (x) => largest(scores(model, x)), { classes: 2 });
    const standing = data.samples.filter((x) => {
      const label = largest(scores(model, x));
      return largest(scores(model, fgsmStep(model, x, label, 0.1))) === label;
    }).length;
    await using("two.onnx", async (opened) => {
      const dlr = { attacks: [attacks.pgd.with({ loss: "dlr" })], epsilons: [0.1] };
      expect((await failure("usage", () => evaluate(opened, data, dlr))).message).toMatch(/margin or cross-entropy/);
      const x = floats([1, ...GREY], data.samples[0]!);
      await failure("usage", () => opened.gradient(x, { kind: "untargeted", labels: Int32Array.of(0) }, "dlr"));
      // Of two classes the sign of every loss is one, and all iterated attacks reach the corner.
      for (const attack of [attacks.pgd, attacks.autoattack])
        expect(await counted(opened, data, { attacks: [attack], epsilons: [0.1], followUp: false })).toEqual([
          40,
          standing,
        ]);
    });
  });
});

describe("hostile files", () => {
  it("rows that are missing are no zeros: another number of rows than was asked for is refused", async () => {
    const open = async () => {
      const model = await openModel(found("hostile/wrong-logits-length.onnx"));
      try {
        const { data } = await model.logits(floats([3, 4], numbers(12, 2, 0, 1)));
        return data;
      } finally {
        await model.release();
      }
    };
    await failure("mismatch", open);
  });

  it("names of nodes are escaped in messages", async () => {
    const { message } = await failure("runtime", () => openModel(found("hostile/terminal-escape.onnx")));
    expect(message).toContain("\\u001b");
    expect(message.split("").every((c) => c >= " " && c !== "\u007f")).toBe(true);
  });
});

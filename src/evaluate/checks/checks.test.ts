import { beforeAll, describe, expect, it } from "vitest";
import { firstBatch } from "../../../test/support/datasets.ts";
import { counts, run } from "../../../test/support/evaluate.ts";
import {
  arrayDataset,
  dense,
  floats,
  graphOf,
  lenetFile,
  lenetGraph,
  linearGraph,
  numbers,
  open,
  smallNetwork,
  twoClassGraph,
  using,
} from "../../../test/support/models.ts";
import { predict } from "../../attack.ts";
import { attacks } from "../../attacks/index.ts";
import { asClassifier } from "../../autodiff/differentiate.ts";
import type { Batch, Dataset } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { type ClassifierFile, classifierFile } from "../../models/classifier/classifier.ts";
import { normalizeInput } from "../../models/classifier/preprocess.ts";
import { revealHead } from "../../models/classifier/reveal.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { renameValues } from "../../onnx/rewrite.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { accuracyOf } from "../results/statistics.ts";
import { atChance } from "./checks.ts";
import { diagnose } from "./diagnose.ts";

let mnist: Dataset;
let digits: Batch;
beforeAll(async () => {
  mnist = await openDataset("mnist");
  digits = await firstBatch(mnist, 200);
});

const codes = async (file: ClassifierFile, data: Dataset, given = {}) =>
  (await run(file, data, { epsilons: [0.1], ...given })).evaluation.warnings.map((w) => w.code);
const appended = (graph: Graph, make: (b: Ops, y: string) => string): Graph => {
  const b = new Ops(graph, "tail");
  return b.finish([make(b, graph.outputs[0]!.name)]);
};
/** LeNet behind (x - mean) / std, in the file rather than in its options. */
const behind = (mean: number, std: number) =>
  normalizeInput(asClassifier(lenetGraph()).graph, { mean: [mean], std: [std] });

/** Two classes by the mean of one channel against a threshold, both in the units that the model sees. */
const threshold = (channel: number, at: number): Graph =>
  linearGraph(
    SHAPE,
    Float32Array.from({ length: 24 }, (_, i) => (i % 2 === 1 && Math.floor(i / 8) === channel ? 1 / 4 : 0)),
    [at, 0],
  );
const SHAPE = [3, 2, 2];
/** 200 samples in [0, most], labelled by the mean of a channel against a threshold in pixels. */
function samples(channel: number, at: number, most = 1): Batch {
  const x = floats([200, ...SHAPE], numbers(2400, 3, 0, most));
  const labels = Int32Array.from({ length: 200 }, (_, i) =>
    Number(x.data.subarray(12 * i + 4 * channel, 12 * i + 4 * channel + 4).reduce((a, b) => a + b, 0) / 4 > at),
  );
  return { x, labels, indices: Int32Array.from(labels.keys()) };
}

describe("diagnose", () => {
  it.each([
    ["pixels from 0 to 255", behind(0, 255)],
    ["inverted pixels", inverted()],
  ])("finds that LeNet expects %s", async (name, graph) => {
    const right = await using(
      open(lenetGraph()),
      async (model) => predict(await model.logits(digits.x)).filter((p, i) => p === digits.labels[i]).length,
    );
    await using(open(graph), async (model) => {
      const warning = await diagnose(model, digits);
      expect(warning?.code).toBe("likely-cause");
      expect(warning?.message).toMatch(`The likely cause: the model expects ${name}`);
      expect(warning?.message).toMatch(`${(right / 2).toFixed(2)} % of 200 samples`);
    });
  });

  it.each([
    [1, "The likely cause: the labels count from one higher than the model's."],
    [-1, "The likely cause: the labels count from one lower than the model's."],
  ])("finds labels that are off by %i", async (shift, cause) => {
    await using(open(lenetGraph()), async (model) => {
      const warning = await diagnose(model, { ...digits, labels: digits.labels.map((label) => label + shift) });
      expect(warning?.message).toMatch(cause);
    });
  });

  it.each([
    ["pixels from 0 to 255", threshold(1, 127.5), samples(1, 0.5)],
    ["pixels from -1 to 1", threshold(1, 0), samples(1, 0.5)],
    ["MNIST's normalization", threshold(1, 0), samples(1, 0.1307, 0.2614)],
    ["ImageNet's normalization", threshold(1, 0), samples(1, 0.456)],
    ["the channels in reverse order", threshold(0, 0.5), samples(2, 0.5)],
  ])("finds that a threshold expects %s", async (name, graph, batch) => {
    await using(open(graph), async (model) => {
      const warning = await diagnose(model, batch);
      expect(warning?.message).toMatch(`The likely cause: the model expects ${name}`);
      expect(warning?.message).toMatch("100.00 % of 200");
    });
  });

  it("finds that a model normalizes by itself what was normalized before", async () => {
    const normalization = { mean: [0.7], std: [0.1] };
    await using(open(lenetGraph(), { normalization }), async (model) => {
      expect((await diagnose(model, digits, normalization))?.message).toMatch(
        /^The likely cause: the model normalizes its input by itself, and does so twice/,
      );
    });
  });

  it("says nothing where nothing helps", async () => {
    await using(open(lenetGraph()), async (model) => {
      expect(await diagnose(model, digits)).toBeNull();
      expect(await diagnose(model, { ...digits, labels: digits.labels.map((_, i) => (i * 7) % 10) })).toBeNull();
    });
    await using(open(threshold(0, 0.5)), async (model) => expect(await diagnose(model, samples(1, 0.5))).toBeNull());
  });
});

/** LeNet of 1 - x. */
function inverted(): Graph {
  const { graph } = asClassifier(lenetGraph());
  const inner = renameValues(graph, new Map([["x", "inside"]]));
  const b = new Ops({ ...inner, inputs: graph.inputs, nodes: [] }, "front");
  b.alias("inside", b.sub(b.scalar(1, "x"), "x"));
  const front = b.finish(["inside"]);
  return {
    ...inner,
    inputs: front.inputs,
    nodes: [...front.nodes, ...inner.nodes],
    initializers: new Map([...front.initializers, ...inner.initializers]),
  };
}

describe("atChance", () => {
  const clean = (confusion: readonly (readonly number[])[]) => {
    const total = confusion.flat().reduce((a, b) => a + b, 0);
    return {
      ...accuracyOf(
        confusion.reduce((sum, row, i) => sum + row[i]!, 0),
        total,
      ),
      confusion,
    };
  };

  it("compares with the commonest label", () => {
    expect(
      atChance(
        clean([
          [50, 0],
          [50, 0],
        ]),
      ),
    ).toBe(true);
    expect(
      atChance(
        clean([
          [30, 20],
          [25, 25],
        ]),
      ),
    ).toBe(true);
    expect(
      atChance(
        clean([
          [45, 5],
          [5, 45],
        ]),
      ),
    ).toBe(false);
    expect(
      atChance(
        clean([
          [90, 0],
          [10, 0],
        ]),
      ),
    ).toBe(true);
  });

  it("does not suspect a model without mistakes, where all samples have one label", () => {
    expect(
      atChance(
        clean([
          [0, 0, 0],
          [0, 50, 0],
          [0, 0, 0],
        ]),
      ),
    ).toBe(false);
    expect(
      atChance(
        clean([
          [0, 0, 0],
          [16, 17, 17],
          [0, 0, 0],
        ]),
      ),
    ).toBe(true);
  });
});

describe("warnings", () => {
  it("of a model at chance", async () => {
    expect(await codes(classifierFile(behind(0, 255), { name: "m" }), mnist, { limit: 200 })).toContain(
      "chance-accuracy",
    );
    expect(await codes(lenetFile(), mnist, { limit: 200 })).toEqual([]);
  });

  it("of a model at chance on class folders, which a list may number", async () => {
    const found = async (data: Dataset) => {
      const { evaluation } = await run(classifierFile(behind(0, 255), { name: "m" }), data, {
        epsilons: [0.1],
        limit: 200,
      });
      return evaluation.warnings.find(({ code }) => code === "chance-accuracy")?.message;
    };
    const folders = Array.from({ length: 10 }, (_, label) => ({ name: `${label}`, label, samples: 1000 }));
    const classFolders = { numbering: "names", folders } as const;
    expect(await found(mnist)).toContain("the numbering of labels.");
    expect(await found({ ...mnist, classFolders })).toContain("which class each folder is (`classFile`).");
    expect(await found({ ...mnist, classFolders, adversarial: true })).toBeUndefined();
  });

  it("of few samples", async () => {
    expect(await codes(lenetFile(), mnist, { limit: 99 })).toEqual(["few-samples"]);
    expect(await codes(lenetFile(), mnist, { limit: 100 })).toEqual([]);
  });

  it("of gradients that vanish in a model that rounds", async () => {
    const rounded = appended(lenetGraph(), (b, y) => b.plus(b.add("Round", [y]), b.mul(y, b.scalar(0, y))));
    const result = await run(classifierFile(rounded, { name: "rounded" }), mnist, {
      limit: 200,
      epsilons: [0, 0.3],
    });
    const [warning] = result.evaluation.warnings;
    const [, last] = result.evaluation.points;
    expect(warning!.code).toBe("zero-gradient");
    const unmoved = Number(/gradient of (\d+) of (\d+)/.exec(warning!.message)![1]);
    expect(unmoved).toBeGreaterThan(150);
    expect(last!.correct).toBeGreaterThanOrEqual(unmoved);
  });

  it("of gradients that hold NaN where logits do not", async () => {
    // 0·√max(0, x0 - 1) is 0, and its slope 0·∞.
    const graph = graphOf([2], (b, x) => {
      const root = b.add("Sqrt", [b.add("Relu", [b.sub(b.slice(x, [1], [0], [1]), b.scalar(1, x))])]);
      return b.plus(dense(b, x, Float32Array.of(0, 0, 0, 1), [0.5, 0]), b.mul(b.scalar(0, x), root));
    });
    const x = floats([100, 2], numbers(200, 5, 0, 0.99));
    const labels = Array.from({ length: 100 }, (_, i) => Number(x.data[2 * i + 1]! > 0.5));
    const { evaluation } = await run(classifierFile(graph, { name: "nan" }), arrayDataset(x, labels, 2), {
      epsilons: [0.1],
    });
    expect(evaluation.clean.correct).toBe(100);
    expect(evaluation.warnings.map(({ code }) => code)).toContain("nan-gradient");
    expect(evaluation.warnings.find(({ code }) => code === "nan-gradient")!.message).toMatch(
      /^The gradient of 100 of 100/,
    );
  });

  it("of NaN logits, which are neither correct nor fooled", async () => {
    // √(x0 - 0.5) is NaN for the first half of the samples.
    const graph = graphOf([2], (b, x) =>
      b.plus(
        dense(b, x, Float32Array.of(0, 0, 0, 1), [0.5, 0]),
        b.mul(b.scalar(0, x), b.add("Sqrt", [b.sub(b.slice(x, [1], [0], [1]), b.scalar(0.5, x))])),
      ),
    );
    const x = floats(
      [100, 2],
      Array.from({ length: 100 }, (_, i) => [i < 50 ? 0.2 : 0.9, i % 2 === 0 ? 0.1 : 0.9]).flat(),
    );
    const data = arrayDataset(
      x,
      Array.from({ length: 100 }, (_, i) => i % 2),
      2,
    );
    const result = await run(classifierFile(graph, { name: "nan" }), data, { epsilons: [0, 0.1] });
    const { evaluation } = result;
    expect(counts(result)).toEqual([50, 50, 50]);
    expect(evaluation.points.map((p) => p.fooled)).toEqual([0, 0]);
    expect(evaluation.clean.confusion).toEqual([
      [25, 0],
      [0, 25],
    ]);
    expect(evaluation.warnings.find((w) => w.code === "nan-logits")?.message).toMatch(/^50 answers/);
  });

  it("of NaN logits under attack: no longer correct, and not fooled", async () => {
    // z0 = x + 0·√(x - 0.5): right at 0.55, NaN once the attack has gone below 0.5.
    const graph = graphOf([1], (b, x) => {
      const broken = b.mul(b.scalar(0, x), b.add("Sqrt", [b.sub(x, b.scalar(0.5, x))]));
      return b.plus(dense(b, x, Float32Array.of(1, 0), [0, 0.2]), broken);
    });
    const data = arrayDataset(
      floats([100, 1], new Float32Array(100).fill(0.55)),
      Array.from({ length: 100 }, () => 0),
      2,
    );
    const { evaluation } = await run(classifierFile(graph, { name: "nan" }), data, { epsilons: [0.01, 0.1] });
    expect(
      evaluation.points.map((p) => [p.attacked, p.correct, p.fooled, p.confusion.flat().reduce((a, b) => a + b, 0)]),
    ).toEqual([
      [100, 100, 0, 100],
      [100, 0, 0, 0],
    ]);
    expect(evaluation.warnings.find((w) => w.code === "nan-logits")?.message).toMatch(/^100 answers/);
  });

  it("of a softmax, whose logits are found behind it", async () => {
    const logits = smallNetwork([4], 3);
    const softmax = appended(logits, (b, y) => b.add("Softmax", [y], { axis: 1 }));
    const x = floats([120, 4], numbers(480, 9, 0, 1));
    const right = await using(open(logits), async (model) => (await model.logits(x)).data);
    const labels = Array.from({ length: 120 }, (_, i) =>
      [0, 1, 2].reduce((best, c) => (right[3 * i + c]! > right[3 * i + best]! ? c : best)),
    );
    const data = arrayDataset(x, labels, 3);
    const [a, b] = [
      await run(classifierFile(logits, { name: "a" }), data),
      await run(classifierFile(softmax, { name: "b" }), data),
    ];
    expect(counts(b)).toEqual(counts(a));
    expect(b.evaluation.warnings.map((w) => w.code)).toContain("softmax-head");
  });

  it("no zero gradients where an attack for the least change found nothing within ε", async () => {
    const cw = attacks.cw.with({ searches: 1, steps: 1, constant: 1e-9 });
    const given = { attacks: [cw], norm: "l2", epsilons: [1e-3], limit: 100 };
    expect(await codes(lenetFile(), mnist, given)).not.toContain("zero-gradient");
  });

  it("of gradients that pass straight through rounding, with their number", async () => {
    const rounded = appended(smallNetwork([1, 28, 28], 10), (b, y) => {
      const tail = [b.scalar(0.5, y), b.constant({ type: "uint8", dims: [], data: Uint8Array.of(200) })];
      return b.add("DequantizeLinear", [b.add("QuantizeLinear", [y, ...tail]), ...tail]);
    });
    const file = classifierFile(rounded, { name: "rounded" });
    const { evaluation } = await run(file, mnist, { limit: 100, epsilons: [0.1] });
    const warning = evaluation.warnings.find(({ code }) => code === "straight-through");
    expect(warning?.message).toMatch(/^The model is quantised: 1 of its nodes/);
    expect(await codes(lenetFile(), mnist, { limit: 100 })).not.toContain("straight-through");
  });

  it("of logits that the graph hides", async () => {
    const hidden = appended(lenetGraph(), (b, y) =>
      b.mul(b.exp(y), b.constant(floats([10], new Float32Array(10).fill(1)))),
    );
    const file = await revealHead(classifierFile(hidden, { name: "hidden" }), nodeRuntime("cpu", 1));
    const result = await run(file, mnist, { limit: 300, epsilons: [0.1] });
    expect(result.evaluation.warnings.map((w) => w.code)).toEqual(["hidden-logits"]);
    const plain = counts(await run(lenetFile(), mnist, { limit: 300, epsilons: [0.1] }));
    const got = counts(result);
    expect(got[0]).toBe(plain[0]);
    // Rounding in exp and log turns the sign of gradients next to zero.
    expect(Math.abs(got[1]! - plain[1]!)).toBeLessThanOrEqual(2);
  });

  it("of nothing, for two classes told apart", async () => {
    const x = floats(
      [100, 1],
      Array.from({ length: 100 }, (_, i) => i / 99),
    );
    const data = arrayDataset(
      x,
      Array.from({ length: 100 }, (_, i) => Number(i > 49)),
      2,
    );
    expect(await codes(classifierFile(twoClassGraph(Float32Array.of(1), -0.5), { name: "m" }), data)).toEqual([]);
  });
});

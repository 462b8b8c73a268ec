import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats, graphOf, numbers, open, using } from "../../test/support/models.ts";
import type { Model } from "../model.ts";
import type { ClassifierOptions } from "../models/classifier/classifier.ts";
import { writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import type { FloatTensor, Tensor } from "../tensor.ts";
import { asClassifier } from "./differentiate.ts";

const W = numbers(4 * 3, 5, -2, 2);
const x = floats([5, 4], numbers(20, 6, 0, 1));
const weights = (b: Ops, columns: number, scale = 1): string =>
  b.constant(
    floats(
      [4, columns],
      Array.from({ length: 4 * columns }, (_, i) => scale * W[i]!),
    ),
  );
/** z = scale · xW, then a head. */
const linear = (head: (b: Ops, z: string) => string, columns = 3, scale = 1): Graph =>
  graphOf([4], (b, v) => head(b, b.matmul(v, weights(b, columns, scale))));
const z = (i: number, columns: number, c: number): number =>
  [0, 1, 2, 3].reduce((sum, k) => sum + x.data[4 * i + k]! * W[k * columns + c]!, 0);

const logitsOf = (graph: Graph, options: Partial<ClassifierOptions> = {}): Promise<number[]> =>
  using(open(graph, options), async (model) => [...(await model.logits(x)).data]);

const number = (b: Ops, value: number, like: string): string => b.scalar(value, like);
/** 1 / (1 + exp(-z)) */
const ofSum = (b: Ops, p: string): string => b.div(p, b.reduceSum(p, [1], true));
const written = (b: Ops, v: string): string => b.div(number(b, 1, v), b.plus(number(b, 1, v), b.exp(b.neg(v))));

describe("several scores behind a head that keeps their order", () => {
  it.each<[string, Model["head"], (b: Ops, v: string) => string]>([
    ["sigmoid", "sigmoid", (b, v) => b.add("Sigmoid", [v])],
    ["sigmoid written out", "sigmoid", written],
    ["sigmoid as a reciprocal", "sigmoid", (b, v) => b.add("Reciprocal", [b.plus(b.exp(b.neg(v)), number(b, 1, v))])],
    ["exp(z) / (1 + exp(z))", "sigmoid", (b, v) => ((e) => b.div(e, b.plus(number(b, 1, v), e)))(b.exp(v))],
    ["sigmoid in percent", "sigmoid", (b, v) => b.mul(b.add("Sigmoid", [v]), number(b, 100, v))],
    [
      "sigmoid, clipped",
      "sigmoid",
      (b, v) => b.add("Clip", [b.add("Sigmoid", [v]), number(b, 1e-7, v), number(b, 0.9999, v)]),
    ],
    ["sigmoid with sizes of 1", "sigmoid", (b, v) => b.unsqueeze(b.add("Sigmoid", [v]), [2, 3])],
    ["sigmoid, reshaped", "sigmoid", (b, v) => b.reshape(b.add("Sigmoid", [v]), [-1, 3, 1])],
    ["tanh", "monotone", (b, v) => b.add("Tanh", [v])],
    [
      "ten times tanh, plus one",
      "monotone",
      (b, v) => b.plus(b.mul(b.add("Tanh", [v]), number(b, 10, v)), number(b, 1, v)),
    ],
    ["clipped", "monotone", (b, v) => b.add("Clip", [v, number(b, -1, v), number(b, 1, v)])],
    ["sigmoid of tanh", "monotone", (b, v) => b.add("Sigmoid", [b.add("Tanh", [v])])],
    ["softmax in percent", "softmax", (b, v) => b.mul(b.add("Softmax", [v], { axis: 1 }), number(b, 100, v))],
    ["softmax, clipped", "softmax", (b, v) => b.add("Clip", [b.add("Softmax", [v], { axis: 1 }), number(b, 1e-7, v)])],
    ["sigmoids divided by their sum", "sigmoid", (b, v) => ofSum(b, b.add("Sigmoid", [v]))],
    ["sigmoids written out, divided by their sum", "sigmoid", (b, v) => ofSum(b, written(b, v))],
    [
      "sigmoids divided by their sum, which a number keeps from 0",
      "sigmoid",
      (b, v) => ((p) => b.div(p, b.plus(b.reduceSum(p, [1], true), number(b, 1e-7, v))))(b.add("Sigmoid", [v])),
    ],
    [
      "sigmoids divided by their sum, as a length that is clipped and expanded",
      "sigmoid",
      (b, v) => {
        const p = b.add("Sigmoid", [v]);
        return b.div(p, b.expandLike(b.add("Clip", [b.add("ReduceL1", [p], { axes: [1] }), number(b, 1e-12, v)]), p));
      },
    ],
    // As scikit-learn's SGDClassifier is exported: where all are 0, they are made 1.
    [
      "sigmoids divided by their sum, or alike where that is 0",
      "sigmoid",
      (b, v) => {
        const p = written(b, v);
        const sum = b.reduceSum(p, [1], true);
        const none = b.cast(b.add("Not", [b.cast(sum, "bool")]), "float32");
        return b.div(b.plus(p, none), b.plus(sum, b.mul(none, number(b, 3, v))));
      },
    ],
    ["sigmoids of length 1", "sigmoid", (b, v) => b.add("LpNormalization", [b.add("Sigmoid", [v])], { axis: 1, p: 1 })],
    ["none", "logits", (_, v) => v],
  ])("%s", async (_, kind, head) => {
    const graph = linear(head);
    expect(asClassifier(graph).head).toBe(kind);
    const found = await logitsOf(graph);
    for (let i = 0; i < 5; i++) {
      const row = [0, 1, 2].map((c) => z(i, 3, c));
      // Where clipping makes the largest ones equal, they are, and the file predicts the first of them.
      const clipped = _.startsWith("clipped") && row.filter((v) => v >= 1).length > 1;
      const most = Math.max(...row);
      for (const [c, value] of row.entries())
        expect(found[3 * i + c]).toBeCloseTo(clipped && value >= 1 ? most : value, 5);
    }
  });

  it.each<[string, Model["head"], number, (b: Ops, v: string) => string]>([
    [
      "1 / (1 + exp(-1 · z))",
      "sigmoid",
      1,
      (b, v) => b.div(number(b, 1, v), b.plus(number(b, 1, v), b.exp(b.mul(v, number(b, -1, v))))),
    ],
    ["1 / (1 + exp(z))", "sigmoid", -1, (b, v) => b.div(number(b, 1, v), b.plus(number(b, 1, v), b.exp(v)))],
    ["a factor of -1", "sigmoid", -1, (b, v) => b.mul(b.add("Sigmoid", [v]), number(b, -1, v))],
    ["1 - sigmoid(-z)", "sigmoid", 1, (b, v) => b.sub(number(b, 1, v), b.add("Sigmoid", [b.neg(v)]))],
    ["log sigmoid(z)", "monotone", 1, (b, v) => b.add("Log", [b.add("Sigmoid", [v])])],
    ["-softplus(-z)", "monotone", 1, (b, v) => b.neg(b.add("Softplus", [b.neg(v)]))],
    ["log softmax(z)", "log-softmax", 1, (b, v) => b.add("Log", [b.add("Softmax", [v], { axis: 1 })])],
    ["a softmax turned around is none", "logits", 0, (b, v) => b.neg(b.add("Softmax", [v], { axis: 1 }))],
  ])("%s", async (_, kind, sign, head) => {
    const graph = linear(head);
    expect(asClassifier(graph).head).toBe(kind);
    const found = await logitsOf(graph);
    if (sign !== 0)
      for (let i = 0; i < 5; i++) for (const c of [0, 1, 2]) expect(found[3 * i + c]).toBeCloseTo(sign * z(i, 3, c), 5);
  });

  it("divided by what may be below 0, or by another number for each class, is no head", () => {
    const sum = linear((b, v) => ofSum(b, b.add("Tanh", [v])));
    const ofSamples = linear((b, v) => ((p) => b.div(p, b.reduceSum(p, [0], true)))(b.add("Sigmoid", [v])));
    for (const graph of [sum, ofSamples]) expect(asClassifier(graph).head).toBe("logits");
  });

  it("another factor for each class is no head", () => {
    const each = linear((b, v) => b.mul(b.add("Sigmoid", [v]), b.constant(floats([3], [1, 2, 3]))));
    expect(asClassifier(each).head).toBe("logits");
  });

  it("predicts what the file does where the head rounds scores to the same value", async () => {
    // Of 40 and 50 float32's sigmoid is 1: the file's largest is the first.
    const graph = graphOf([1], (b, v) => b.add("Sigmoid", [b.matmul(v, b.constant(floats([1, 3], [0, 40, 50])))]));
    await using(open(graph), async (model) => {
      const { logits, gradient } = await model.gradient(floats([1, 1], [1]), {
        kind: "untargeted",
        labels: Int32Array.of(1),
      });
      expect(logits.data.indexOf(Math.max(...logits.data))).toBe(1);
      // The loss is built on 40 and 50, not on the same value twice: its slope is that of softmax(0, 40, 50) at 1.
      const p = 1 / (1 + Math.exp(-10));
      expect(gradient.data[0]).toBeCloseTo(50 * p - 40 * p, 3);
    });
  });
});

describe("the class that the file predicts", () => {
  /** The largest score of what the graph itself gives, and the first of equal ones. */
  const predicted = (scores: ArrayLike<number>, classes: number): number[] =>
    Array.from({ length: scores.length / classes }, (_, i) => {
      const row = Array.from({ length: classes }, (_, c) => scores[i * classes + c]!);
      return row.indexOf(Math.max(...row));
    });
  const given = floats([400, 4], numbers(1600, 9, -3, 3));
  const runOf = async (graph: Graph, given: FloatTensor): Promise<Tensor> => {
    const program = await nodeRuntime("cpu", 1).load(writeOnnx(graph));
    try {
      return (await program.run({ [graph.inputs[0]!.name]: given }, [graph.outputs[0]!.name]))[graph.outputs[0]!.name]!;
    } finally {
      await program.release();
    }
  };

  it.each<[string, (b: Ops, v: string) => string]>([
    ["behind a tanh", (b, v) => b.add("Tanh", [v])],
    ["behind a sigmoid", (b, v) => b.add("Sigmoid", [v])],
    ["behind sigmoids divided by their sum", (b, v) => ofSum(b, b.add("Sigmoid", [v]))],
    ["behind a softmax that 8 bits round", (b, v) => quantized(b, b.add("Softmax", [v], { axis: 1 }))],
    [
      "behind a softmax that is clipped",
      (b, v) => b.add("Clip", [b.add("Softmax", [v]), number(b, 0, v), number(b, 0.4, v)]),
    ],
  ])("%s", async (_, head) => {
    for (const scale of [0.1, 1, 10]) {
      const graph = linear(head, 3, scale);
      const raw = (await runOf(graph, given)).data as Float32Array;
      const own = await using(open(graph), async (model) => (await model.logits(given)).data);
      expect(predicted(own, 3)).toEqual(predicted(raw, 3));
    }
  });

  it("behind a tanh whose kernel does not rise everywhere", async () => {
    const near = floats([20_000, 2], numbers(40_000, 4, 7, 9.5));
    const graph = graphOf([2], (b, v) => b.add("Tanh", [v]));
    const raw = predicted((await runOf(graph, near)).data as Float32Array, 2);
    // Where it falls, the score of the smaller value is the larger one.
    const falls = raw.filter((c, i) => near.data[2 * i + c]! < near.data[2 * i + 1 - c]!).length;
    expect(falls).toBeGreaterThan(0);
    const own = await using(open(graph), async (model) => (await model.logits(near)).data);
    expect(predicted(own, 2)).toEqual(raw);
  });
});

function quantized(b: Ops, v: string): string {
  const scale = b.constant(floats([], [1 / 256]));
  const zero = b.constant({ type: "uint8", dims: [], data: Uint8Array.of(0) });
  return b.add("DequantizeLinear", [b.add("QuantizeLinear", [v, scale, zero]), scale, zero]);
}

describe("one score", () => {
  it.each<[string, Model["head"], (b: Ops, v: string) => string, number]>([
    ["a logit", "binary", (_, v) => v, 0],
    ["a logit, [N]", "binary", (b, v) => b.squeeze(v, [1]), 0],
    ["a logit, [N, 1, 1]", "binary", (b, v) => b.unsqueeze(v, [2]), 0],
    ["tanh", "binary", (b, v) => b.add("Tanh", [v]), 0],
    ["a sigmoid", "binary-sigmoid", (b, v) => b.add("Sigmoid", [v]), 0],
    ["a sigmoid, [N]", "binary-sigmoid", (b, v) => b.squeeze(b.add("Sigmoid", [v]), [1]), 0],
    ["a sigmoid written out", "binary-sigmoid", written, 0],
    ["a sigmoid, reshaped to [N]", "binary-sigmoid", (b, v) => b.reshape(b.add("Sigmoid", [v]), [-1]), 0],
  ])("%s: two classes, [0, z]", async (_, kind, head, shift) => {
    const graph = linear(head, 1);
    const { classes, head: found, assumptions } = asClassifier(graph);
    expect([classes, found]).toEqual([2, kind]);
    expect(assumptions.join()).toMatch(/one output.*class 1/);
    const logits = await logitsOf(graph);
    for (let i = 0; i < 5; i++) {
      expect(logits[2 * i]).toBe(0);
      expect(logits[2 * i + 1]).toBeCloseTo(z(i, 1, 0) - shift, 5);
    }
  });

  it("has the threshold that is asked for, of a sigmoid or a logit", async () => {
    const [sigmoid, logit] = [linear((b, v) => b.add("Sigmoid", [v]), 1), linear((_, v) => v, 1)];
    const [a, c] = [await logitsOf(sigmoid, { threshold: 0.8 }), await logitsOf(logit, { threshold: 0.8 })];
    expect(a[1]).toBeCloseTo(z(0, 1, 0) - Math.log(4), 5);
    expect(c[1]).toBeCloseTo(z(0, 1, 0) - 0.8, 5);
  });

  it.each<[string, (b: Ops, v: string) => string, Partial<ClassifierOptions>, (z: number) => number]>([
    [
      "2σ - 1, above 0",
      (b, v) => b.sub(b.mul(b.add("Sigmoid", [v]), number(b, 2, v)), number(b, 1, v)),
      { threshold: 0 },
      (z) => z,
    ],
    [
      "in percent, above 80",
      (b, v) => b.mul(b.add("Sigmoid", [v]), number(b, 100, v)),
      { threshold: 80 },
      (z) => z - Math.log(4),
    ],
    [
      "in percent, and said to be one",
      (b, v) => b.mul(b.add("Sigmoid", [v]), number(b, 100, v)),
      { head: "sigmoid" },
      (z) => z,
    ],
    ["1 - σ", (b, v) => b.sub(number(b, 1, v), b.add("Sigmoid", [v])), {}, (z) => -z],
    [
      "1 - σ, above 0.8",
      (b, v) => b.sub(number(b, 1, v), b.add("Sigmoid", [v])),
      { threshold: 0.8 },
      (z) => -z - Math.log(4),
    ],
    ["1 / (1 + exp(z))", (b, v) => b.div(number(b, 1, v), b.plus(number(b, 1, v), b.exp(v))), {}, (z) => -z],
    // The file gives more than 0.5 for all: the second sigmoid is what it is compared with.
    ["a sigmoid of a sigmoid", (b, v) => b.add("Sigmoid", [b.add("Sigmoid", [v])]), {}, (z) => 1 / (1 + Math.exp(-z))],
    [
      "a sigmoid of a scaled tanh",
      (b, v) => b.add("Sigmoid", [b.plus(b.mul(b.add("Tanh", [v]), number(b, 5, v)), number(b, 1, v))]),
      {},
      (z) => 5 * Math.tanh(z) + 1,
    ],
    [
      "the logarithm of a sigmoid, above -0.1",
      (b, v) => b.add("Log", [b.add("Sigmoid", [v])]),
      { threshold: -0.1 },
      (z) => 0.1 - Math.log1p(Math.exp(-z)),
    ],
  ])("%s: class 1 is above the threshold, in units of the output", async (_, head, options, expected) => {
    const logits = await logitsOf(linear(head, 1), options);
    for (let i = 0; i < 5; i++) expect(logits[2 * i + 1]).toBeCloseTo(expected(z(i, 1, 0)), 4);
  });

  it("has a threshold that its output can reach", async () => {
    const percent = linear((b, v) => b.mul(b.add("Sigmoid", [v]), number(b, 100, v)), 1);
    const { message } = await failure("usage", () => open(percent, { threshold: 120 }));
    expect(message).toContain("between 0 and 100");
    for (const [op, threshold, range] of [
      ["Tanh", 7, "between -1 and 1"],
      ["HardSigmoid", -0.5, "between 0 and 1"],
    ] as const) {
      const bounded = linear((b, v) => b.add(op, [v]), 1);
      expect((await failure("usage", () => open(bounded, { threshold }))).message).toContain(range);
      expect(open(bounded, { threshold: 0.5 }).classes).toBe(2);
    }
  });

  it("in other units than those of a probability, says which they are", () => {
    const percent = linear((b, v) => b.mul(b.add("Sigmoid", [v]), number(b, 100, v)), 1);
    const words = (options: Partial<ClassifierOptions>) => open(percent, options).notes?.[0]?.message;
    const meant = words({ head: "sigmoid", threshold: 0.7 });
    expect(meant).toContain(
      "between 0 and 100. Above 0.7, in these units, class 1 is predicted: where its probability is above 0.007.",
    );
    expect(meant).toContain("If 0.7 was meant as the probability, give 70 (`threshold`).");
    expect(words({ threshold: 70 })).toMatch(/above 0\.7\.$/);
    expect(words({ head: "sigmoid" })).toMatch(/Above 50, .* above 0\.5\.$/);
  });

  it("behind something opaque is a probability where that is said", async () => {
    const graph = linear((b, v) => b.add("Max", [b.add("Sigmoid", [v]), number(b, 0, v)]), 1);
    const logits = await logitsOf(graph, { head: "sigmoid" });
    for (let i = 0; i < 5; i++) expect(logits[2 * i + 1]).toBeCloseTo(z(i, 1, 0), 4);
  });

  it.each<[string, Graph, Partial<ClassifierOptions>, string]>([
    [
      "one class behind a softmax",
      linear((b, v) => b.add("Softmax", [v], { axis: 1 }), 1),
      {},
      "gives 1 for every input",
    ],
    ["the number of a class", linear((b, v) => b.add("ArgMax", [v], { axis: 1 }), 3), {}, "the number of a class"],
    [
      "the number of a class, [N]",
      linear((b, v) => b.add("ArgMax", [v], { axis: 1, keepdims: 0 }), 3),
      {},
      "the number of a class",
    ],
    [
      "a sigmoid in percent",
      linear((b, v) => b.mul(b.add("Sigmoid", [v]), number(b, 100, v)), 1),
      {},
      "cannot be told",
    ],
  ])("%s is refused", async (_, graph, options, words) => {
    expect((await failure("unsupported", () => open(graph, options))).message).toContain(words);
  });

  it("is no softmax, and is read where that is left out", async () => {
    const sigmoid = linear((b, v) => b.add("Sigmoid", [v]), 1);
    const { message } = await failure("usage", () => open(sigmoid, { head: "softmax" }));
    expect(message).toContain("Leave it out");
    for (const head of ["auto", "sigmoid"] as const)
      expect((await logitsOf(sigmoid, { head }))[1]).toBeCloseTo(z(0, 1, 0), 5);
  });

  it("behind a sigmoid is no logit, and thresholds are for one score", async () => {
    const sigmoid = linear((b, v) => b.add("Sigmoid", [v]), 1);
    expect((await failure("usage", () => open(sigmoid, { head: "logits" }))).message).toContain("always mean class 1");
    await failure("usage", () => open(sigmoid, { threshold: 1 }));
    await failure("usage", () =>
      open(
        linear((_, v) => v),
        { threshold: 0 },
      ),
    );
  });
});

describe("shapes and pooling", () => {
  const steps = (head: (b: Ops, v: string) => string) =>
    // [N, 4] → [N, 2, 3]: two steps, the second one twice the first.
    graphOf([4], (b, v) => {
      const one = b.unsqueeze(b.matmul(v, weights(b, 3)), [1]);
      return head(b, b.add("Concat", [one, b.plus(one, one)], { axis: 1 }));
    });

  it.each<[string, (b: Ops, v: string) => string]>([
    ["[N, 1, 1, C]", (b, v) => b.unsqueeze(v, [1, 2])],
    ["[N, C, 1, 1]", (b, v) => b.unsqueeze(v, [2, 3])],
    ["[N, 1, C]", (b, v) => b.unsqueeze(v, [1])],
    ["[N, 1, 1, C] behind a softmax", (b, v) => b.add("Softmax", [b.unsqueeze(v, [1, 2])], { axis: -1 })],
  ])("%s", async (_, head) => {
    const found = await logitsOf(linear(head));
    for (let i = 0; i < 5; i++) for (const c of [0, 1, 2]) expect(found[3 * i + c]).toBeCloseTo(z(i, 3, c), 5);
  });

  it("says how to pool what is no [batch, classes]", async () => {
    expect((await failure("unsupported", () => open(steps((_, v) => v)))).message).toContain("`pool`, mean:AXIS");
  });

  it("takes the mean of logits, and the maximum behind sigmoids", async () => {
    const mean = await logitsOf(
      steps((_, v) => v),
      { pool: { how: "mean", axis: 1 } },
    );
    const first = await logitsOf(
      steps((b, v) => b.transpose(v, [1, 0, 2])),
      { pool: { how: "mean", axis: 0 } },
    );
    const last = await logitsOf(
      steps((b, v) => b.transpose(v, [0, 2, 1])),
      { pool: { how: "mean", axis: -1 } },
    );
    const most = await logitsOf(
      steps((b, v) => b.add("Sigmoid", [v])),
      { pool: { how: "max", axis: 1 } },
    );
    for (let i = 0; i < 5; i++)
      for (const c of [0, 1, 2]) {
        for (const found of [mean, first, last]) expect(found[3 * i + c]).toBeCloseTo(1.5 * z(i, 3, c), 5);
        expect(most[3 * i + c]).toBeCloseTo(Math.max(z(i, 3, c), 2 * z(i, 3, c)), 5);
      }
  });

  it("takes the logarithm of the mean of softmaxes", async () => {
    const graph = steps((b, v) => b.add("Softmax", [v], { axis: 2 }));
    const found = await logitsOf(graph, { pool: { how: "mean", axis: 1 } });
    expect(asClassifier(graph, [4], { pool: { how: "mean", axis: 1 } }).head).toBe("hidden");
    for (let i = 0; i < 5; i++) {
      const soft = (scale: number): number[] => {
        const e = [0, 1, 2].map((c) => Math.exp(scale * z(i, 3, c)));
        return e.map((v) => v / e.reduce((a, b) => a + b));
      };
      const [a, b] = [soft(1), soft(2)];
      for (const c of [0, 1, 2]) expect(found[3 * i + c]).toBeCloseTo(Math.log((a[c]! + b[c]!) / 2), 5);
    }
  });

  it("of one sample without an axis for the batch: says how, and follows it", async () => {
    const one = (head: (b: Ops, v: string) => string) =>
      graphOf([4], (b, v) => head(b, b.reshape(b.matmul(v, weights(b, 3)), [3, 1])), 1);
    const times = graphOf(
      [4],
      (b, v) => ((z) => b.add("Concat", [z, b.plus(z, z)], { axis: 0 }))(b.matmul(v, weights(b, 3))),
      1,
    );
    for (const graph of [times, one((_, v) => v)])
      expect((await failure("unsupported", () => open(graph))).message).toContain('`pool: "mean:0"`');
    for (const axis of [0, -2]) {
      const mean = await logitsOf(times, { pool: { how: "mean", axis } });
      for (let i = 0; i < 5; i++) for (const c of [0, 1, 2]) expect(mean[3 * i + c]).toBeCloseTo(1.5 * z(i, 3, c), 5);
    }
    await failure("usage", () => open(times, { pool: { how: "mean", axis: 1 } }));
  });

  it("refuses an axis that the output does not have", async () => {
    for (const axis of [3, -4, 0.5])
      await failure("usage", () =>
        open(
          steps((_, v) => v),
          { pool: { how: "mean", axis } },
        ),
      );
    await failure("usage", () =>
      open(
        linear((_, v) => v),
        { pool: { how: "mean", axis: 1 } },
      ),
    );
  });
});

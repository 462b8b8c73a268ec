import { describe, expect, it } from "vitest";
import { floats, graphOf, using } from "../../../test/support/models.ts";
import { Attributes, type AttributeValue } from "../../onnx/attributes.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { revealHead } from "./reveal.ts";

const runtime = nodeRuntime("cpu", 1);
/** Far from the boundary a probability is rounded to 1, and 1 minus it to 0. */
const STEEP = Float32Array.of(60, -40, 30, 50, -60, 80);
const rowOf = (i: number): number[] => [...STEEP.subarray(2 * i, 2 * i + 2)];
const x = floats([3, 2], [0.5, -0.5, 0.02, 0.01, -1, 0.75]);

function ml(b: Ops, op: string, inputs: readonly string[], attributes: Record<string, AttributeValue>, outputs = 1) {
  const names = Array.from({ length: outputs }, () => b.fresh(op));
  b.append({ op, domain: "ai.onnx.ml", name: "", inputs, outputs: names, attributes: Attributes.from(attributes) });
  return names.at(-1)!;
}
const linear = (b: Ops, input: string, rows: number, post_transform: string) => {
  const coefficients = { floats: [...STEEP.subarray(0, 2 * rows)] };
  const intercepts = { floats: new Array<number>(rows).fill(0) };
  const classlabels_ints = [...Array(Math.max(2, rows)).keys()];
  return ml(b, "LinearClassifier", [input], { coefficients, intercepts, classlabels_ints, post_transform }, 2);
};
const withMl = (graph: Graph): Graph => ({ ...graph, opsets: new Map([...graph.opsets, ["ai.onnx.ml", 1]]) });

const scores = (b: Ops, input: string, rows: number) =>
  b.add("Gemm", [input, b.constant(floats([rows, 2], STEEP.subarray(0, 2 * rows)))], { transB: 1 });
const sigmoid = (b: Ops, z: string) => b.add("Sigmoid", [z]);

/** log softmax of what each head stands for, in float64. */
const logSigmoid = (z: number): number => Math.min(z, 0) - Math.log1p(Math.exp(-Math.abs(z)));
const at = (row: readonly number[], w: readonly number[]): number => row[0]! * w[0]! + row[1]! * w[1]!;
const ofScores = (row: readonly number[], rows: number) => Array.from({ length: rows }, (_, i) => at(row, rowOf(i)));
const ofPair = (row: readonly number[]) => [logSigmoid(-at(row, rowOf(0))), logSigmoid(at(row, rowOf(0)))];

type Case = [string, (b: Ops, input: string) => string, (row: readonly number[]) => number[]];
const cases: Case[] = [
  [
    "the exponential of log-probabilities",
    (b, v) => b.exp(b.add("LogSoftmax", [scores(b, v, 3)], { axis: 1 })),
    (row) => ofScores(row, 3),
  ],
  [
    "1 - σ and σ",
    (b, v) => {
      const p = sigmoid(b, scores(b, v, 1));
      return b.cast(b.add("Concat", [b.sub(b.scalar(1, p), p), p], { axis: 1 }), "float32");
    },
    ofPair,
  ],
  ["LinearClassifier, SOFTMAX", (b, v) => linear(b, v, 3, "SOFTMAX"), (row) => ofScores(row, 3)],
  ["LinearClassifier, LOGISTIC, of one score", (b, v) => linear(b, v, 1, "LOGISTIC"), ofPair],
];

describe("sigmoids that a linear classifier divides by their sum", () => {
  // As scikit-learn's OneVsRestClassifier is exported.
  it.each<[string, (b: Ops, v: string, i: number) => string]>([
    [
      "a classifier each",
      (b, v, i) => {
        const coefficients = { floats: rowOf(i) };
        const attributes = { coefficients, intercepts: { floats: [0] }, classlabels_ints: [0, 1] };
        const both = ml(b, "LinearClassifier", [v], { ...attributes, post_transform: "LOGISTIC" }, 2);
        return b.slice(both, [1], [1], [2]);
      },
    ],
    [
      "a sigmoid each",
      (b, v, i) => sigmoid(b, b.add("Gemm", [v, b.constant(floats([1, 2], rowOf(i)))], { transB: 1 })),
    ],
  ])("%s, side by side", async (_, column) => {
    const head = (b: Ops, v: string) => {
      const all = b.add("Concat", [column(b, v, 0), column(b, v, 1), column(b, v, 2)], { axis: 1 });
      return b.add("LpNormalization", [all], { axis: 1, p: 1 });
    };
    const file = await revealHead(classifierFile(withMl(graphOf([2], head)), { name: "m" }), runtime);
    expect(file.head).toBe("sigmoid");
    await using(openClassifier(file, runtime), async (model) => {
      const { logits } = await model.gradient(x, { kind: "untargeted", labels: Int32Array.of(0, 1, 1) });
      for (let i = 0; i < 3; i++)
        for (const [c, value] of ofScores([...x.data.subarray(2 * i, 2 * i + 2)], 3).entries())
          expect(logits.data[3 * i + c]).toBeCloseTo(value, 3);
    });
  });

  it.each([2, 3])("%i: read through to its scores", async (rows) => {
    const head = (b: Ops, v: string) => ml(b, "Normalizer", [linear(b, v, rows, "LOGISTIC")], { norm: "L1" });
    const file = await revealHead(classifierFile(withMl(graphOf([2], head)), { name: "m" }), runtime);
    expect(file.head).toBe("sigmoid");
    await using(openClassifier(file, runtime), async (model) => {
      const { logits } = await model.gradient(x, { kind: "untargeted", labels: Int32Array.of(0, 1, 1) });
      for (let i = 0; i < 3; i++) {
        const z = ofScores([...x.data.subarray(2 * i, 2 * i + 2)], rows);
        for (const [c, value] of z.entries()) expect(logits.data[rows * i + c]).toBeCloseTo(value, 3);
      }
    });
  });
});

describe("logits behind probabilities", () => {
  it.each(cases)("%s: exact where a probability is rounded to 0 or 1", async (_, head, exact) => {
    const file = await revealHead(classifierFile(withMl(graphOf([2], head)), { name: "m" }), runtime);
    expect(file.head).toBe("hidden");
    await using(openClassifier(file, runtime), async (model) => {
      const labels = Int32Array.of(0, 1, 1);
      const { loss, gradient } = await model.gradient(x, { kind: "untargeted", labels });
      const exactLoss = (row: readonly number[], label: number) => {
        const z = exact(row);
        const top = Math.max(...z);
        return top + Math.log(z.reduce((sum, v) => sum + Math.exp(v - top), 0)) - z[label]!;
      };
      for (let i = 0; i < 3; i++) {
        const row = [...x.data.subarray(2 * i, 2 * i + 2)];
        const expected = exactLoss(row, labels[i]!);
        expect(Math.abs(loss.data[i]! - expected), `loss of ${row}`).toBeLessThan(1e-5 * Math.max(1, expected));
        for (const k of [0, 1]) {
          const step = (h: number) =>
            exactLoss(
              row.map((v, j) => (j === k ? v + h : v)),
              labels[i]!,
            );
          const slope = (8 * (step(1e-4) - step(-1e-4)) - (step(2e-4) - step(-2e-4))) / 1.2e-3;
          expect(Math.abs(gradient.data[2 * i + k]! - slope), `slope at ${row}`).toBeLessThan(
            1e-4 * Math.abs(slope) + 1e-6,
          );
        }
      }
    });
  });
});

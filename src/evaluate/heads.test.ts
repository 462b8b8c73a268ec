import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { counts, run } from "../../test/support/evaluate.ts";
import { arrayDataset, dense, floats, graphOf, numbers } from "../../test/support/models.ts";
import { attacks } from "../attacks/index.ts";
import type { Dataset } from "../dataset.ts";
import { callbackModel } from "../models/callback.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { settle } from "../models/open.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { evaluate } from "./evaluation.ts";

const runtime = nodeRuntime("cpu", 1);
const file = (graph: Graph, options = {}) => settle(classifierFile(graph, { name: "m", ...options }), runtime);
const SHAPE = [1, 4, 4];
const x = floats([60, ...SHAPE], numbers(60 * 16, 3, 0, 1));
const W = numbers(16 * 4, 8);
/** z = gain · (x - 1/2)W. */
const linear = (classes: number, head: (b: Ops, z: string) => string, gain = 1): Graph =>
  graphOf(SHAPE, (b, v) => {
    const weights = Float32Array.from({ length: 16 * classes }, (_, i) => gain * W[i]!);
    const bias = Array.from(
      { length: classes },
      (_, c) => -0.5 * [...weights].filter((_, i) => i % classes === c).reduce((a, w) => a + w, 0),
    );
    return head(b, dense(b, b.add("Flatten", [v], { axis: 1 }), weights, bias));
  });
/** Labelled by the linear model itself: all correct. */
function labelled(classes: number): Dataset {
  const labels = Array.from({ length: 60 }, (_, i) => {
    const z = Array.from({ length: classes }, (_, c) =>
      Array.from({ length: 16 }, (_, k) => (x.data[16 * i + k]! - 0.5) * W[k * classes + c]!).reduce((a, v) => a + v),
    );
    return classes === 1 ? Number(z[0]! > 0) : z.indexOf(Math.max(...z));
  });
  return arrayDataset(x, labels, Math.max(classes, 2));
}
const sigmoid = (b: Ops, z: string): string => b.add("Sigmoid", [z]);
const given = { attacks: [attacks.fgsm, attacks.pgd, attacks.square.with({ queries: 100 })], epsilons: [0.02, 0.05] };
const warnings = async (graph: Graph, data: Dataset, options = {}) =>
  (await run(await file(graph), data, { ...given, ...options })).evaluation.warnings;

describe("a head is looked through", () => {
  it("one output is two classes: the counts are those of [0, z]", async () => {
    const data = labelled(1);
    const two = await run(await file(linear(1, (b, z) => b.add("Concat", [b.sub(z, z), z], { axis: 1 }))), data, given);
    // By hand: a sample falls to FGSM where its margin is at most ε·‖w‖₁.
    const norm = W.slice(0, 16).reduce((a, w) => a + Math.abs(w), 0);
    const margins = Array.from({ length: 60 }, (_, i) =>
      Math.abs(Array.from({ length: 16 }, (_, k) => (x.data[16 * i + k]! - 0.5) * W[k]!).reduce((a, v) => a + v)),
    );
    expect(counts(two)[0]).toBe(60);
    for (const [k, epsilon] of given.epsilons.entries()) {
      const standing = margins.filter((m) => m > epsilon * norm).length;
      // Where the bounds cut the step, more stand.
      expect(counts(two)[1 + k]).toBeGreaterThanOrEqual(standing);
      expect(counts(two)[1 + k]).toBeLessThan(60);
    }
    for (const head of [sigmoid, (_: Ops, z: string) => z, (b: Ops, z: string) => b.squeeze(sigmoid(b, z), [1])]) {
      const result = await run(await file(linear(1, head)), data, given);
      expect(counts(result)).toEqual(counts(two));
      expect(result.evaluation.warnings.map(({ message }) => message).join()).toContain("one output");
    }
  });

  it("saturated sigmoids and tanh: the counts are those of the logits", async () => {
    const data = labelled(4);
    const plain = counts(await run(await file(linear(4, (_, z) => z, 30)), data, given));
    for (const head of [sigmoid, (b: Ops, z: string) => b.add("Tanh", [z])]) {
      const result = counts(await run(await file(linear(4, head, 30)), data, given));
      // float32 rounds some scores of a saturated head to the same value; the file then predicts the first of them.
      expect(result[0]).toBeLessThanOrEqual(plain[0]!);
      for (const [k, count] of result.entries()) expect(count).toBeLessThanOrEqual(plain[k]!);
      expect(result.at(-1)).toBeLessThan(0.7 * result[0]!);
    }
    const mild = counts(await run(await file(linear(4, sigmoid)), data, given));
    expect(mild).toEqual(counts(await run(await file(linear(4, (_, z) => z)), data, given)));
  });
});

describe("what cannot be looked through is said", () => {
  const hidden = (b: Ops, z: string): string => b.add("Max", [sigmoid(b, z), b.scalar(0, z)]);

  it("scores in [0, 1] that do not sum to 1", async () => {
    const found = (await warnings(linear(4, hidden), labelled(4))).find(({ code }) => code === "unit-scores");
    expect(found?.message).toMatch(/all 60 samples.*`head: "sigmoid"`/);
    const said = await run(await file(linear(4, hidden), { head: "sigmoid" }), labelled(4), given);
    expect(counts(said)).toEqual(counts(await run(await file(linear(4, (_, z) => z)), labelled(4), given)));
  });

  it("one output in [0, 1] without a sigmoid: asked for", async () => {
    expect((await failure("usage", () => file(linear(1, hidden)))).message).toMatch(
      /`head: "sigmoid"`.*`head: "logits"`/,
    );
    const said = await run(await file(linear(1, hidden), { head: "sigmoid" }), labelled(1), given);
    expect(counts(said)).toEqual(counts(await run(await file(linear(1, sigmoid)), labelled(1), given)));
  });

  it("labels for scores", async () => {
    const hard = linear(4, (b, z) => b.cast(b.equal(z, b.reduceMax(z, [1], true)), "float32"));
    expect((await file(hard)).head).toBe("labels");
    const options = { attacks: [attacks.square.with({ queries: 20 })] };
    const found = (await warnings(hard, labelled(4), options)).find(({ code }) => code === "hard-labels");
    expect(found?.message).toContain("hopskipjump");
    const binary = await file(linear(1, (b, z) => b.cast(b.add("Greater", [z, b.scalar(0, z)]), "float32")));
    expect(binary.head).toBe("labels");
    expect(counts(await run(binary, labelled(1), options))[0]).toBe(60);
  });

  it("labels of a function", async () => {
    const model = callbackModel({
      name: "f",
      inputShape: SHAPE,
      classes: 2,
      ask: async ({ dims }) => floats([dims[0]!, 2], Array.from({ length: dims[0]! }, () => [1, 0]).flat()),
    });
    const { evaluation } = await evaluate(model, arrayDataset(x, new Array(60).fill(0), 2), {
      attacks: [attacks.square.with({ queries: 5 })],
      epsilons: [0.1],
    });
    expect(evaluation.warnings.map(({ code }) => code)).toContain("hard-labels");
  });

  it("gradients that are next to nothing", async () => {
    const faint = linear(4, (b, z) => b.mul(z, b.scalar(1e-12, z)));
    const found = (await warnings(faint, labelled(4))).find(({ code }) => code === "tiny-gradient");
    expect(found?.message).toMatch(/of 60 of 60/);
  });
});

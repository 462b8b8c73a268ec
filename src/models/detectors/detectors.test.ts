import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { floats, graphOf, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { classifierFile } from "../classifier/classifier.ts";
import { openClassifier } from "../classifier/graph-model.ts";
import { defend } from "../defences/front.ts";
import { defencesOf } from "../defences/recognise.ts";
import type { Detector } from "../detector.ts";
import { detectorGraph, evadingFile, scoreFile } from "./graphs.ts";
import { logitDistance } from "./logit-distance.ts";
import { squeeze } from "./squeeze.ts";

const runtime = nodeRuntime("cpu", 1);
const file = (graph: Graph) => classifierFile(graph, { name: "test" });
const network = smallNetwork([1, 8, 8], 4);
const x = floats([6, 1, 8, 8], numbers(6 * 64, 3, 0, 1));
const clean = { logits: floats([8, 4], numbers(32, 4)), labels: Int32Array.from({ length: 8 }, (_, i) => i % 4) };

const scored = (graph: Graph, detector: Detector, of: FloatTensor, learned = clean) =>
  using(openClassifier(scoreFile(file(graph), detector.fit(file(graph), learned)), runtime), async (model) =>
    Array.from((await model.logits(of)).data),
  );

/** softmax, row by row, in float64. */
const shares = ({ data, dims }: FloatTensor): number[][] =>
  Array.from({ length: dims[0]! }, (_, i) => {
    const powers = Array.from(data.subarray(i * dims[1]!, (i + 1) * dims[1]!), Math.exp);
    return powers.map((power) => power / powers.reduce((a, b) => a + b));
  });

describe("squeeze", () => {
  it("is the largest L1 distance to the probabilities of squeezed samples", async () => {
    const squeezers = ["bits:2", "median:3"];
    const [plain, ...others] = await Promise.all(
      [network, ...squeezers.map((name) => defend(network, { defences: [name] }))].map((graph) =>
        using(open(graph), async (model) => shares(await model.logits(x))),
      ),
    );
    const wanted = plain!.map((row, i) =>
      Math.max(...others.map((rows) => row.reduce((sum, p, j) => sum + Math.abs(p - rows[i]![j]!), 0))),
    );
    const found = await scored(network, squeeze(squeezers), x);
    for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(2e-6);
    expect(Math.max(...wanted)).toBeGreaterThan(0.1);
  });

  it("takes fewer bits of grey pictures than of those with colours, unless it is told otherwise", async () => {
    for (const [channels, bits] of [
      [1, "bits:1"],
      [3, "bits:5"],
    ] as const) {
      const graph = smallNetwork([channels, 6, 6], 3);
      const some = floats([2, channels, 6, 6], numbers(72 * channels, 8, 0, 1));
      expect(await scored(graph, squeeze(), some)).toEqual(await scored(graph, squeeze([bits, "median:3"]), some));
    }
  });

  it("refuses what draws at random, and what is no defence", () => {
    expect(() => squeeze(["noise:0.1"])).toThrow(/noise draws at random, and a squeezer does not/);
    expect(() => squeeze(["bit:3"])).toThrow(/no defence named "bit"/);
    expect(() => squeeze(["median:4"])).toThrow(/median takes an odd number/);
  });
});

describe("logitDistance", () => {
  it("is numpy's Mahalanobis distance to the nearest class that has samples", async () => {
    const { classes, logits, labels, samples, scores } = JSON.parse(
      readFileSync(new URL("../../../test/fixtures/detection/reference.json", import.meta.url), "utf8"),
    ).logits;
    const mirror = graphOf([classes], (b, v) => b.add("Identity", [v]));
    const learned = { logits: floats([labels.length, classes], logits), labels: Int32Array.from(labels) };
    const found = await scored(mirror, logitDistance, floats([scores.length, classes], samples), learned);
    for (const [i, value] of found.entries()) expect(Math.abs(value / scores[i] - 1)).toBeLessThan(1e-5);
  });

  it("refuses logits that never differ", () => {
    const same = { ...clean, logits: floats([8, 4], Array(32).fill(1)) };
    expect(() => logitDistance.fit(file(network), same)).toThrow(/same logits/);
  });
});

describe.each([squeeze(["bits:3", "median:3"]), logitDistance])("with $name", (detector) => {
  const score = detector.fit(file(network), clean);
  const labels = Int32Array.of(0, 1, 2, 3, 0, 1);
  const indices = Int32Array.from(labels.keys());

  it("the whole graph gives the logits as they are, and the score, and has no defence in front", async () => {
    const graph = readOnnx(writeOnnx(detectorGraph(file(network), score)));
    expect(defencesOf(graph)).toBeUndefined();
    const program = await runtime.load(writeOnnx(graph));
    const result = await program.run({ x });
    await program.release();
    expect(Object.keys(result)).toEqual(["logits", "score"]);
    expect(result["score"]!.dims).toEqual([6]);
    expect(Array.from(result["score"]!.data as Float32Array)).toEqual(await scored(network, detector, x));
    const logits = await using(open(network), async (model) => (await model.logits(x)).data);
    expect(result["logits"]!.data).toEqual(logits);
  });

  it("an evading sample is one of another class with a score below the aim, and attacks have that as their loss", async () => {
    const scores = await scored(network, detector, x);
    const logits = await using(open(network), async (model) => (await model.logits(x)).data);
    const aim = scores.toSorted((a, b) => a - b)[3]!;
    const evading = openClassifier(evadingFile(file(network), score, { aim, scale: 2, labels }), runtime);
    await using(evading, async (model) => {
      const gains = (await model.logits(x, indices)).data;
      for (const [i, value] of scores.entries()) {
        const z = logits.subarray(4 * i, 4 * i + 4);
        const margin = Math.max(...z.filter((_, j) => j !== labels[i])) - z[labels[i]!]!;
        expect(gains[2 * i]).toBe(0);
        expect(gains[2 * i + 1]).toBeCloseTo(Math.min(margin, (aim - value) / 2), 4);
      }
    });
  });
});

it("the gradient of an evasion is that of finite differences", async () => {
  // Rounding has a gradient that no difference has: the median alone.
  const smooth = squeeze(["median:3"]).fit(file(network), clean);
  for (const score of [smooth, logitDistance.fit(file(network), clean)]) {
    const labels = Int32Array.of(0, 1, 2, 3, 0, 1);
    const indices = Int32Array.from(labels.keys());
    const goal = { kind: "untargeted", labels: new Int32Array(6) } as const;
    const of = { aim: 0.1, scale: 1, labels };
    await using(openClassifier(evadingFile(file(network), score, of), runtime), async (model) => {
      const { gradient } = await model.gradient(x, goal, "margin", indices);
      const step = 2e-4;
      const along = numbers(x.data.length, 9);
      const at = async (sign: number) =>
        (await model.logits({ ...x, data: x.data.map((v, i) => v + sign * step * along[i]!) }, indices)).data;
      const [up, down] = [await at(1), await at(-1)];
      const ratios = Array.from({ length: 6 }, (_, i) => {
        const slope = along
          .subarray(64 * i, 64 * i + 64)
          .reduce((sum, d, j) => sum + d * gradient.data[64 * i + j]!, 0);
        return Math.abs((up[2 * i + 1]! - down[2 * i + 1]!) / (2 * step) - slope) / Math.max(0.1, Math.abs(slope));
      });
      expect(ratios.filter((ratio) => ratio < 0.03).length).toBe(6);
    });
  }
});

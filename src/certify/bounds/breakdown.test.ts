import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { firstBatch } from "../../../test/support/datasets.ts";
import { runtime } from "../../../test/support/gradient-check.ts";
import { floats, graphOf, lenetGraph, numbers } from "../../../test/support/models.ts";
import { asClassifier } from "../../autodiff/differentiate.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { type FloatTensor, product, tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";
import { type BallNorm, type Box, ball } from "./box.ts";
import type { Breakdowns } from "./breakdown.ts";
import type { Arithmetic } from "./enclose.ts";

const CLASSES = 3;

/** z_0 - z_1 of each sample. */
function rowsFor(samples: number, classes: number): FloatTensor {
  const seed = tensor("float32", [samples, classes], new Float32Array(samples * classes));
  for (let i = 0; i < samples; i++) seed.data.set([1, -1], i * classes);
  return seed;
}

/** What bounds lose, with the bounds that are asked for alone. */
async function told(graph: Graph, box: Box, seed: FloatTensor, arithmetic: Arithmetic) {
  const opened = await openBounds(graph, runtime, arithmetic);
  const losses = await opened.losses(box, seed);
  const samples = Int32Array.from({ length: seed.dims[0]! }, (_, i) => i);
  const bounds = await opened.lower(box, { seed, samples }, "crown");
  await opened.release();
  return { ...losses, bounds };
}

async function logitsOf(graph: Graph, x: FloatTensor): Promise<FloatTensor> {
  const program = await runtime.load(writeOnnx(graph));
  const results = await program.run({ [program.inputs[0]!]: x });
  await program.release();
  return Object.values(results)[0] as FloatTensor;
}

/** bound = value - Σ layers - linear - rounding, with the value that the network itself gives, and the bound that is proven. */
async function expectIdentity(graph: Graph, box: Box, seed: FloatTensor): Promise<Breakdowns> {
  const found = await told(graph, box, seed, "float32");
  const logits = await logitsOf(graph, box.centre);
  const classes = seed.dims[1]!;
  for (const [i, { value, layers, linear, rounding, bound }] of found.samples.entries()) {
    let own = 0;
    for (let k = 0; k < classes; k++) own += seed.data[i * classes + k]! * logits.data[i * classes + k]!;
    const size = Math.max(1, Math.abs(own), linear);
    expect(Math.abs(value - own) / size).toBeLessThan(1e-5);
    expect(Math.abs(bound - found.bounds[i]!) / size).toBeLessThan(1e-6);
    const lost = layers.reduce((sum, loss) => sum + loss, 0) + linear + rounding;
    expect(Math.abs(value - lost - bound) / size).toBeLessThan(1e-9);
    for (const loss of [...layers, linear, rounding]) expect(loss).toBeGreaterThanOrEqual(0);
    expect(rounding / size).toBeLessThan(1e-2);
  }
  // Over the real numbers, nothing is lost but what has a cause.
  for (const { value, bound, linear, rounding } of (await told(graph, box, seed, "real")).samples)
    expect(Math.abs(rounding) / Math.max(1, Math.abs(value), Math.abs(bound), linear)).toBeLessThan(2e-6);
  return found;
}

describe("what a bound loses", () => {
  const [inputs, hidden, samples] = [6, 9, 4];
  const [w1, b1] = [numbers(inputs * hidden, 1), numbers(hidden, 2, -0.3, 0.3)];
  const [w2, b2] = [numbers(hidden * CLASSES, 3), numbers(CLASSES, 4)];
  const x = floats([samples, inputs], numbers(samples * inputs, 5, 0, 1));

  it("in a layer of Relus is what their lines are off at the centre, by a loop in float64", async () => {
    const graph = graphOf([inputs], (b, v) => {
      const z = b.plus(b.matmul(v, b.constant(floats([inputs, hidden], w1))), b.constant(floats([hidden], b1)));
      const y = b.named("first", "Relu", [z]);
      return b.plus(b.matmul(y, b.constant(floats([hidden, CLASSES], w2))), b.constant(floats([CLASSES], b2)));
    });
    const box = ball(x, 0.15, { lower: 0, upper: 1 });
    const { layers, samples: losses } = await expectIdentity(graph, box, rowsFor(samples, CLASSES));
    expect(layers).toEqual([{ op: "Relu", node: "first" }]);
    for (const [i, found] of losses.entries()) {
      const at = (j: number) => i * inputs + j;
      const slope = new Float64Array(inputs);
      let gaps = 0;
      for (let h = 0; h < hidden; h++) {
        let [z, low, high] = [b1[h]!, b1[h]!, b1[h]!];
        for (let j = 0; j < inputs; j++) {
          const w = w1[j * hidden + h]!;
          z += w * x.data[at(j)]!;
          low += Math.min(w * box.lower.data[at(j)]!, w * box.upper.data[at(j)]!);
          high += Math.max(w * box.lower.data[at(j)]!, w * box.upper.data[at(j)]!);
        }
        const a = w2[h * CLASSES]! - w2[h * CLASSES + 1]!;
        let [λ, β] = [low >= 0 ? 1 : 0, 0];
        if (low < 0 && high > 0)
          [λ, β] = a > 0 ? [high > -low ? 1 : 0, 0] : [high / (high - low), (-low * high) / (high - low)];
        gaps += a * (Math.max(0, z) - (λ * z + β));
        for (let j = 0; j < inputs; j++) slope[j]! += a * λ * w1[j * hidden + h]!;
      }
      let linear = 0;
      for (const [j, a] of slope.entries())
        linear += a * (x.data[at(j)]! - (a > 0 ? box.lower : box.upper).data[at(j)]!);
      expect(found.layers[0]!).toBeCloseTo(gaps, 4);
      expect(found.linear).toBeCloseTo(linear, 4);
    }
  });

  /** With kinks, curves, a pool, a branch, an operator that is written in others, and one node without a name. */
  const mixed = graphOf([2, 4, 4], (b, v) => {
    const weights = (dims: readonly number[], n: number) =>
      b.constant(
        floats(
          dims,
          numbers(product(dims), 31 + n).map((w) => w / Math.sqrt(dims.at(-1)!)),
        ),
      );
    const conv = b.add("Conv", [v, weights([3, 2, 3, 3], 1), weights([3], 2)], { pads: [1, 1, 1, 1] });
    const relu = b.named("/1/Relu", "Relu", [conv]);
    const branch = b.named("/2/Tanh", "Tanh", [b.add("Conv", [relu, weights([3, 3, 1, 1], 3)])]);
    const pool = b.named("/3/MaxPool", "MaxPool", [b.plus(relu, branch)], { kernel_shape: [2, 2], strides: [2, 2] });
    const soft = b.add("Sigmoid", [b.matmul(b.reshape(pool, [-1, 12]), weights([12, 4], 4))]);
    return b.matmul(b.named("/4/Mul", "Mul", [soft, soft]), weights([4, CLASSES], 5));
  });

  it.each([undefined, "l2", "l0"] as const satisfies readonly (BallNorm | undefined)[])(
    "adds up to the margin less the bound, in a network of all kinds, norm %s",
    async (norm) => {
      const centre = floats([3, 2, 4, 4], numbers(3 * 32, 1, 0, 1));
      const box = ball(centre, norm ? { l2: 0.3, l0: 2 }[norm] : 0.04, { lower: 0, upper: 1 }, norm);
      const { layers } = await expectIdentity(mixed, box, rowsFor(3, CLASSES));
      expect(layers.map(({ op, node }) => `${op} ${node}`)).toEqual([
        "Relu /1/Relu",
        "Tanh /2/Tanh",
        "MaxPool /3/MaxPool",
        "Sigmoid null",
        "Mul /4/Mul",
      ]);
    },
  );

  it("adds up in LeNet, whose pools take their share", async () => {
    const { x: images, labels } = await firstBatch(await openDataset("mnist"), 2);
    const seed = tensor("float32", [2, 10], new Float32Array(20));
    for (const [i, label] of labels.entries()) seed.data.set([1], 10 * i + label);
    const { graph } = asClassifier(lenetGraph());
    const box = ball(images as FloatTensor, 0.02, { lower: 0, upper: 1 });
    const { layers, samples: losses } = await expectIdentity(graph, box, seed);
    expect(layers.map(({ op }) => op)).toEqual(["MaxPool", "Relu", "MaxPool", "Relu", "Relu"]);
    for (const { layers: own } of losses) expect(Math.min(...own)).toBeGreaterThan(0);
  });

  const file = new URL("../../../../shared/reference/certify/auto_lirpa/kw.onnx", import.meta.url);
  it.skipIf(!existsSync(file))("adds up in WK17a, where the network is the one of the file", async () => {
    const { x: images, labels } = await firstBatch(await openDataset("mnist"), 6);
    const seed = rowsFor(6, 10);
    seed.data.fill(0);
    for (const [i, label] of labels.entries()) seed.data.set([1], 10 * i + label);
    const { graph } = asClassifier(readOnnx(readFileSync(file)));
    const { layers } = await expectIdentity(graph, ball(images as FloatTensor, 0.1, { lower: 0, upper: 1 }), seed);
    const named = readOnnx(readFileSync(file)).nodes.filter(({ op }) => op === "Relu");
    expect(layers).toEqual(named.map(({ op, name, outputs }) => ({ op, node: name || outputs[0] })));
  });
});

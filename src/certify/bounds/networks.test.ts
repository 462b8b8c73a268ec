import { describe, expect, it } from "vitest";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, product, tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";
import { ball } from "./box.ts";

const CLASSES = 4;
const SIZE = 8;

const pick = <T>(random: Random, ...from: readonly T[]): T => from[random.integer(from.length)]!;
const normal = (random: Random, dims: readonly number[], scale: number): FloatTensor =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => scale * (2 * random.uniform() - 1)),
  );

const activations = ["Relu", "LeakyRelu", "Abs", "HardSigmoid", "Sigmoid", "Tanh"] as const;

/** A small network of random layers, [N, 2, 8, 8] to [N, 4], with branches that meet again. */
function network(random: Random): Graph {
  const b = new Ops(emptyGraph("random"));
  let x = b.input({ name: "x", type: "float32", dims: ["N", 2, SIZE, SIZE] });
  x = b.mul(b.sub(x, b.scalar(0.45, x)), b.constant(normal(random, [2, 1, 1], 4)));
  const conv = (from: string): string => {
    const channels = b.size(from, 1);
    const [out, k] = [pick(random, 2, 4), pick(random, 1, 3)];
    const w = normal(random, [out, channels, k, k], 1.5 / Math.sqrt(channels * k * k));
    const attributes = { pads: [1, 1, 1, 1].map((p) => (k === 3 ? p : 0)), strides: pick(random, [1, 1], [2, 2]) };
    return b.add("Conv", [from, b.constant(w), b.constant(normal(random, [out], 0.3))], attributes);
  };
  const scaled = (from: string): string => {
    const of = (scale: number) => b.constant(normal(random, [b.size(from, 1)], scale));
    const variance = tensor(
      "float32",
      [b.size(from, 1)],
      new Float32Array(b.size(from, 1)).fill(0.5 + random.uniform()),
    );
    return b.add("BatchNormalization", [from, of(1), of(0.5), of(0.5), b.constant(variance)]);
  };
  const pool = (from: string): string => {
    if (b.size(from, 2) < 4) return from;
    const kind = pick(random, "tiled", "overlapping", "average");
    if (kind === "average") return b.add("AveragePool", [from], { kernel_shape: [2, 2], strides: [2, 2] });
    return b.add("MaxPool", [from], { kernel_shape: kind === "tiled" ? [2, 2] : [3, 3], strides: [2, 2] });
  };
  const residual = (from: string): string => {
    const c = b.size(from, 1);
    const w = b.constant(normal(random, [c, c, 1, 1], 1));
    return b.plus(from, b.add(pick(random, ...activations), [b.add("Conv", [from, w])]));
  };
  for (let i = 1 + random.integer(3); i > 0; i--) {
    x = conv(x);
    if (random.uniform() < 0.3) x = scaled(x);
    x = b.add(pick(random, ...activations), [x]);
    if (random.uniform() < 0.4) x = pool(x);
    if (random.uniform() < 0.4) x = residual(x);
    if (random.uniform() < 0.2) x = b.add("Concat", [x, b.neg(x)], { axis: 1 });
  }
  const size = product(b.sizes(x, 1));
  const flat = b.reshape(x, [-1, size]);
  const dense = b.add(
    "Gemm",
    [flat, b.constant(normal(random, [6, size], 1.5 / Math.sqrt(size))), b.constant(normal(random, [6], 0.2))],
    {
      transB: 1,
    },
  );
  const hidden = b.add(pick(random, ...activations), [dense]);
  b.alias(
    "logits",
    b.plus(b.matmul(hidden, b.constant(normal(random, [6, CLASSES], 1))), b.constant(normal(random, [CLASSES], 1))),
  );
  return b.finish(["logits"]);
}

/** Points of a box: random ones, and corners, where what is linear is least. */
function points(lower: Float32Array, upper: Float32Array, count: number, random: Random): FloatTensor {
  const size = lower.length;
  const data = new Float32Array(count * size);
  for (let p = 0; p < count; p++)
    for (let i = 0; i < size; i++) {
      const share = p % 2 === 0 ? random.integer(2) : random.uniform();
      const at = lower[i]! + (upper[i]! - lower[i]!) * share;
      data[p * size + i] = Math.min(upper[i]!, Math.max(lower[i]!, at));
    }
  return tensor("float32", [count, 2, SIZE, SIZE], data);
}

/** More by hand: NETWORKS=500 npm test -- src/certify/bounds/networks.test.ts */
const NETWORKS = Number(process.env["NETWORKS"] ?? 6);

describe("bounds of random networks", () => {
  it(
    `are never above what ONNX Runtime gives in the box, and near it in a small one (${NETWORKS} networks)`,
    async () => {
      const near: number[] = [];
      for (let n = 0; n < NETWORKS; n++) {
        const random = randomFor(11, n);
        const graph = network(random);
        const x = tensor(
          "float32",
          [2, 2, SIZE, SIZE],
          Float32Array.from({ length: 4 * SIZE * SIZE }, () => random.uniform()),
        );
        const rows = 5;
        const seed = normal(random, [2 * rows, CLASSES], 1);
        const samples = Int32Array.from({ length: 2 * rows }, (_, i) => Math.floor(i / rows));
        const bounds = await openBounds(graph, runtime);
        await withProgram(graph, async (program) => {
          for (const epsilon of [0, 1e-4, 0.02, 0.3]) {
            const box = ball(x, epsilon, { lower: 0, upper: 1 });
            for (const method of ["ibp", "crown-ibp", "crown"] as const) {
              const lower = await bounds.lower(box, { seed, samples }, method);
              for (const sample of [0, 1]) {
                const size = 2 * SIZE * SIZE;
                const part = (t: FloatTensor) => t.data.slice(sample * size, (sample + 1) * size) as Float32Array;
                const { logits } = await program.run({ x: points(part(box.lower), part(box.upper), 300, random) });
                const z = logits!.data as Float32Array;
                for (let row = sample * rows; row < (sample + 1) * rows; row++) {
                  let least = Number.POSITIVE_INFINITY;
                  for (let p = 0; p < 300; p++) {
                    let sum = 0;
                    for (let k = 0; k < CLASSES; k++) sum += seed.data[row * CLASSES + k]! * z[p * CLASSES + k]!;
                    least = Math.min(least, sum);
                  }
                  expect(lower[row], `network ${n}, ε ${epsilon}, ${method}`).toBeLessThanOrEqual(least);
                  if (epsilon === 0 && method === "crown") near.push(least - lower[row]!);
                }
              }
            }
          }
        });
        await bounds.release();
      }
      expect(near.length).toBe(NETWORKS * 10);
      // All that rounding is allowed for, of logits of the size of 1.
      expect(Math.max(...near)).toBeLessThan(2e-3);
    },
    20_000 * NETWORKS,
  );
});

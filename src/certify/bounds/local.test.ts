import { expect, it } from "vitest";
import { runtime } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { product, tensor } from "../../tensor.ts";
import { ball } from "./box.ts";
import { settle } from "./ends.ts";
import { type BoundPrograms, boundPrograms } from "./programs.ts";

const SIZE = 12;
const uniform = (random: Random, dims: readonly number[], scale: number) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => scale * (2 * random.uniform() - 1)),
  );

interface Layer {
  readonly channels: number;
  readonly kernel: number;
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
  readonly pool?: "MaxPool" | "AveragePool";
  readonly scaled?: boolean;
}

/** Convolutions one after the other, [N, 2, 12, 12] to [N, 3]. */
function network(random: Random, layers: readonly Layer[]): Graph {
  const b = new Ops(emptyGraph("random"));
  let x = b.input({ name: "x", type: "float32", dims: ["N", 2, SIZE, SIZE] });
  x = b.mul(b.sub(x, b.scalar(0.3, x)), b.constant(uniform(random, [2, 1, 1], 2)));
  for (const { channels, kernel, attributes, pool, scaled } of layers) {
    const depth = b.size(x, 1) / Number(attributes["group"] ?? 1);
    const w = uniform(random, [channels, depth, kernel, kernel], 2 / Math.sqrt(depth * kernel ** 2));
    x = b.add("Conv", [x, b.constant(w), b.constant(uniform(random, [channels], 0.4))], attributes as never);
    if (scaled) x = b.plus(x, b.constant(uniform(random, [channels, 1, 1], 0.3)));
    x = b.add("Relu", [x]);
    if (pool) x = b.add(pool, [x], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  const size = product(b.sizes(x, 1));
  const flat = b.reshape(x, [-1, size]);
  b.alias("y", b.matmul(flat, b.constant(uniform(random, [size, 3], 1 / Math.sqrt(size)))));
  return b.finish(["y"]);
}

const cases: readonly [string, readonly Layer[]][] = [
  [
    "pads and strides",
    [
      { channels: 4, kernel: 3, attributes: { pads: [1, 1, 1, 1] } },
      { channels: 3, kernel: 4, attributes: { pads: [1, 2, 2, 1], strides: [2, 2] } },
      { channels: 3, kernel: 3, attributes: { pads: [1, 1, 1, 1] } },
    ],
  ],
  [
    "dilations, groups and shifts",
    [
      { channels: 4, kernel: 3, attributes: {}, scaled: true },
      { channels: 4, kernel: 3, attributes: { dilations: [2, 2], group: 2, pads: [2, 0, 0, 2] } },
    ],
  ],
  [
    "pools",
    [
      { channels: 3, kernel: 3, attributes: {}, pool: "MaxPool" },
      { channels: 4, kernel: 3, attributes: { pads: [1, 1, 1, 1] }, pool: "AveragePool" },
    ],
  ],
];

it.each(cases)("windows give the bounds of whole samples: %s", async (_, layers) => {
  const random = randomFor(5, 0, 0);
  const programs = await boundPrograms(network(random, layers), runtime, "real");
  const x = uniform(random, [2, 2, SIZE, SIZE], 0.5);
  const box = ball(x, 0.06, { lower: -0.5, upper: 0.5 });
  const used: string[] = [];
  const counted: BoundPrograms = {
    ...programs,
    async windowed(value) {
      const found = await programs.windowed(value);
      if (found) used.push(value);
      return found;
    },
  };
  const local = await settle(counted, box, "crown");
  const whole = await settle({ ...programs, windowed: async () => undefined }, box, "crown");
  expect(used.length).toBeGreaterThan(0);
  for (const [value, { lower, upper }] of whole) {
    const { lower: low, upper: high } = local.get(value)!;
    for (const [i, l] of lower.entries()) {
      const room = 1e-5 * Math.max(1, Math.abs(l), Math.abs(upper[i]!));
      expect(Math.abs(low[i]! - l)).toBeLessThan(room);
      expect(Math.abs(high[i]! - upper[i]!)).toBeLessThan(room);
    }
  }
  await programs.release();
});

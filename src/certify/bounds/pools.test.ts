import { describe, expect, it } from "vitest";
import { runtime } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { product, takeRows, tensor } from "../../tensor.ts";
import { boundsOf, type Ends, givenOf } from "./batches.ts";
import { openBounds } from "./bounds.ts";
import { ball } from "./box.ts";
import { settle } from "./ends.ts";
import { poolOf, STAGES } from "./pools.ts";
import { type BoundPrograms, boundPrograms } from "./programs.ts";

const uniform = (random: Random, dims: readonly number[], scale: number) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => scale * (2 * random.uniform() - 1)),
  );

/** Two convolutions, each with a pool and a Relu, [N, 1, 12, 12] to [N, 3]. */
function network(random: Random, isReluFirst: boolean): Graph {
  const b = new Ops(emptyGraph("random"));
  let x = b.input({ name: "x", type: "float32", dims: ["N", 1, 12, 12] });
  for (const channels of [3, 4]) {
    const depth = b.size(x, 1);
    const w = uniform(random, [channels, depth, 3, 3], 2 / Math.sqrt(depth * 9));
    x = b.add("Conv", [x, b.constant(w), b.constant(uniform(random, [channels], 0.4))], { pads: [1, 1, 1, 1] });
    const pool = (y: string) => b.add("MaxPool", [y], { kernel_shape: [2, 2], strides: [2, 2] });
    x = isReluFirst ? pool(b.add("Relu", [x])) : b.add("Relu", [pool(x)]);
  }
  const size = product(b.sizes(x, 1));
  b.alias("y", b.matmul(b.reshape(x, [-1, size]), b.constant(uniform(random, [size, 3], 1 / Math.sqrt(size)))));
  return b.finish(["y"]);
}

const rows = {
  seed: tensor("float32", [4, 3], Float32Array.of(1, -1, 0, 0, 1, -1, 1, -1, 0, 0, 1, -1)),
  samples: Int32Array.of(0, 0, 1, 1),
};

const boundsWith = async (programs: BoundPrograms, box: ReturnType<typeof ball>, ends: Ends) =>
  (await boundsOf(await programs.boundOf("y", false), givenOf(programs.frontiers, box, ends), rows, [1, 12, 12]))
    .bounds;

describe("elements that a pool reads", () => {
  it.each([
    ["behind a Relu", true],
    ["before a Relu", false],
  ])("are asked about only where it matters, and bounds are those of all of them: %s", async (_, isReluFirst) => {
    for (const [seed, epsilon] of [
      [1, 0.02],
      [2, 0.05],
      [3, 0.1],
    ] as const) {
      const random = randomFor(seed, 0);
      const programs = await boundPrograms(network(random, isReluFirst), runtime, "real");
      expect(programs.frontiers.some(({ pool }) => pool)).toBe(true);
      const box = ball(uniform(random, [2, 1, 12, 12], 1), epsilon, { lower: -1, upper: 1 });
      const all = { ...programs, frontiers: programs.frontiers.map((one) => ({ ...one, pool: undefined })) };
      const [few, whole] = [
        await boundsWith(programs, box, await settle(programs, box, "crown")),
        await boundsWith(programs, box, await settle(all, box, "crown")),
      ];
      for (const [i, bound] of few.entries()) expect(Math.abs(bound - whole[i]!)).toBeLessThan(1e-6);
      await programs.release();
    }
  });

  const b = new Ops(emptyGraph("pool"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 1, 4, 4] });
  const nodeOf = (attributes: Readonly<Record<string, readonly number[] | number>>) => {
    b.add("MaxPool", [x], attributes);
    return b.nodes.at(-1)!;
  };
  const square = { kernel_shape: [2, 2], strides: [2, 2] };

  it("are those of its windows", () => {
    const windows = (attributes: Parameters<typeof nodeOf>[0]) =>
      poolOf(nodeOf(attributes), [1, 4, 4], false)?.windows.map((places) => [...places]);
    expect(windows(square)).toEqual([
      [0, 1, 4, 5],
      [2, 3, 6, 7],
      [8, 9, 12, 13],
      [10, 11, 14, 15],
    ]);
    expect(windows({ ...square, pads: [1, 1, 1, 1] })?.slice(0, 2)).toEqual([[0], [1, 2]]);
    expect(windows({ kernel_shape: [2, 2], strides: [3, 3], dilations: [2, 1], pads: [0, 0, 0, 0] })).toEqual([
      [0, 1, 8, 9],
    ]);
    expect(windows({ kernel_shape: [2, 2], strides: [1, 1] })).toBeUndefined();
    expect(windows({ ...square, ceil_mode: 1 })).toBeUndefined();
  });

  it("are asked about in turn", () => {
    const pool = poolOf(nodeOf(square), [1, 4, 4], true)!;
    // Of four windows: decided; one rival; below 0; three that may be largest.
    const lower = Float32Array.of(3, 0, 1, 0, 0, 0, 0, 0, -3, -3, 0, 0, -3, -3, 0, 0);
    const upper = Float32Array.of(4, 1, 2, 3, 1, 1, 0, 0, -1, -1, 2, 3, -1, -1, 4, 0);
    const ask = (stage: number) =>
      STAGES[stage]!(pool, { lower, upper }, 16).map(({ element, sign }) => sign * element);
    expect(ask(0)).toEqual([2, 14]);
    expect(ask(1)).toEqual([-3, -11, -14]);
    expect(ask(2)).toEqual([2, -2, 3, 10, -10, 11, 14]);
  });
});

it("what was settled of several boxes is taken for one of them", async () => {
  const random = randomFor(4, 0);
  let runs = 0;
  const counted: typeof runtime = {
    ...runtime,
    async load(bytes) {
      const program = await runtime.load(bytes);
      return {
        inputs: program.inputs,
        outputs: program.outputs,
        release: () => program.release(),
        run(given, outputs) {
          runs++;
          return program.run(given, outputs);
        },
      };
    },
  };
  const bounds = await openBounds(network(random, true), counted);
  const x = uniform(random, [2, 1, 12, 12], 1);
  const box = (at: readonly number[], epsilon: number) => ball(takeRows(x, at), epsilon, { lower: -1, upper: 1 });
  await bounds.lower(box([0, 1], 0.02), rows);
  const before = runs;
  const second = await bounds.tuning(box([1], 0.02));
  expect(runs).toBe(before);
  const alone = await openBounds(network(randomFor(4, 0), true), runtime);
  const first = await alone.tuning(box([1], 0.02));
  expect(second.neurons.length).toBe(first.neurons.length);
  for (const [i, { lower, upper }] of second.neurons.entries()) {
    expect(lower).toBeCloseTo(first.neurons[i]!.lower, 4);
    expect(upper).toBeCloseTo(first.neurons[i]!.upper, 4);
  }
  await bounds.tuning(box([1], 0.03));
  expect(runs).toBeGreaterThan(before);
  // Ends over a ball do not hold for the box around it.
  const round = ball(takeRows(x, [1]), 0.04, { lower: -1, upper: 1 }, "l2");
  await bounds.lower(round, { seed: takeRows(rows.seed, [0, 1]), samples: Int32Array.of(0, 0) });
  const afterBall = runs;
  await bounds.tuning({ centre: round.centre, lower: round.lower, upper: round.upper });
  expect(runs).toBeGreaterThan(afterBall);
  await Promise.all([bounds.release(), alone.release()]);
});

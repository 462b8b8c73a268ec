import { describe, expect, it } from "vitest";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { product, tensor } from "../../tensor.ts";
import { ball } from "./box.ts";
import { settle } from "./ends.ts";
import { boundPrograms } from "./programs.ts";
import { reduced } from "./reduced.ts";
import { tightened } from "./tighten.ts";

const uniform = (random: Random, dims: readonly number[], scale: number) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => scale * (2 * random.uniform() - 1)),
  );

/** A convolution, two dense layers, and a way around one of them; [N, 1, 4, 4] to [N, 3]. */
function network(random: Random, last: "Relu" | "Tanh" = "Relu"): Graph {
  const b = new Ops(emptyGraph("random"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 1, 4, 4] });
  const weights = (dims: readonly number[], scale: number) => b.constant(uniform(random, dims, scale));
  b.alias("a", b.add("Conv", [x, weights([3, 1, 2, 2], 1), weights([3], 0.2)], { strides: [2, 2] }));
  const first = b.add("Flatten", [b.add("Relu", ["a"])], { axis: 1 });
  b.alias("c", b.add("Gemm", [first, weights([12, 12], 0.7), weights([12], 0.2)]));
  b.alias("e", b.plus(b.add(last, ["c"]), first));
  b.alias("d", b.add("Gemm", ["e", weights([12, 10], 0.7), weights([10], 0.2)]));
  b.alias("y", b.add("Gemm", [b.add("Relu", ["d"]), weights([10, 3], 0.7)]));
  return b.finish(["y"]);
}

const boxFor = (random: Random) => ball(uniform(random, [1, 1, 4, 4], 0.5), 0.15, { lower: -1, upper: 1 });

describe("a network reduced to the neurons whose sign is open", () => {
  it("gives the same values all over the box", async () => {
    for (let round = 0; round < 5; round++) {
      const random = randomFor(7, round, 0);
      const graph = network(random);
      const programs = await boundPrograms(graph, runtime, "float32");
      const box = boxFor(random);
      const ends = await settle(programs, box, "crown");
      const small = (await reduced(programs, box, ends, { outputs: 3, runtime }))!;
      const layers = ["a", "c", "d"].flatMap((value) => small.layerOf(value) ?? []);
      expect(layers.length).toBeGreaterThan(1);
      const points = 50;
      const x = new Float32Array(points * 16);
      for (let i = 0; i < x.length; i++) {
        const [low, high] = [box.lower.data[i % 16]!, box.upper.data[i % 16]!];
        x[i] = low + random.uniform() * (high - low);
      }
      const all = new Ops(graph).finish(["a", "c", "d", "y"]);
      const names = layers.map(({ name }) => name);
      const few = new Ops(small.graph).finish([...names, "y"]);
      await withProgram(all, async (full) => {
        const theirs = await full.run({ x: tensor("float32", [points, 1, 4, 4], x) });
        await withProgram(few, async (program) => {
          const ours = await program.run({ x: tensor("float32", [points, 16], x) });
          for (const { name, value, elements } of [...layers, { name: "y", value: "y", elements: [0, 1, 2] }]) {
            const [a, b] = [ours[name]!.data, theirs[value]!.data];
            const size = b.length / points;
            for (let i = 0; i < points; i++)
              for (const [k, e] of elements.entries())
                expect(Math.abs(Number(a[i * elements.length + k]) - Number(b[i * size + e]))).toBeLessThan(1e-5);
          }
        });
      });
      await small.programs.release();
      await programs.release();
    }
  });

  it("is made of networks of Relus alone", async () => {
    const programs = await boundPrograms(network(randomFor(7, 0, 0), "Tanh"), runtime, "float32");
    const box = boxFor(randomFor(7, 0, 1));
    const ends = await settle(programs, box, "crown");
    expect(await reduced(programs, box, ends, { outputs: 3, runtime })).toBeUndefined();
    await programs.release();
  });
});

it.each([true, false])("better ends are closer, and hold all over the box (reduced: %s)", async (isReduced) => {
  let closer = 0;
  for (let round = 0; round < 5; round++) {
    const random = randomFor(8, round, 0);
    const graph = network(random);
    const programs = await boundPrograms(graph, runtime, "float32");
    const box = boxFor(random);
    const ends = await settle(programs, box, "crown");
    const small = isReduced ? await reduced(programs, box, ends, { outputs: 3, runtime }) : undefined;
    const better = await tightened(programs, box, ends, small);
    for (const { value } of programs.frontiers) {
      const [old, now] = [ends.get(value)!, better.get(value)!];
      for (const [e, low] of now.lower.entries()) {
        expect(low).toBeGreaterThanOrEqual(old.lower[e]!);
        expect(now.upper[e]!).toBeLessThanOrEqual(old.upper[e]!);
        if (now.upper[e]! - low < 0.99 * (old.upper[e]! - old.lower[e]!)) closer++;
      }
    }
    const points = 2000;
    const x = new Float32Array(points * 16);
    for (let i = 0; i < x.length; i++) x[i] = (random.uniform() < 0.5 ? box.lower : box.upper).data[i % 16]!;
    await withProgram(new Ops(graph).finish(["a", "c", "d"]), async (program) => {
      const values = await program.run({ x: tensor("float32", [points, 1, 4, 4], x) });
      for (const value of ["a", "c", "d"]) {
        const { lower, upper } = better.get(value)!;
        const outside = (values[value]!.data as Float32Array).filter(
          (v, i) => !(v >= lower[i % lower.length]! && v <= upper[i % lower.length]!),
        );
        expect([round, value, outside.length]).toEqual([round, value, 0]);
      }
    });
    await small?.programs.release();
    await programs.release();
  }
  expect(closer).toBeGreaterThan(5);
});

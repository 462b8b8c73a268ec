import { describe, expect, it } from "vitest";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { product, tensor } from "../../tensor.ts";
import { readOnce, withPrecision } from "../proving/precise.ts";
import { openBounds } from "./bounds.ts";
import { ball } from "./box.ts";
import { branch } from "./branch.ts";

const INPUTS = 3;
const WIDTH = 10;
const ROUNDS = 4;

const uniform = (random: Random, dims: readonly number[], scale: number) =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => scale * (2 * random.uniform() - 1)),
  );

/** Dense layers, [N, 3] to [N, 2], with a way around the second one. */
function network(random: Random, op: "Relu" | "LeakyRelu"): Graph {
  const b = new Ops(emptyGraph("random"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", INPUTS] });
  const dense = (from: string, inputs: number, outputs: number): string =>
    b.add("Gemm", [
      from,
      b.constant(uniform(random, [inputs, outputs], 2 / Math.sqrt(inputs))),
      b.constant(uniform(random, [outputs], 0.3)),
    ]);
  const first = b.add(op, [dense(x, INPUTS, WIDTH)]);
  const second = b.plus(b.add(op, [dense(first, WIDTH, WIDTH)]), first);
  b.alias("y", dense(second, WIDTH, 2));
  return b.finish(["y"]);
}

/** The least of y₀ - y₁ over a fine grid of the box. */
async function leastOnGrid(graph: Graph, lower: Float32Array, upper: Float32Array): Promise<number> {
  const steps = 41;
  const count = steps ** INPUTS;
  const x = new Float32Array(count * INPUTS);
  for (let i = 0; i < count; i++)
    for (let k = 0; k < INPUTS; k++) {
      const share = (Math.floor(i / steps ** k) % steps) / (steps - 1);
      x[i * INPUTS + k] = lower[k]! + share * (upper[k]! - lower[k]!);
    }
  return withProgram(graph, async (program) => {
    const y = (await program.run({ x: tensor("float32", [count, INPUTS], x) }))["y"]!.data as Float32Array;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) least = Math.min(least, y[2 * i]! - y[2 * i + 1]!);
    return least;
  });
}

describe("branch and bound on the signs of neurons", () => {
  it.each(["Relu", "LeakyRelu"] as const)(
    "proves what is true of small networks of %s, and nothing else",
    async (op) => {
      let splits = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const random = randomFor(3, round, 0);
        const graph = network(random, op);
        const box = ball(uniform(random, [1, INPUTS], 0.5), 0.4, { lower: -1, upper: 1 });
        const least = await leastOnGrid(graph, box.lower.data as Float32Array, box.upper.data as Float32Array);
        const bounds = await openBounds(graph, runtime);
        const tuning = await bounds.tuning(box);
        const row = Float32Array.of(1, -1);
        const options = { late: () => false, tryInputs: async () => undefined, most: 3000 };
        // Between points of the grid, the true least may be a little smaller.
        const true_ = await branch(tuning, [{ row, limit: least - 0.03 * Math.max(1, Math.abs(least)) }], options);
        if (true_.kind !== "proven") console.log(JSON.stringify(true_), tuning.neurons.length);
        expect([round, true_.kind]).toEqual([round, "proven"]);
        splits += true_.domains - 1;
        const false_ = await branch(tuning, [{ row, limit: least }], { ...options, most: 30 });
        expect([round, false_.kind]).not.toEqual([round, "proven"]);
        await bounds.release();
      }
      expect(splits).toBeGreaterThan(50);
    },
  );

  it.each([
    ["Relu", "float32"],
    ["Relu", "float64"],
    ["LeakyRelu", "float64"],
  ] as const)("the bound of a domain holds in it, whatever is chosen: %s, in %s", async (op, arithmetic) => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = randomFor(4, round, 0);
      const graph = network(random, op);
      const box = ball(uniform(random, [1, INPUTS], 0.5), 0.4, { lower: -1, upper: 1 });
      const bounds = await openBounds(graph, runtime);
      const tuning = await bounds.tuning(box);
      const row = Float32Array.of(1, -1);
      const domains = Array.from({ length: 50 }, () => {
        const signs = Int8Array.from(tuning.neurons, () => random.integer(3) - 1);
        const shares = Float32Array.from(tuning.neurons, () => random.uniform());
        const pushes = Float32Array.from(signs, (sign) => -sign * 2 * random.uniform());
        return { signs, shares, pushes };
      });
      // What is not above its limit is proven once more.
      const asked = domains.map((domain) => ({ domain, row, limit: Number.POSITIVE_INFINITY }));
      const precise = withPrecision(tuning, readOnce(graph), box);
      const proven = await (arithmetic === "float32" ? tuning : precise).prove(asked);
      if (arithmetic === "float64") {
        const [less, exact] = [await tuning.prove(asked), await tuning.guess(asked)];
        const lost = (bounds: Float64Array) => bounds.reduce((sum, bound, d) => sum + exact[d]! - bound, 0);
        expect(lost(proven)).toBeLessThan(lost(less));
      }
      await withSigns(graph, tuning.neurons, async (signsOf) => {
        const [lower, upper] = [box.lower.data, box.upper.data];
        for (let i = 0; i < 400; i++) {
          const x = Float32Array.from(lower, (l, k) => l + random.uniform() * (upper[k]! - l));
          const { y, signs } = await signsOf(x);
          for (const [d, domain] of domains.entries()) {
            if (!domain.signs.every((sign, k) => sign === 0 || sign === signs[k])) continue;
            expect(proven[d]!).toBeLessThanOrEqual(y[0]! - y[1]!);
          }
        }
      });
      await bounds.release();
    }
  });
});

/** Gives, for an input, the output and the sign of each neuron. */
async function withSigns(
  graph: Graph,
  neurons: readonly { value: string; element: number }[],
  use: (signsOf: (x: Float32Array) => Promise<{ y: Float32Array; signs: number[] }>) => Promise<void>,
): Promise<void> {
  const values = [...new Set(neurons.map(({ value }) => value))];
  const b = new Ops(graph);
  await withProgram(b.finish(["y", ...values]), async (program) => {
    await use(async (x) => {
      const results = await program.run({ x: tensor("float32", [1, INPUTS], x) });
      return {
        y: results["y"]!.data as Float32Array,
        signs: neurons.map(({ value, element }) => Math.sign((results[value]!.data as Float32Array)[element]!)),
      };
    });
  });
}

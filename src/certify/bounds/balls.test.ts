import { describe, expect, it } from "vitest";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { cellsOf, normFor } from "../../norm.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, product, tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";
import { type Ball, type BallNorm, ball } from "./box.ts";
import { leastOver } from "./least.ts";

const LIMITS = { lower: 0, upper: 1 };
const NORMS = ["l2", "l1", "l0"] as const satisfies readonly BallNorm[];

const draw = (
  random: Random,
  dims: readonly number[],
  of: () => number = () => 2 * random.uniform() - 1,
): FloatTensor => tensor("float32", dims, Float32Array.from({ length: product(dims) }, of));
const digits = (random: Random, dims: readonly number[]): FloatTensor =>
  draw(random, dims, () => [0, 1, random.uniform()][random.integer(3)]!);

/** min ⟨a, d⟩ over subsets of cells of which every element moves as far as it may. */
function bruteL0(gains: readonly number[], k: number): number {
  let most = 0;
  for (let set = 0; set < 2 ** gains.length; set++) {
    const chosen = gains.filter((_, i) => (set >> i) & 1);
    if (chosen.length <= k)
      most = Math.max(
        most,
        chosen.reduce((sum, g) => sum + g, 0),
      );
  }
  return -most;
}

/** The same of L1: at a vertex, all elements but one stay or meet the box. */
function bruteL1(sizes: readonly number[], rooms: readonly number[], budget: number): number {
  let most = 0;
  for (let set = 0; set < 2 ** sizes.length; set++) {
    const full = sizes.map((_, i) => ((set >> i) & 1) === 1);
    const spent = rooms.reduce((sum, room, i) => sum + (full[i] ? room : 0), 0);
    if (spent > budget) continue;
    const gained = sizes.reduce((sum, size, i) => sum + (full[i] ? size * rooms[i]! : 0), 0);
    for (const [i, size] of sizes.entries())
      most = Math.max(most, gained + (full[i] ? 0 : size * Math.min(rooms[i]!, budget - spent)));
  }
  return -most;
}

/** The same of L2, by bisection for the multiplier of the norm. */
function exactL2(sizes: readonly number[], rooms: readonly number[], radius: number): number {
  const moved = (t: number) => sizes.map((size, i) => Math.min(t * size, rooms[i]!));
  let [low, high] = [0, 1e6];
  for (let step = 0; step < 200; step++) {
    const t = (low + high) / 2;
    if (Math.hypot(...moved(t)) > radius) high = t;
    else low = t;
  }
  return -moved(low).reduce((sum, d, i) => sum + d * sizes[i]!, 0);
}

describe("the least of a line over ball and box", () => {
  it.each(NORMS)("is exact in %s, and never above", (norm) => {
    for (let n = 0; n < 200; n++) {
      const random = randomFor(21, n);
      const dims = norm === "l0" && n % 2 === 0 ? [2, 2, 3] : [9];
      const x = digits(random, [1, ...dims]);
      const slope = draw(random, [1, ...dims]);
      if (n % 5 === 0) slope.data.fill(slope.data[0]!, 0, 4);
      const epsilon = norm === "l0" ? random.integer(8) : 3 * random.uniform() * random.uniform();
      const box = ball(x, epsilon, LIMITS, norm);
      const a = [...(slope.data as Float32Array)];
      const sizes = a.map(Math.abs);
      const rooms = a.map((v, i) => (v > 0 ? x.data[i]! - box.lower.data[i]! : box.upper.data[i]! - x.data[i]!));
      const radius = box.ball!.radii[0]!;
      const { count, channels, at } = cellsOf(normFor("l0", dims), dims);
      const gains = Array.from({ length: count }, (_, p) => {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += sizes[at(p, c)]! * rooms[at(p, c)]!;
        return sum;
      });
      const truth =
        norm === "l0"
          ? bruteL0(gains, epsilon)
          : norm === "l1"
            ? bruteL1(sizes, rooms, radius)
            : exactL2(sizes, rooms, radius);
      const least = leastOver(box, box.ball!);
      const bound = least.bound(slope.data as Float32Array, 0);
      expect(bound, `${n}`).toBeLessThanOrEqual(truth + 1e-13);
      expect(bound, `${n}`).toBeGreaterThan(truth - 1e-6 * (1 + Math.abs(truth)));
      expect(radius).toBeGreaterThanOrEqual(epsilon);
      expect(radius).toBeLessThan(epsilon + 1e-5);
    }
  });

  it("is Hölder's where the box is far, and tells nothing of what is not finite", () => {
    const x = tensor("float32", [1, 3], Float32Array.of(0, 0, 0));
    const wide = { lower: -100, upper: 100 };
    const slope = Float32Array.of(3, -4, 0);
    const of = (norm: BallNorm, a = slope, epsilon = 2) => {
      const box = ball(x, epsilon, wide, norm);
      return leastOver(box, box.ball!).bound(a, 0);
    };
    expect(of("l2")).toBeCloseTo(-10, 4);
    expect(of("l1")).toBeCloseTo(-8, 4);
    expect(of("l0", slope, 1)).toBeCloseTo(-400, 9);
    for (const norm of NORMS) {
      expect(of(norm, Float32Array.of(Number.NaN, 1, 1)) > Number.NEGATIVE_INFINITY).toBe(false);
      expect(of(norm, Float32Array.of(Number.POSITIVE_INFINITY, 1, 1)) > Number.NEGATIVE_INFINITY).toBe(false);
      const box = ball(x, 1, wide, norm);
      const unknown: Ball = { ...box.ball!, radii: Float64Array.of(Number.NaN) };
      expect(leastOver(box, unknown).bound(slope, 0) > Number.NEGATIVE_INFINITY).toBe(false);
    }
  });
});

/** Convolutions by windows, [N, 2, 12, 12], and a dense part, to [N, 3]. */
function network(random: Random): Graph {
  const b = new Ops(emptyGraph("windows"));
  let x = b.input({ name: "x", type: "float32", dims: ["N", 2, 12, 12] });
  for (const [from, to, k] of [
    [2, 3, 3],
    [3, 4, 3],
  ] as const) {
    const w = draw(random, [to, from, k, k]);
    x = b.add("Conv", [x, b.constant(w), b.constant(draw(random, [to]))], { pads: [1, 1, 1, 1], strides: [2, 2] });
    x = b.add("Relu", [x]);
  }
  const flat = b.reshape(x, [-1, 36]);
  const hidden = b.add("Relu", [b.matmul(flat, b.constant(draw(random, [36, 8])))]);
  b.alias("logits", b.matmul(hidden, b.constant(draw(random, [8, 3]))));
  return b.finish(["logits"]);
}

/** Linear alone, [N, 6] to [N, 2]. */
function linear(w: FloatTensor): Graph {
  const b = new Ops(emptyGraph("linear"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 6] });
  b.alias("logits", b.matmul(x, b.constant(w)));
  return b.finish(["logits"]);
}

const NETWORKS = Number(process.env["NETWORKS"] ?? 2);

describe("bounds over balls", () => {
  it("are those in closed form on a linear network", async () => {
    const random = randomFor(22, 0);
    const w = draw(random, [6, 2]);
    const x = draw(random, [1, 6], () => random.uniform());
    const bounds = await openBounds(linear(w), runtime);
    const row = Float64Array.from({ length: 6 }, (_, i) => w.data[2 * i]! - w.data[2 * i + 1]!);
    const at = row.reduce((sum, v, i) => sum + v * x.data[i]!, 0);
    const rows = { seed: tensor("float32", [1, 2], Float32Array.of(1, -1)), samples: Int32Array.of(0) };
    for (const method of ["ibp", "crown-ibp", "crown"] as const) {
      const of = async (norm: BallNorm, epsilon: number) =>
        (await bounds.lower(ball(x, epsilon, { lower: -9, upper: 9 }, norm), rows, method))[0]!;
      const length = Math.hypot(...row);
      const most = Math.max(...row.map(Math.abs));
      for (const [norm, dual] of [
        ["l2", length],
        ["l1", most],
      ] as const) {
        const found = await of(norm, 0.5);
        expect(found).toBeLessThanOrEqual(at - 0.5 * dual);
        expect(found).toBeGreaterThan(at - 0.5 * dual - 3e-5);
      }
    }
    await bounds.release();
  });

  it(`are never above what ONNX Runtime gives in the ball, and above those of the box (${NETWORKS} networks)`, async () => {
    for (let n = 0; n < NETWORKS; n++) {
      const random = randomFor(23, n);
      const graph = network(random);
      const x = digits(random, [1, 2, 12, 12]);
      const bounds = await openBounds(graph, runtime);
      const seed = tensor("float32", [3, 3], Float32Array.of(1, -1, 0, 0, 1, -1, -1, 0, 1));
      const rows = { seed, samples: new Int32Array(3) };
      await withProgram(graph, async (program) => {
        for (const norm of NORMS)
          for (const epsilon of norm === "l0" ? [0, 1, 3] : norm === "l1" ? [0.1, 1] : [0.05, 0.5]) {
            const box = ball(x, epsilon, LIMITS, norm);
            const { centre, lower, upper } = box;
            const wide = await bounds.lower({ centre, lower, upper }, rows, "crown");
            for (const method of ["ibp", "crown-ibp", "crown"] as const) {
              const { bounds: least, slopes } = await bounds.lines(box, rows, method);
              const at = inBall(norm, x, epsilon, slopes, random);
              const { logits } = await program.run({ x: at });
              for (let row = 0; row < 3; row++) {
                for (let p = 0; p < at.dims[0]!; p++) {
                  const z = (k: number) => logits!.data[3 * p + k] as number;
                  const value = [0, 1, 2].reduce((sum, k) => sum + seed.data[3 * row + k]! * z(k), 0);
                  expect(least[row]!, `network ${n}, ${norm}, ε ${epsilon}, ${method}`).toBeLessThanOrEqual(value);
                }
                if (method === "crown") expect(least[row]!).toBeGreaterThanOrEqual(wide[row]! - 1e-6);
              }
            }
          }
      });
      await bounds.release();
    }
  });
});

/** Points of the ball: drawn, steps along slopes, and steps from there along others. */
function inBall(name: BallNorm, x: FloatTensor, epsilon: number, slopes: FloatTensor, random: Random): FloatTensor {
  const norm = normFor(name, x.dims.slice(1));
  const [size, count] = [x.data.length, 300];
  const from = x.data as Float32Array;
  const points = new Float32Array(count * size);
  for (let p = 0; p < count; p++) {
    const out = points.subarray(p * size, (p + 1) * size);
    if (p % 3 === 0) norm.uniform(out, from, epsilon, random);
    else {
      const row = (p % slopes.dims[0]!) * size;
      const noise = p % 3 === 1 ? 0 : 1;
      const g = Float32Array.from(out, (_, i) => noise * (2 * random.uniform() - 1) - slopes.data[row + i]!);
      norm.ascend(out, from, g, epsilon, LIMITS);
    }
    norm.project(out, from, epsilon, LIMITS);
  }
  return tensor("float32", [count, ...x.dims.slice(1)], points);
}

import { describe, expect, it } from "vitest";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { dense, drawn, pick, SIZE, steps } from "../../../test/support/operator-steps.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";
import type { Box } from "./box.ts";

const OPSET = 20;

/** Operators in a row, with dense layers and branches in between, [N, 4] to [N, 4]. */
function network(random: Random, names: readonly string[]): Graph {
  const b = new Ops(emptyGraph("random", OPSET));
  let x = b.input({ name: "x", type: "float32", dims: ["N", SIZE] });
  for (const name of names) {
    if (random.uniform() < 0.5) x = dense(b, x, random);
    const from = x;
    const y = steps[name]!(b, x, random, () => dense(b, from, random));
    // Values that stay near 1, so that one operator does not drown the others.
    x = random.uniform() < 0.3 ? b.plus(x, b.add("HardSigmoid", [y])) : y;
  }
  b.alias("logits", dense(b, x, random));
  return b.finish(["logits"]);
}

/** Boxes around a point: small ones, wide ones, those of one point, and some whose ends are at kinks. */
function boxAround(random: Random, radius: number): Box {
  const x = drawn(random, [1, SIZE], 1);
  const at = x.data as Float32Array;
  if (random.uniform() < 0.2) at[random.integer(SIZE)] = 0;
  const lower = at.map((v) => v - radius * random.uniform());
  const upper = at.map((v) => v + radius * random.uniform());
  if (random.uniform() < 0.2) lower[0] = upper[0] = at[0]!;
  return { centre: x, lower: tensor("float32", [1, SIZE], lower), upper: tensor("float32", [1, SIZE], upper) };
}

const POINTS = 400;
function points({ lower, upper }: Box, random: Random): FloatTensor {
  const [l, u] = [lower.data, upper.data];
  const data = Float32Array.from({ length: POINTS * SIZE }, (_, k) => {
    const i = k % SIZE;
    const share = Math.floor(k / SIZE) % 2 === 0 ? random.integer(2) : random.uniform();
    return Math.min(u[i]!, Math.max(l[i]!, l[i]! + (u[i]! - l[i]!) * share));
  });
  return tensor("float32", [POINTS, SIZE], data);
}

/** The last one opens a graph for each layer: by default for some networks only. */
const METHODS = ["ibp", "crown-ibp", "crown"] as const;

interface Checked {
  readonly violations: string[];
  /** Of how many bounds a number came. */
  known: number;
  total: number;
}

async function check(name: string, graph: Graph, random: Random, found: Checked, count: number): Promise<void> {
  const bounds = await openBounds(graph, runtime);
  const rows = 2 * SIZE;
  const seed = tensor("float32", [rows, SIZE], new Float32Array(rows * SIZE));
  for (let row = 0; row < rows; row++) seed.data[row * SIZE + (row >> 1)] = row % 2 === 0 ? 1 : -1;
  await withProgram(graph, async (program) => {
    for (const radius of [0, 1e-3, 0.1, 1]) {
      const box = boxAround(random, radius);
      const { logits } = await program.run({ x: points(box, random) });
      const z = logits!.data as Float32Array;
      for (const method of METHODS.slice(0, count)) {
        const lower = await bounds.lower(box, { seed, samples: new Int32Array(rows) }, method);
        for (let row = 0; row < rows; row++) {
          const [i, sign] = [Math.floor(row / 2), row % 2 === 0 ? 1 : -1];
          let least = Number.POSITIVE_INFINITY;
          for (let p = 0; p < POINTS; p++) least = Math.min(least, sign * z[p * SIZE + i]!);
          found.total++;
          if (Number.isFinite(lower[row])) found.known++;
          if (lower[row]! > least)
            found.violations.push(`${name}, radius ${radius}, ${method}: ${lower[row]} > ${least}`);
        }
      }
    }
  });
  await bounds.release();
}

/** More by hand, in random order: GRAPHS=300 npm test -- src/certify/bounds/operators.test.ts */
const GRAPHS = Number(process.env["GRAPHS"] ?? 0);
const TOGETHER = 3;
const names = Object.keys(steps);
const inOrder = Array.from({ length: Math.ceil(names.length / TOGETHER) }, (_, i) =>
  names.slice(i * TOGETHER, (i + 1) * TOGETHER),
);
const atRandom = Array.from({ length: GRAPHS }, (_, n) => {
  const random = randomFor(19, n);
  return Array.from({ length: 1 + random.integer(4) }, () => pick(random, names));
});

describe("bounds of random graphs are never above what ONNX Runtime gives in the box", () => {
  it.each([...inOrder, ...atRandom].map((list, n) => [list.join(", "), n, list] as const))(
    "%s (%i)",
    async (name, n, list) => {
      const found: Checked = { violations: [], known: 0, total: 0 };
      const random = randomFor(17, n);
      await check(name, network(random, list), random, found, GRAPHS > 0 || n % 4 === 0 ? 3 : 2);
      expect(found.violations).toEqual([]);
      // Small boxes have bounds, whatever the operator.
      if (GRAPHS === 0) expect(found.known).toBeGreaterThan(found.total / 2);
    },
    60_000,
  );
});

import { describe, expect, it } from "vitest";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, product, tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";
import type { Box } from "./box.ts";

const SIZE = 4;
const OPSET = 20;
const pick = <T>(random: Random, from: readonly T[]): T => from[random.integer(from.length)]!;
const drawn = (random: Random, dims: readonly number[], scale: number): FloatTensor =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => scale * (2 * random.uniform() - 1)),
  );

/** Appends an operator to a value [N, 4]. */
type Step = (b: Ops, x: string, random: Random) => string;
const scalar = (b: Ops, x: string, v: number): string => b.scalar(v, x);
const vector = (b: Ops, random: Random): string => b.constant(drawn(random, [SIZE], 1));
const dense: Step = (b, x, random) =>
  b.plus(b.matmul(x, b.constant(drawn(random, [SIZE, SIZE], 0.8))), vector(b, random));
/** The square, a little above 0. */
const positive: Step = (b, x, random) => b.plus(b.mul(x, x), scalar(b, x, 0.3 + random.uniform()));
const single =
  (op: string, attributes = {}): Step =>
  (b, x) =>
    b.add(op, [x], attributes);
const afterPositive =
  (step: Step): Step =>
  (b, x, random) =>
    step(b, positive(b, x, random), random);
const withOther =
  (op: string): Step =>
  (b, x, random) =>
    b.add(op, [x, dense(b, x, random)]);
const power =
  (p: number): Step =>
  (b, x) =>
    b.add("Pow", [x, scalar(b, x, p)]);

/** Each operator that has bounds, in one way at least. */
const steps: Readonly<Record<string, Step>> = {
  Relu: single("Relu"),
  LeakyRelu: single("LeakyRelu", { alpha: { float: 0.2 } }),
  PRelu: (b, x, random) => b.add("PRelu", [x, vector(b, random)]),
  Abs: single("Abs"),
  Clip: (b, x) => b.add("Clip", [x, scalar(b, x, -0.5), scalar(b, x, 0.7)]),
  HardSigmoid: single("HardSigmoid"),
  Sigmoid: single("Sigmoid"),
  Tanh: single("Tanh"),
  Erf: single("Erf"),
  Softplus: single("Softplus"),
  Softsign: single("Softsign"),
  Elu: single("Elu"),
  Celu: single("Celu", { alpha: { float: 0.7 } }),
  Selu: single("Selu"),
  Gelu: single("Gelu"),
  "Gelu by tanh": single("Gelu", { approximate: "tanh" }),
  Mish: single("Mish"),
  HardSwish: single("HardSwish"),
  Exp: (b, x) => b.exp(b.mul(x, scalar(b, x, 0.5))),
  Log: afterPositive(single("Log")),
  Sqrt: afterPositive(single("Sqrt")),
  Reciprocal: afterPositive(single("Reciprocal")),
  Sin: single("Sin"),
  Cos: single("Cos"),
  "Pow 2": power(2),
  "Pow 3": power(3),
  "Pow -1.5": afterPositive(power(-1.5)),
  Floor: (b, x) => b.add("Floor", [b.mul(x, scalar(b, x, 3))]),
  Ceil: (b, x) => b.add("Ceil", [b.mul(x, scalar(b, x, 3))]),
  Round: (b, x) => b.add("Round", [b.mul(x, scalar(b, x, 3))]),
  Sign: single("Sign"),
  Mul: withOther("Mul"),
  Max: withOther("Max"),
  Min: withOther("Min"),
  "Max of three and a constant": (b, x, random) =>
    b.add("Max", [x, dense(b, x, random), vector(b, random), dense(b, x, random)]),
  "Min with a constant": (b, x, random) => b.add("Min", [vector(b, random), x]),
  Square: (b, x) => b.mul(x, x),
  Div: (b, x, random) => b.div(dense(b, x, random), positive(b, x, random)),
  "Div of a constant": afterPositive((b, x, random) => b.div(vector(b, random), x)),
  Sum: (b, x, random) => b.add("Sum", [x, dense(b, x, random), x]),
  Mean: (b, x, random) => b.add("Mean", [x, dense(b, x, random), vector(b, random)]),
  "Mul, broadcast": (b, x) => b.mul(x, b.slice(x, [1], [1], [2])),
  "Max, broadcast": (b, x) => b.add("Max", [b.slice(x, [1], [0], [1]), x]),
  MatMul: (b, x, random) => {
    const [l, r] = [b.reshape(x, [-1, 2, 2]), b.reshape(dense(b, x, random), [-1, 2, 2])];
    return b.reshape(b.matmul(l, r), [-1, SIZE]);
  },
  Softmax: (b, x) => b.add("Softmax", [b.mul(x, scalar(b, x, 2))]),
  LogSoftmax: single("LogSoftmax"),
  "Softmax of an axis in the middle": (b, x) =>
    b.reshape(b.add("Softmax", [b.reshape(x, [-1, 2, 2])], { axis: 1 }), [-1, SIZE]),
  ReduceMax: (b, x) => b.plus(x, b.reduceMax(x, [1], true)),
  ReduceMin: (b, x) => b.sub(x, b.add("ReduceMin", [x, b.int64([1])])),
  ReduceSumSquare: (b, x) => b.plus(x, b.add("ReduceSumSquare", [x, b.int64([1])])),
  ReduceL1: (b, x) => b.plus(x, b.add("ReduceL1", [x, b.int64([1])])),
  ReduceL2: (b, x) => b.plus(x, b.add("ReduceL2", [x, b.int64([1])])),
  Normalized: (b, x) => b.div(x, b.plus(b.add("ReduceL2", [x, b.int64([1])]), scalar(b, x, 0.5))),
  Expand: (b, x) => b.reduceMean(b.add("Expand", [b.unsqueeze(x, [1]), b.int64([1, 3, SIZE])]), [1], false),
  Tile: (b, x) => b.slice(b.add("Tile", [x, b.int64([1, 2])]), [1], [2], [6]),
  Where: (b, x, random) => {
    const condition = b.constant(
      tensor(
        "bool",
        [SIZE],
        Uint8Array.from({ length: SIZE }, () => random.integer(2)),
      ),
    );
    return b.where(condition, x, dense(b, x, random));
  },
  "Where by a condition that changes": (b, x, random) => {
    const isSmall = b.add("Less", [x, b.mul(dense(b, x, random), scalar(b, x, 0.5))]);
    const isPositive = b.add("Not", [b.add("LessOrEqual", [x, scalar(b, x, -0.2)])]);
    const condition = b.add("Or", [b.add("And", [isSmall, isPositive]), b.add("Greater", [x, scalar(b, x, 0.8)])]);
    return b.where(condition, dense(b, x, random), b.mul(x, scalar(b, x, 0.3)));
  },
  "Cast of a condition": (b, x) => {
    const isLarge = b.cast(b.add("GreaterOrEqual", [x, scalar(b, x, 0.1)]), "float32");
    return b.plus(x, b.mul(isLarge, x));
  },
  Gather: (b, x) => b.add("Gather", [x, b.int64([3, 0, 0, 1])], { axis: 1 }),
  Resize: (b, x) => {
    const scales = b.constant(tensor("float32", [3], Float32Array.of(1, 1, 2)));
    const larger = b.add("Resize", [b.unsqueeze(x, [1]), "", scales], { mode: "linear" });
    return b.squeeze(b.slice(larger, [2], [2], [6]), [1]);
  },
};

/** Operators in a row, with dense layers and branches in between, [N, 4] to [N, 4]. */
function network(random: Random, names: readonly string[]): Graph {
  const b = new Ops(emptyGraph("random", OPSET));
  let x = b.input({ name: "x", type: "float32", dims: ["N", SIZE] });
  for (const name of names) {
    if (random.uniform() < 0.5) x = dense(b, x, random);
    const y = steps[name]!(b, x, random);
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

import { describe, expect, it } from "vitest";
import { runtime } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";

const filled = (dims: readonly number[], value: number) =>
  tensor("float32", dims, new Float32Array(dims.reduce((a, d) => a * d, 1)).fill(value));

/** Σ x + 0·Σ max(x, 0) of [N, 65536, 1, 1], by a kernel without float64: sums of so many equal numbers are off by 80 units and more. */
it("allows for what float32 rounds at a centre outside of the signs that are assumed", async () => {
  const size = 2 ** 16;
  const b = new Ops(emptyGraph("sum"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", size, 1, 1] });
  const none = b.add("Conv", [b.add("Relu", [x]), b.constant(filled([1, size, 1, 1], 0))]);
  const sum = b.add("Conv", [x, b.constant(filled([1, size, 1, 1], 1))]);
  b.alias("y", b.reshape(b.plus(sum, none), [-1, 1]));
  const bounds = await openBounds(b.finish(["y"]), runtime);
  try {
    for (const [centre, sign] of [
      [-605.6, 1],
      [-595.4, -1],
    ] as const) {
      const end = (value: number) => filled([1, size, 1, 1], value);
      const box = { centre: end(centre), lower: end(2 * centre), upper: end(0.001) };
      const tuning = await bounds.tuning(box);
      const domain = {
        signs: new Int8Array(size).fill(1),
        shares: new Float32Array(size),
        pushes: new Float32Array(size).fill(-sign),
      };
      const proven = await tuning.prove([{ domain, row: Float32Array.of(sign), limit: 0 }]);
      // The input 0 is in this part of the box, and gives 0.
      expect(proven[0]).toBeLessThanOrEqual(0);
    }
  } finally {
    await bounds.release();
  }
});

/** Σ w·max(x, 0) of [N, n] in several ways; each gives [N, 1]. */
const SUMS: Readonly<Record<string, (b: Ops, x: string, w: FloatTensor, n: number) => string>> = {
  MatMul: (b, x, w, n) => b.matmul(x, b.constant({ ...w, dims: [n, 1] })),
  Gemm: (b, x, w, n) => b.add("Gemm", [x, b.constant({ ...w, dims: [n, 1] })]),
  "Gemm, transposed": (b, x, w, n) => b.add("Gemm", [x, b.constant({ ...w, dims: [1, n] })], { transB: 1 }),
  "MatMul from the left": (b, x, w, n) =>
    b.reshape(b.matmul(b.constant({ ...w, dims: [1, n] }), b.reshape(x, [-1, n, 1])), [-1, 1]),
  Conv: (b, x, w, n) => {
    const made = b.add("Conv", [b.reshape(x, [-1, n / 4, 2, 2]), b.constant({ ...w, dims: [1, n / 4, 2, 2] })]);
    return b.reshape(made, [-1, 1]);
  },
  "Conv in groups": (b, x, w, n) => {
    const planes = b.reshape(x, [-1, 2, n / 2, 1]);
    const made = b.add("Conv", [planes, b.constant({ ...w, dims: [2, 1, n / 2, 1] })], { group: 2 });
    return b.reduceSum(b.reshape(made, [-1, 2]), [1], true);
  },
  ConvTranspose: (b, x, w, n) => {
    const made = b.add("ConvTranspose", [b.reshape(x, [-1, n, 1, 1]), b.constant({ ...w, dims: [n, 1, 1, 1] })]);
    return b.reshape(made, [-1, 1]);
  },
};

describe.each([
  ...Object.entries(SUMS).map(([name, sumOf]) => [name, 17, sumOf] as const),
  ["MatMul", 8, SUMS["MatMul"]!] as const,
  ["Conv", 8, SUMS["Conv"]!] as const,
])("a sum by %s in opset %d, of which most is 0", (_, opset, sumOf) => {
  /** The bounds of Σ w·max(x, 0) at one x, from below and from above. */
  const boundsAt = async (x: Float32Array, w: Float32Array): Promise<readonly [number, number]> => {
    const n = x.length;
    const b = new Ops(emptyGraph("sum", opset));
    const input = b.input({ name: "x", type: "float32", dims: ["N", n] });
    b.alias("y", sumOf(b, b.add("Relu", [input]), tensor("float32", [n], w), n));
    const bounds = await openBounds(b.finish(["y"]), runtime);
    try {
      const at = tensor("float32", [1, n], x);
      const seed = tensor("float32", [2, 1], Float32Array.of(1, -1));
      const box = { centre: at, lower: at, upper: at };
      const [below, above] = await bounds.lower(box, { seed, samples: Int32Array.of(0, 0) });
      return [below!, -above!];
    } finally {
      await bounds.release();
    }
  };

  it("is allowed to round as often as there are other numbers", async () => {
    const [many, few, moving] = [4096, 32, 16];
    const widths = await Promise.all(
      [many, few].map(async (n) => {
        const x = Float32Array.from({ length: n }, (_, i) => (i % (n / moving) === 0 ? 1 : -1));
        const [below, above] = await boundsAt(x, new Float32Array(n).fill(1));
        expect(below).toBeLessThan(moving);
        expect(above).toBeGreaterThan(moving);
        return above - below;
      }),
    );
    expect(widths[0]! / widths[1]!).toBeLessThan(1.2);
  });

  it("is bounded in any order", async () => {
    const [n, orders] = [256, 200];
    const random = randomFor(11, 0, 0);
    const x = Float32Array.from({ length: n }, () => (random.uniform() < 0.2 ? random.uniform() : -random.uniform()));
    const w = Float32Array.from({ length: n }, () => 2 * random.uniform() - 1);
    const [below, above] = await boundsAt(x, w);
    for (let k = 0; k < orders; k++) {
      const sum = Array.from(x, (v, i) => ({ term: Math.fround(w[i]! * Math.max(0, v)), key: random.uniform() }))
        .sort((a, b) => a.key - b.key)
        .reduce((all, { term }) => Math.fround(all + term), 0);
      expect(sum).toBeGreaterThanOrEqual(below);
      expect(sum).toBeLessThanOrEqual(above);
    }
  });
});

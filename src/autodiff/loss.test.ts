import { describe, expect, it } from "vitest";
import { numbers, withProgram } from "../../test/support/gradient-check.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { Ops } from "../onnx/ops.ts";
import { randomFor } from "../random.ts";
import type { Tensor } from "../tensor.ts";
import { LEAST_SHARE, type LossName, losses, type TargetedLossName, targetedLosses } from "./loss.ts";

const [n, classes] = [6, 5];
const labels = [0, 4, 2, 2, 1, 3];
const random = randomFor(3, 0);
const logits = Array.from({ length: n }, () => Array.from({ length: classes }, () => 4 * random.normal()));

/** One loss and its gradient by the logits, in float64. */
async function run(
  name: LossName,
  rows: readonly (readonly number[])[],
  at: readonly number[],
  opset: number,
): Promise<{ loss: number[]; gradient: number[][] }> {
  const b = new Ops(emptyGraph("loss", opset));
  b.input({ name: "z", type: "float64", dims: ["N", rows[0]!.length] });
  b.input({ name: "labels", type: "int64", dims: ["N"] });
  const { value: loss, slope: gradient } = losses[name](b, "z", "labels");
  expect(b.fact(loss)).toMatchObject({ type: "float64", dims: ["N"] });
  expect(b.fact(gradient)).toMatchObject({ type: "float64", dims: ["N", rows[0]!.length] });
  const feeds = {
    z: numbers("float64", [rows.length, rows[0]!.length], rows.flat()),
    labels: numbers("int64", [at.length], at),
  };
  const results = await withProgram(b.finish([loss, gradient]), (program) => program.run(feeds));
  const list = (t: Tensor) => Array.from(t.data as Float64Array);
  const flat = list(results[gradient]!);
  return {
    loss: list(results[loss]!),
    gradient: rows.map((row, i) => flat.slice(i * row.length, (i + 1) * row.length)),
  };
}

/** log Σ exp z, without overflow. */
const logSumExp = (z: readonly number[]): number => {
  const most = Math.max(...z);
  return most + Math.log(z.reduce((sum, v) => sum + Math.exp(v - most), 0));
};

const closedForms: Record<LossName, (z: readonly number[], c: number) => { loss: number; gradient: number[] }> = {
  "cross-entropy": (z, c) => ({
    loss: logSumExp(z) - z[c]!,
    gradient: z.map((v, j) => Math.exp(v - logSumExp(z)) - Number(j === c)),
  }),
  margin(z, c) {
    const rival = z.reduce((best, v, j) => (j !== c && (best < 0 || v > z[best]!) ? j : best), -1);
    return { loss: z[rival]! - z[c]!, gradient: z.map((_, j) => Number(j === rival) - Number(j === c)) };
  },
  dlr(z, c) {
    const { loss: margin, gradient } = closedForms.margin(z, c);
    const order = z.map((_, j) => j).sort((i, j) => z[j]! - z[i]!);
    const span = z[order[0]!]! - z[order[2]!]! + 1e-12;
    const spread = (j: number) => Number(j === order[0]) - Number(j === order[2]);
    return { loss: margin / span, gradient: gradient.map((v, j) => v / span - (margin / span ** 2) * spread(j)) };
  },
  logit: (z, c) => ({ loss: z[c]!, gradient: z.map((_, j) => Number(j === c)) }),
  "other-logits": (z, c) => ({
    loss: z.reduce((sum, v, j) => (j === c ? sum : sum + v), 0),
    gradient: z.map((_, j) => Number(j !== c)),
  }),
};
/** What each gives, and its gradient, for logits (1000, -1000, 0) and (-1000, 1000, 0) at class 1. */
const farApart: Record<LossName, { loss: number[]; gradient: number[][] }> = {
  "cross-entropy": {
    loss: [2000, 0],
    // Of next to nothing the direction is kept.
    gradient: [
      [1, -1, 0],
      [0, -LEAST_SHARE, LEAST_SHARE],
    ],
  },
  margin: {
    loss: [2000, -1000],
    gradient: [
      [1, -1, 0],
      [0, -1, 1],
    ],
  },
  // Behind all others, the label is as far as it can be.
  dlr: {
    loss: [1, -0.5],
    gradient: [
      [0, 0, 0],
      [-0.00025, -0.00025, 0.0005],
    ],
  },
  logit: {
    loss: [-1000, 1000],
    gradient: [
      [0, 1, 0],
      [0, 1, 0],
    ],
  },
  "other-logits": {
    loss: [1000, -1000],
    gradient: [
      [1, 0, 1],
      [1, 0, 1],
    ],
  },
};

describe.each(Object.keys(losses) as LossName[])("%s", (name) => {
  it.each([9, 11, 13, 17, 18])(
    "equals its closed form in float64, and so does its gradient (opset %i)",
    async (opset) => {
      const { loss, gradient } = await run(name, logits, labels, opset);
      logits.forEach((z, i) => {
        const expected = closedForms[name](z, labels[i]!);
        expect(loss[i]).toBeCloseTo(expected.loss, 12);
        for (const [j, v] of gradient[i]!.entries()) expect(v).toBeCloseTo(expected.gradient[j]!, 12);
      });
    },
  );

  it("is finite for logits far apart", async () => {
    const far = [
      [1000, -1000, 0],
      [-1000, 1000, 0],
    ];
    const { loss, gradient } = await run(name, far, [1, 1], 17);
    // What keeps the ratio finite shows in its last digits.
    const about = (v: number) => (name === "dlr" ? (expect.closeTo(v, 12) as number) : v);
    expect({ loss: loss.map((v) => v + 0), gradient }).toEqual({
      loss: farApart[name].loss.map(about),
      gradient: farApart[name].gradient.map((row) => row.map(about)),
    });
  });
});

describe.each(["cross-entropy", "margin"] as const)("%s, of differences of logits,", (name) => {
  it("does not change with a constant added to all logits", async () => {
    const plain = await run(name, logits, labels, 17);
    const moved = await run(
      name,
      logits.map((z) => z.map((v) => v + 8)),
      labels,
      17,
    );
    for (const [i, v] of moved.loss.entries()) expect(v).toBeCloseTo(plain.loss[i]!, 12);
  });

  it("has a gradient that sums to 0 over the classes", async () => {
    for (const row of (await run(name, logits, labels, 17)).gradient)
      expect(row.reduce((a, v) => a + v, 0)).toBeCloseTo(0, 12);
  });
});

it("margin: rivals that are equal share the gradient; the sign says whether the label is predicted", async () => {
  const { loss, gradient } = await run(
    "margin",
    [
      [1, 3, 3],
      [5, 3, 3],
      [-7, -9, -8],
    ],
    [0, 0, 0],
    17,
  );
  expect(loss).toEqual([2, -2, -1]);
  expect(gradient).toEqual([
    [-1, 0.5, 0.5],
    [-1, 0.5, 0.5],
    [-1, 0, 1],
  ]);
});

describe.each(Object.keys(targetedLosses) as TargetedLossName[])("%s", (name) => {
  const targets = [3, 0, 4, 1, 2, 0];

  it.each([9, 11, 13, 17, 18])(
    "equals its closed form in float64, and so does its gradient (opset %i)",
    async (opset) => {
      const b = new Ops(emptyGraph("loss", opset));
      b.input({ name: "z", type: "float64", dims: ["N", classes] });
      for (const input of ["labels", "targets"]) b.input({ name: input, type: "int64", dims: ["N"] });
      const { value, slope } = targetedLosses[name](b, "z", "labels", "targets");
      const results = await withProgram(b.finish([value, slope]), (program) =>
        program.run({
          z: numbers("float64", [n, classes], logits.flat()),
          labels: numbers("int64", [n], labels),
          targets: numbers("int64", [n], targets),
        }),
      );
      const [values, slopes] = [value, slope].map((output) => results[output]!.data as Float64Array);
      for (const [i, z] of logits.entries()) {
        const order = z.map((_, j) => j).sort((j, k) => z[k]! - z[j]!);
        // The margin is the ratio without its denominator.
        const ratio = name === "targeted-dlr";
        const span = ratio ? z[order[0]!]! - (z[order[2]!]! + z[order[3]!]!) / 2 + 1e-12 : 1;
        const loss = (z[targets[i]!]! - z[labels[i]!]!) / span;
        expect(values![i]).toBeCloseTo(loss, 12);
        for (const j of z.keys()) {
          const top = Number(j === targets[i]) - Number(j === labels[i]);
          const spread = ratio ? Number(j === order[0]) - (Number(j === order[2]) + Number(j === order[3])) / 2 : 0;
          expect(slopes![i * classes + j]).toBeCloseTo((top - loss * spread) / span, 12);
        }
      }
    },
  );
});

describe("cross-entropy in float32", () => {
  it("keeps the sign of a slope that float32 rounds away in p - 1", async () => {
    const b = new Ops(emptyGraph("loss"));
    b.input({ name: "z", type: "float32", dims: ["N", 3] });
    b.input({ name: "labels", type: "int64", dims: ["N"] });
    const { slope } = losses["cross-entropy"](b, "z", "labels");
    const results = await withProgram(b.finish([slope]), (program) =>
      program.run({ z: numbers("float32", [1, 3], [30, 2, 0]), labels: numbers("int64", [1], [0]) }),
    );
    const [own, ...others] = Array.from(results[slope]!.data as Float32Array);
    // exp(-28) + exp(-30), far below the 6e-8 that 1 - p can hold.
    expect(own! / -(Math.exp(-28) + Math.exp(-30))).toBeCloseTo(1, 5);
    expect(others[0]! / Math.exp(-28)).toBeCloseTo(1, 5);
  });
});

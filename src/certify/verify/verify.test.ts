import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { readOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import type { Runtime } from "../../runtime.ts";
import { tensor } from "../../tensor.ts";
import { readVnnlib } from "../vnnlib/read.ts";
import { verify } from "./verify.ts";

/** y = |x0| + |x1| - x0, by Relu: its least value over a box can be told by hand. */
function tent(): Graph {
  const b = new Ops(emptyGraph("tent"));
  const x = b.input({ name: "in", type: "float32", dims: [1, 2] });
  const w = tensor("float32", [2, 4], Float32Array.of(1, -1, 0, 0, 0, 0, 1, -1));
  const hidden = b.add("Relu", [b.matmul(x, b.constant(w))]);
  const sum = b.matmul(hidden, b.constant(tensor("float32", [4, 1], Float32Array.of(1, 1, 1, 1))));
  b.alias("out", b.sub(sum, b.slice(x, [1], [0], [1])));
  return b.finish(["out"]);
}
const property = (condition: string, x1 = "-0.75 0.5") => {
  const [low, high] = x1.split(" ");
  return readVnnlib(
    `(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)
(assert (>= X_0 -1))(assert (<= X_0 2))(assert (>= X_1 ${low}))(assert (<= X_1 ${high}))(assert ${condition})`,
  );
};

describe("a network whose least and largest values are known: 0 and 2.75 over the box", () => {
  it("a counterexample is found, is in the box, and the file confirms it", async () => {
    const result = await verify(tent(), property("(>= Y_0 2.7)"), { runtime });
    if (result.answer !== "sat") throw new Error(result.answer);
    const { input, output } = result.witness;
    expect(input[0]).toBeGreaterThanOrEqual(-1);
    expect(Math.abs(input[0]!) + Math.abs(input[1]!) - input[0]!).toBeGreaterThanOrEqual(2.7);
    const again = await withProgram(tent(), (program) => program.run({ in: tensor("float32", [1, 2], input) }));
    expect(again["out"]!.data).toEqual(output);
  });

  it.each(["(<= Y_0 -0.001)", "(>= Y_0 2.751)", "(and (<= Y_0 3) (>= Y_0 2.76))"])(
    "%s is proven impossible",
    async (condition) => {
      expect(await verify(tent(), property(condition), { runtime })).toMatchObject({ answer: "unsat" });
    },
  );

  it.each(["float16", "float64"] as const)("what is rounded to %s is refused: bounds are of float32", async (type) => {
    const b = new Ops(tent());
    b.alias("y", b.cast(b.cast("out", type), "float32"));
    const run = verify(b.finish(["y"]), property("(<= Y_0 -0.001)"), { runtime });
    await expect(run).rejects.toMatchObject({ code: "unsupported", data: { type } });
  });

  it("coefficients that float32 is too small for prove nothing", async () => {
    // (|x0| + |x1| - x0)·1e38·1e-23·1e-23, whose gradient is 0 in float32: 1.5e-8 at the corner, and 0 at (1, 0).
    const b = new Ops(tent());
    const y = [1e19, 1e19, 1e-23, 1e-23].reduce((v, by) => b.mul(v, b.scalar(by, v)), "out");
    b.alias("y", y);
    const graph = b.finish(["y"]);
    const [low, high] = [property("(<= Y_0 1e-13)"), property("(>= Y_0 1.4e-8)")];
    expect((await verify(graph, low, { runtime, timeout: 2 })).answer).not.toBe("unsat");
    expect((await verify(graph, high, { runtime, timeout: 2 })).answer).not.toBe("unsat");
  });

  it("what only rounding could decide is unknown, not proven", async () => {
    // The least value, 0, is reached: at most 0 is sat; below 0 by less than float32 rounds cannot be told apart.
    expect((await verify(tent(), property("(<= Y_0 0)"), { runtime })).answer).toBe("sat");
    const close = await verify(tent(), property("(<= Y_0 -1e-12)"), { runtime, timeout: 2 });
    expect(["unknown", "timeout"]).toContain(close.answer);
  });

  it("a network of steps, which has no gradient", async () => {
    const b = new Ops(tent());
    b.alias("y", b.add("Floor", ["out"]));
    const steps = b.finish(["y"]);
    expect((await verify(steps, property("(>= Y_0 2.5)"), { runtime })).answer).toBe("unsat");
    expect((await verify(steps, property("(>= Y_0 1)"), { runtime })).answer).toBe("sat");
  });
});

describe("what cannot be verified is refused", () => {
  it("coefficients of outputs that are no float32 numbers", async () => {
    for (const by of ["0.1", "1.00000000000000000001"])
      await failure("unsupported", () => verify(tent(), property(`(<= (* ${by} Y_0) -1)`), { runtime }));
  });

  it("an empty box", async () => {
    const whole = property("(<= Y_0 9)");
    const empty = whole.cases.map((one) => ({ ...one, lower: one.upper, upper: one.lower }));
    await failure("usage", () => verify(tent(), { ...whole, cases: empty }, { runtime }));
  });

  it("a property of other sizes", async () => {
    const other = readVnnlib(
      "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0))(assert (<= X_0 1))(assert (<= Y_0 1))",
    );
    expect((await failure("mismatch", () => verify(tent(), other, { runtime }))).message).toMatch(/1 inputs.*\[1, 2\]/);
  });

  it("an operator without bounds, by name, and what draws at random", async () => {
    const b = new Ops(tent());
    b.alias("y", b.add("Relu", [b.plus("out", b.add("RandomNormalLike", ["out"]))]));
    expect(
      (await failure("unsupported", () => verify(b.finish(["y"]), property("(<= Y_0 1)"), { runtime }))).message,
    ).toMatch(/RandomNormal.*draws at random/);
    const c = new Ops(tent());
    c.alias("y", c.add("CumSum", ["out", c.constant(tensor("int64", [], BigInt64Array.of(1n)))]));
    expect(
      (await failure("unsupported", () => verify(c.finish(["y"]), property("(<= Y_0 1)"), { runtime }))).message,
    ).toMatch(/CumSum/);
  });

  it("another device than the CPU", async () => {
    const gpu = { ...runtime, device: "webgpu" as const };
    await failure("unsupported", () => verify(tent(), property("(<= Y_0 1)"), { runtime: gpu }));
  });
});

const folder = new URL("../../../../shared/reference/certify/vnncomp/", import.meta.url);
const note = existsSync(folder) ? "" : " (skipped: there is no ../shared/reference/certify)";
const unpacked = (path: string): Uint8Array => {
  const packed = new URL(`${path}.gz`, folder);
  return existsSync(packed) ? gunzipSync(readFileSync(packed)) : readFileSync(new URL(path, folder));
};

describe.skipIf(note !== "")(`instances of the verifiers' competition have their published answers${note}`, () => {
  it.each([
    ["acasxu/onnx/ACASXU_run2a_1_6_batch_2000.onnx", "acasxu/vnnlib/prop_3.vnnlib", "unsat"],
    ["acasxu/onnx/ACASXU_run2a_2_4_batch_2000.onnx", "acasxu/vnnlib/prop_2.vnnlib", "sat"],
    ["acasxu/onnx/ACASXU_run2a_5_8_batch_2000.onnx", "acasxu/vnnlib/prop_3.vnnlib", "unsat"],
    ["acasxu/onnx/ACASXU_run2a_1_9_batch_2000.onnx", "acasxu/vnnlib/prop_7.vnnlib", "sat"],
    ["rl_benchmarks/onnx/lunarlander.onnx", "rl_benchmarks/vnnlib/lunarlander_case_safe_5.vnnlib", "sat"],
    ["rl_benchmarks/onnx/lunarlander.onnx", "rl_benchmarks/vnnlib/lunarlander_case_safe_80.vnnlib", "unsat"],
    ["rl_benchmarks/onnx/dubinsrejoin.onnx", "rl_benchmarks/vnnlib/dubinsrejoin_case_unsafe_55.vnnlib", "unsat"],
  ])("%s, %s: %s", async (model, spec, answer) => {
    const text = new TextDecoder().decode(unpacked(spec));
    expect((await verify(readOnnx(unpacked(model)), readVnnlib(text), { runtime })).answer).toBe(answer);
  });
});

it("keeps its time while graphs are loaded, of which each may take long", async () => {
  const b = new Ops(emptyGraph("wide"));
  const x = b.input({ name: "in", type: "float32", dims: [1, 2] });
  const w = tensor("float32", [2, 2], Float32Array.of(1, -1, 0.5, 2));
  // Sigmoid: bounded by graphs.
  const hidden = b.add("Sigmoid", [b.matmul(x, b.constant(w))]);
  b.alias("out", b.matmul(hidden, b.constant(tensor("float32", [2, 1], Float32Array.of(1, -1)))));
  const graph = b.finish(["out"]);
  const loads = { all: 0, slow: 0 };
  const counted = (milliseconds: number, of: keyof typeof loads): Runtime => ({
    ...runtime,
    async load(...given) {
      loads[of]++;
      if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
      return runtime.load(...given);
    },
  });
  const of = property("(>= Y_0 1)");
  expect(await verify(graph, of, { runtime: counted(0, "all") })).toMatchObject({ answer: "unsat" });
  expect(await verify(graph, of, { runtime: counted(40, "slow"), timeout: 0.1 })).toMatchObject({ answer: "timeout" });
  expect(loads.slow).toBeLessThan(loads.all);
  expect(loads.slow).toBeLessThanOrEqual(4);
});

it("dense layers whose sums float32 loses are verified, and prove nothing that it would break", async () => {
  const b = new Ops(emptyGraph("lost"));
  const x = b.input({ name: "in", type: "float32", dims: [1, 2] });
  const sum = b.matmul(x, b.constant(tensor("float32", [2, 1], Float32Array.of(1, 1))));
  const large = b.constant(tensor("float32", [1], Float32Array.of(2 ** 26)));
  b.alias("out", b.sub(b.add("Add", [sum, large]), large));
  const graph = b.finish(["out"]);
  // Over the reals the sum is at most 2.5; float32 rounds it to a multiple of 8 around 2^26, more than once.
  expect(await verify(graph, property("(>= Y_0 100)"), { runtime })).toMatchObject({ answer: "unsat" });
  expect((await verify(graph, property("(>= Y_0 3)"), { runtime, timeout: 1 })).answer).not.toBe("unsat");
});

it("says how many cases had no float32 number in their box", async () => {
  const of = readVnnlib(`(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)
(assert (or (and (>= X_0 0.1) (<= X_0 0.1) (>= X_1 0) (<= X_1 1) (>= Y_0 0)) (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1) (>= Y_0 9))))`);
  expect(await verify(tent(), of, { runtime })).toMatchObject({ answer: "unsat", empty: 1 });
  expect(await verify(tent(), property("(>= Y_0 9)"), { runtime })).not.toHaveProperty("empty");
});

import { describe, expect, it } from "vitest";
import { withProgram } from "../../test/support/gradient-check.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { Ops } from "../onnx/ops.ts";
import { randomFor } from "../random.ts";
import { tensor } from "../tensor.ts";
import type { Line, Relaxation } from "./relaxation.ts";
import { relaxations } from "./relaxations.ts";

type Op = keyof typeof relaxations;
type Attributes = NonNullable<Parameters<Ops["add"]>[2]>;

interface Case {
  readonly attributes?: Attributes;
  /** The inputs after the first, constants. */
  readonly others?: readonly number[];
  /** Of intervals without numbers below 0, or on one side of it. */
  readonly domain?: "positive" | "apart";
  /** How far out intervals go; 8 by default. */
  readonly reach?: number;
}

/** Of operators on single elements; MaxPool is bounded in whole networks (src/certify/bounds/networks.test.ts). */
const cases: readonly (readonly [Op, Case])[] = [
  ["Relu", {}],
  ["LeakyRelu", {}],
  ["LeakyRelu", { attributes: { alpha: { float: 1.5 } } }],
  ["Abs", {}],
  ["HardSigmoid", {}],
  ["HardSigmoid", { attributes: { alpha: { float: -0.7 }, beta: { float: 2 } } }],
  ["Sigmoid", {}],
  ["Tanh", {}],
  ["Clip", { others: [-1, 2] }],
  ["Clip", { others: [0] }],
  ["Clip", { others: [1, -1] }],
  ["PRelu", { others: [0.25] }],
  ["PRelu", { others: [-1] }],
  ["PRelu", { others: [3] }],
  ["Exp", {}],
  ["Exp", { reach: 80 }],
  ["Log", { domain: "positive" }],
  ["Sqrt", { domain: "positive" }],
  ["Reciprocal", { domain: "positive" }],
  ["Reciprocal", { domain: "apart" }],
  ["Softplus", {}],
  ["Softplus", { reach: 60 }],
  ["Softsign", {}],
  ["Erf", {}],
  ["Elu", {}],
  ["Elu", { attributes: { alpha: { float: 3 } } }],
  ["Celu", { attributes: { alpha: { float: 0.5 } } }],
  ["Selu", {}],
  ["Pow", { others: [2] }],
  ["Pow", { others: [3] }],
  ["Pow", { others: [5] }],
  ["Pow", { others: [1] }],
  ["Pow", { others: [0] }],
  ["Pow", { others: [0.5], domain: "positive" }],
  ["Pow", { others: [2.5], domain: "positive" }],
  ["Pow", { others: [-1.5], domain: "positive" }],
  ["Pow", { others: [-1], domain: "apart" }],
  ["Pow", { others: [-2], domain: "apart" }],
  ["Sin", {}],
  ["Cos", {}],
  ["Sin", { reach: 3000 }],
  ["Cos", { reach: 3000 }],
  ["Gelu", {}],
  ["Gelu", { attributes: { approximate: "tanh" } }],
  ["Mish", {}],
  ["Mish", { reach: 60 }],
  ["HardSwish", {}],
  ["Floor", {}],
  ["Ceil", {}],
  ["Round", {}],
  ["Sign", {}],
];
const INTERVALS = 300;
const POINTS = 200;

/** Ends and centres of intervals: of a point, around a kink, far out, and over many sizes. */
function intervals({ domain, reach = 8 }: Case): { l: Float32Array; u: Float32Array; c: Float32Array } {
  const random = randomFor(7, 7);
  const [l, u, c] = [new Float32Array(INTERVALS), new Float32Array(INTERVALS), new Float32Array(INTERVALS)];
  for (let i = 0; i < INTERVALS; i++) {
    const size = 10 ** (6 * random.uniform() - 4);
    const middle = (i % 3 === 0 ? 1 : reach) * (2 * random.uniform() - 1);
    l[i] = i % 10 === 0 ? middle : middle - size * random.uniform();
    u[i] = i % 10 === 0 ? l[i]! : middle + size * random.uniform();
    if (domain) {
      [l[i], u[i]] = [Math.abs(middle), Math.abs(middle) + (u[i]! - l[i]!)];
      if (domain === "apart" && i % 2 === 0) [l[i], u[i]] = [-u[i]!, -l[i]!];
    }
    c[i] = Math.min(u[i]!, Math.max(l[i]!, l[i]! + (u[i]! - l[i]!) * random.uniform()));
  }
  return { l, u, c };
}

const isInside = (lower: number, value: number, upper: number): boolean => !(value < lower) && !(value > upper);

describe("what ONNX Runtime computes stays between the ends and the lines of a relaxation", () => {
  it.each(cases)("%s %j", async (op, given) => {
    const { attributes = {}, others = [] } = given;
    const b = new Ops(emptyGraph("relaxation", 20));
    const input = (name: string, n: number) => b.input({ name, type: "float32", dims: [n] });
    const box = { lower: input("l", INTERVALS), upper: input("u", INTERVALS), centre: input("c", INTERVALS) };
    const constants = others.map((v) => b.constant(tensor("float32", op === "PRelu" ? [1] : [], Float32Array.of(v))));
    const h = b.add(op, [box.centre, ...constants], attributes);
    const fixed = constants.map((name) => ({ lower: name, upper: name, centre: name }));
    const context = { node: b.nodes.at(-1)!, b, x: [box, ...fixed], y: h };
    const relaxation: Relaxation = relaxations[op];
    const ends = relaxation.interval(context);
    const { lower, upper } = relaxation.lines(context);
    const slopeOf = (line: Line): string => ("slope" in line ? line.slope : "slopes" in line ? line.slopes[0]! : "");
    const names = {
      h,
      low: ends.lower,
      high: ends.upper,
      below: lower.gap,
      above: upper.gap,
      belowSlope: slopeOf(lower),
      aboveSlope: slopeOf(upper),
    };
    for (const [name, value] of Object.entries(names)) b.alias(name, value);
    const z = input("z", INTERVALS * POINTS);
    b.alias("σ", b.add(op, [z, ...constants], attributes));
    const { l, u, c } = intervals(given);
    const points = new Float32Array(INTERVALS * POINTS);
    for (let i = 0; i < INTERVALS; i++)
      for (let k = 0; k < POINTS; k++)
        points[i * POINTS + k] = Math.min(u[i]!, Math.max(l[i]!, l[i]! + ((u[i]! - l[i]!) * k) / (POINTS - 1)));
    const one = (data: Float32Array) => tensor("float32", [data.length], data);
    const got = await withProgram(b.finish([...Object.keys(names), "σ"]), (program) =>
      program.run({ l: one(l), u: one(u), c: one(c), z: one(points) }),
    );
    const of = (name: string, i: number): number => (got[name]!.data as Float64Array)[i]!;
    const outside: string[] = [];
    let tight = 0;
    for (let i = 0; i < INTERVALS; i++) {
      for (let k = 0; k < POINTS; k++) {
        const at = points[i * POINTS + k]!;
        const σ = of("σ", i * POINTS + k);
        const line = (side: "below" | "above") => of("h", i) + of(side, i) + of(`${side}Slope`, i) * (at - c[i]!);
        // Where a value is more than float32 holds, a line is no number.
        const holds = isInside(of("low", i), σ, of("high", i)) && isInside(line("below"), σ, line("above"));
        if (!holds || (u[i]! < 60 && Number.isNaN(line("below") + line("above"))))
          outside.push(`${at} of [${l[i]}, ${u[i]}]: ${σ}`);
      }
      if (of("above", i) - of("below", i) < 1e-5 * Math.max(1, Math.abs(of("h", i)))) tight++;
    }
    expect(outside.slice(0, 5)).toEqual([]);
    // Points, and intervals without a kink or nearly straight ones.
    expect(tight).toBeGreaterThan(INTERVALS / 10 - 1);
  });
});

/** log(1 + eᶻ) and the chance that a normal number is below z, by series. */
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
function erf(z: number): number {
  if (Math.abs(z) > 4) return Math.sign(z) * (1 - 1e-9);
  let [term, sum] = [z, z];
  for (let n = 1; n < 150; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** An operator, what it stands for, how far its kernel may be off, and where it is looked at. */
type Kernel = readonly [
  string,
  (z: number) => number,
  { readonly relative: number; readonly absolute: number },
  ("positive" | "far")?,
];

describe("ONNX Runtime's kernels are as near to the functions as the relaxations count on", () => {
  const kernels: readonly Kernel[] = [
    ["Sigmoid", (z) => 1 / (1 + Math.exp(-z)), { relative: 4, absolute: 4 }],
    ["Tanh", Math.tanh, { relative: 4, absolute: 4 }],
    ["Exp", Math.exp, { relative: 4, absolute: 0 }],
    ["Log", Math.log, { relative: 8, absolute: 1 }, "positive"],
    ["Sqrt", Math.sqrt, { relative: 2, absolute: 0 }, "positive"],
    ["Reciprocal", (z) => 1 / z, { relative: 2, absolute: 0 }, "positive"],
    ["Softplus", softplus, { relative: 8, absolute: 1 }],
    ["Softsign", (z) => z / (1 + Math.abs(z)), { relative: 4, absolute: 1 }],
    // Half of what is allowed: the other half is for the same kernel in the place of float64.
    ["Erf", erf, { relative: 4, absolute: 1 }],
    ["Elu", (z) => (z > 0 ? z : Math.expm1(z)), { relative: 4, absolute: 8 }],
    ["Sin", Math.sin, { relative: 0, absolute: 4 }],
    ["Cos", Math.cos, { relative: 0, absolute: 4 }],
    ["Sin", Math.sin, { relative: 0, absolute: 4 }, "far"],
    ["Cos", Math.cos, { relative: 0, absolute: 4 }, "far"],
    ["Mish", (z) => z * Math.tanh(softplus(z)), { relative: 8, absolute: 16 }],
    ["HardSwish", (z) => z * Math.min(1, Math.max(0, z / 6 + 0.5)), { relative: 4, absolute: 8 }],
    ["Gelu", (z) => (z * (1 + erf(z * Math.SQRT1_2))) / 2, { relative: 4, absolute: 8 }],
  ];
  it.each(kernels.map(([op, ...others]) => [op, others] as const))(
    "%s",
    async (op, [σ, { relative, absolute }, domain]) => {
      const b = new Ops(emptyGraph("kernel", 20));
      b.alias("y", b.add(op, [b.input({ name: "z", type: "float32", dims: ["N"] })]));
      const z = Float32Array.from({ length: 200_001 }, (_, i) => {
        const at = domain === "far" ? 10 * (i - 100_000) : Math.sinh((i - 100_000) / 10_000) / 130;
        return domain === "positive" ? Math.abs(at) + 1e-20 : at;
      });
      const { y } = await withProgram(b.finish(["y"]), (program) =>
        program.run({ z: tensor("float32", [z.length], z) }),
      );
      // What is too small for float32 may be 0.
      const allowed = (value: number) => (Math.abs(value) * relative + absolute) * 2 ** -24 + 1e-37;
      const off = z.map((at, i) => Math.abs((y!.data as Float32Array)[i]! - σ(at)) / allowed(σ(at)));
      expect(off.reduce((a, c) => Math.max(a, c))).toBeLessThan(1);
    },
  );

  it.each([2, 3, 5, 0.5, -1.5])("Pow %d", async (p) => {
    const b = new Ops(emptyGraph("kernel"));
    const x = b.input({ name: "z", type: "float32", dims: ["N"] });
    b.alias("y", b.add("Pow", [x, b.scalar(p, x)]));
    const z = Float32Array.from({ length: 100_001 }, (_, i) => Math.exp((i - 50_000) / 10_000));
    const { y } = await withProgram(b.finish(["y"]), (program) => program.run({ z: tensor("float32", [z.length], z) }));
    const off = z.map((at, i) => Math.abs((y!.data as Float32Array)[i]! / at ** p - 1) / 2 ** -24);
    expect(off.reduce((a, c) => Math.max(a, c))).toBeLessThan(4);
  });
});

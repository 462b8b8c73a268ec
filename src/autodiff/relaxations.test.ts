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

/** Of operators on single elements; MaxPool is bounded in whole networks (src/certify/networks.test.ts). */
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

describe("ONNX Runtime's kernels are as near to the functions as the relaxations count on", () => {
  it.each([
    ["Sigmoid", (z: number) => 1 / (1 + Math.exp(-z))],
    ["Tanh", Math.tanh],
  ] as const)("%s", async (op, σ) => {
    const b = new Ops(emptyGraph("kernel"));
    b.alias("y", b.add(op, [b.input({ name: "z", type: "float32", dims: ["N"] })]));
    const z = Float32Array.from({ length: 400_001 }, (_, i) => Math.sinh((i - 200_000) / 20_000) / 50);
    const { y } = await withProgram(b.finish(["y"]), (program) => program.run({ z: tensor("float32", [z.length], z) }));
    const off = z.map((at, i) => Math.abs((y!.data as Float32Array)[i]! - σ(at)) / (1 + Math.abs(σ(at))) / 2 ** -24);
    // The bound is 4 of the value and 4 more.
    expect(off.reduce((a, c) => Math.max(a, c))).toBeLessThan(4);
  });
});

import { describe, expect, it } from "vitest";
import { withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { tensor } from "../../tensor.ts";
import { planeRelaxations } from "./plane.ts";

type Op = keyof typeof planeRelaxations;
const BOXES = 300;
const POINTS = 150;

interface Interval {
  readonly l: Float32Array;
  readonly u: Float32Array;
  readonly c: Float32Array;
}

/** Ends and centres of intervals of many sizes; some are points. */
function intervals(random: Random): Interval {
  const [l, u, c] = [new Float32Array(BOXES), new Float32Array(BOXES), new Float32Array(BOXES)];
  for (let i = 0; i < BOXES; i++) {
    const size = 10 ** (6 * random.uniform() - 4);
    const middle = 4 * (2 * random.uniform() - 1) * (i % 7 === 0 ? 0 : 1);
    l[i] = random.uniform() < 0.1 ? middle : middle - size * random.uniform();
    u[i] = random.uniform() < 0.1 ? l[i]! : Math.max(l[i]!, middle + size * random.uniform());
    c[i] = Math.min(u[i]!, Math.max(l[i]!, l[i]! + (u[i]! - l[i]!) * random.uniform()));
  }
  return { l, u, c };
}

const spread = ({ l, u }: Interval, random: Random): Float32Array =>
  Float32Array.from({ length: BOXES * POINTS }, (_, at) => {
    const i = Math.floor(at / POINTS);
    const share = at % 2 === 0 ? random.integer(2) : random.uniform();
    return Math.min(u[i]!, Math.max(l[i]!, l[i]! + (u[i]! - l[i]!) * share));
  });

describe("what ONNX Runtime computes of two values stays between the ends and the planes of a relaxation", () => {
  it.each(["Mul", "Max", "Min"] as const)("%s", async (op: Op) => {
    const b = new Ops(emptyGraph("relaxation"));
    const input = (name: string) => b.input({ name, type: "float32", dims: [BOXES] });
    const box = (name: string) => ({ lower: input(`${name}l`), upper: input(`${name}u`), centre: input(`${name}c`) });
    const x = [box("x"), box("y")];
    const h = b.add(op, [x[0]!.centre, x[1]!.centre]);
    const context = { node: b.nodes.at(-1)!, b, x, y: h };
    const ends = planeRelaxations[op].interval(context);
    const { lower, upper } = planeRelaxations[op].lines(context);
    if (!("slopes" in lower && "slopes" in upper)) throw new Error("no planes");
    const names = {
      h,
      low: ends.lower,
      high: ends.upper,
      below: lower.gap,
      above: upper.gap,
      belowX: lower.slopes[0]!,
      belowY: lower.slopes[1]!,
      aboveX: upper.slopes[0]!,
      aboveY: upper.slopes[1]!,
    };
    for (const [name, value] of Object.entries(names)) b.alias(name, value);
    const points = ["p", "q"].map((name) => b.input({ name, type: "float32", dims: [BOXES * POINTS] }));
    b.alias("σ", b.add(op, points));
    const random = randomFor(3, 3);
    const [of, and] = [intervals(random), intervals(random)];
    const [p, q] = [spread(of, random), spread(and, random)];
    const one = (data: Float32Array) => tensor("float32", [data.length], data);
    const feeds = (name: string, { l, u, c }: Interval) => ({
      [`${name}l`]: one(l),
      [`${name}u`]: one(u),
      [`${name}c`]: one(c),
    });
    const got = await withProgram(b.finish([...Object.keys(names), "σ"]), (program) =>
      program.run({ ...feeds("x", of), ...feeds("y", and), p: one(p), q: one(q) }),
    );
    const at = (name: string, i: number): number => (got[name]!.data as Float64Array)[i]!;
    const outside: string[] = [];
    for (let i = 0; i < BOXES; i++) {
      for (let k = 0; k < POINTS; k++) {
        const [left, right] = [p[i * POINTS + k]!, q[i * POINTS + k]!];
        const σ = at("σ", i * POINTS + k);
        const plane = (side: "below" | "above") =>
          at("h", i) + at(side, i) + at(`${side}X`, i) * (left - of.c[i]!) + at(`${side}Y`, i) * (right - and.c[i]!);
        const holds = at("low", i) <= σ && σ <= at("high", i) && plane("below") <= σ && σ <= plane("above");
        if (!holds) outside.push(`${left} ${right} of [${of.l[i]}, ${of.u[i]}] [${and.l[i]}, ${and.u[i]}]: ${σ}`);
      }
      const [width, height] = [of.u[i]! - of.l[i]!, and.u[i]! - and.l[i]!];
      // The planes of a product leave half the box's area between them (McCormick 1976); those of the others are the lines of a Relu.
      const most = op === "Mul" ? (width * height) / 2 : (width + height) / 2;
      const size = 1 + Math.abs(at("h", i)) + Math.max(width, height);
      expect(at("above", i) - at("below", i)).toBeLessThan(most * (1 + 1e-5) + 1e-5 * size);
    }
    expect(outside.slice(0, 5)).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { drawInputs, isFloat, type Sample, start, withProgram } from "../../test/support/gradient-check.ts";
import { samples } from "../../test/support/samples/index.ts";
import { randomFor } from "../random.ts";
import type { Tensor } from "../tensor.ts";
import { type LinearOperator, linearIn, linearOperators } from "./linear.ts";

const values = (t: Tensor): number[] => Array.from(t.data as ArrayLike<number>, Number);
const combined = (a: Tensor, c: Tensor, f: (a: number, c: number) => number): Tensor => {
  const [left, right] = [values(a), values(c)];
  const data = a.data.slice() as Float64Array;
  for (let i = 0; i < data.length; i++) data[i] = f(left[i]!, right[i]!);
  return { ...a, data } as Tensor;
};

/** The sets of inputs in which an operator is said to be linear: each operand alone, and all of them where it is no product. */
function unknowns(sample: Sample, op: string, operator: LinearOperator): readonly string[][] {
  const { b } = start(sample, sample.opsets?.at(-1) ?? 17);
  const node = b.nodes.find((n) => n.op === op)!;
  const given = node.inputs.map((name) => (name in sample.inputs ? name : ""));
  const operands = operator.operands === "all" ? given : operator.operands.map((i) => given[i] ?? "");
  const known = operands.filter((name) => name !== "");
  const alone = known.map((name) => [name]);
  const sets = operator.bilinear ? alone : [...alone, known];
  // Where a sample feeds one input to both sides, it is no operand by itself.
  return sets.filter((set) => {
    const isConstant = (i: number) => !set.includes(node.inputs[i] ?? "");
    return set.length > 0 && linearIn({ node, b, x: node.inputs, isConstant });
  });
}

describe("operators that are declared linear are: f(u + v) - f(u) - f(v) + f(0) = 0", () => {
  for (const [op, operator] of Object.entries<LinearOperator>(linearOperators)) {
    const list = (samples as unknown as Record<string, readonly Sample[]>)[op] ?? [];
    it(op, async () => {
      let checked = 0;
      for (const sample of list) {
        const { b, y } = start(sample, sample.opsets?.at(-1) ?? 17);
        await withProgram(b.finish([y]), async (program) => {
          for (const set of unknowns(sample, op, operator)) {
            const [u, v] = [drawInputs(sample, randomFor(1, 2)), drawInputs(sample, randomFor(3, 4))];
            const at = async (f: (a: number, c: number) => number) => {
              const changed = set.filter((name) => isFloat(u[name]!));
              const feeds = Object.fromEntries(changed.map((name) => [name, combined(u[name]!, v[name]!, f)]));
              return values((await program.run({ ...u, ...feeds }))[y]!);
            };
            const [sum, left, right, none] = [
              await at((a, c) => a + c),
              await at((a) => a),
              await at((_, c) => c),
              await at(() => 0),
            ];
            const size = Math.max(1, ...sum.map(Math.abs), ...left.map(Math.abs), ...right.map(Math.abs));
            const off = sum.map((s, i) => Math.abs(s - left[i]! - right[i]! + none[i]!) / size);
            expect(Math.max(0, ...off), `${sample.name}: ${set}`).toBeLessThan(2e-6);
            checked++;
          }
        });
      }
      expect(checked).toBeGreaterThan(0);
    });
  }
});

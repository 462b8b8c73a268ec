import { backward, type RuleTable } from "../../autodiff/engine.ts";
import { linearIn } from "../../autodiff/linear.ts";
import { type Line, UNIT } from "../../autodiff/relaxation.ts";
import type { Rule } from "../../autodiff/rule.ts";
import { rules } from "../../autodiff/rules.ts";
import { PerturbError } from "../../errors.ts";
import { isFloat } from "../../onnx/facts.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product } from "../../tensor.ts";
import type { Arithmetic, Enclosed } from "./enclose.ts";
import { Losses, type Met, outwards, reachOf, slopeOf } from "./losses.ts";
import { Rows } from "./rows.ts";

export interface CrownOptions {
  /** The input of the graph. */
  readonly input: string;
  /** The value that is bounded, and the coefficients of it that are asked about, [samples·rows, ...]: as many rows for each sample. */
  readonly of: string;
  readonly seed: string;
  readonly arithmetic: Arithmetic;
  /** Level lines instead, at the ends of each nonlinear node: what intervals alone tell (IBP with its last layer elided, Gowal et al. 2018, §3). */
  readonly isFlat: boolean;
  /** With it, each sample has one row. */
  readonly tuning?: Tuning | undefined;
  /** Whether min over the box of ⟨A, x - c⟩ is left out, for it is known better by other means. */
  readonly isApart?: boolean | undefined;
}

/** What may be chosen freely of a bound, by the value that a nonlinear node reads, [samples, ...]: any choice is sound. */
export interface Tuning {
  /** Which line below (α). */
  readonly share: (value: string) => string | undefined;
  /**
   * A multiple of the value, not of the sign that it is known to have, which is added to the function that is bounded: -β·s, with β ≥ 0, where
   * s·value ≥ 0 is assumed (Wang et al. 2021, https://arxiv.org/abs/2103.06624, theorem 3.1). The centre need not keep to that assumption.
   */
  readonly push: (value: string) => string | undefined;
}

export interface Crowned {
  readonly bound: string;
  readonly slope: string;
  /** What reaches the output of each node that is not linear, [samples·rows, ...], by the value that it reads. */
  readonly coefficients: ReadonlyMap<string, string>;
  /** ⟨a, f(c)⟩, float64 [samples, rows, 1], and the lines of each such node with the coefficients that met them, by its output. */
  readonly start: string;
  readonly met: ReadonlyMap<string, readonly Met[]>;
}

/**
 * Appends the nodes that bound ⟨a, of⟩ from below over the box, float64 [samples, rows], for the rows a of `seed`, and gives A as
 * `slope`, [samples·rows, ...] (CROWN: Zhang et al. 2018, https://arxiv.org/abs/1811.00866, theorem 3.2). With the value at the centre c of the box,
 *
 *   ⟨a, f(x)⟩ ≥ ⟨a, f(c)⟩ + Σ gaps of nonlinear nodes + min over the box of ⟨A, x - c⟩ - roundings,
 *
 * where A = `backward` of a, with the gradient rule of each linear node and, for each other one, its line below where a coefficient is
 * positive and its line above where it is negative. Biases do not appear. It holds for the network as float32 computes it, in any order of
 * summation: Σ |a|·δ of each linear node covers its rounding there and at the centre, and that of its gradient.
 */
export function crown(
  b: Ops,
  { input, of, seed, arithmetic, isFlat, tuning, isApart = false }: CrownOptions,
  { values, roundings, relaxed }: Enclosed,
): Crowned {
  const { centre, lower, upper } = values.get(input)!;
  const rows = new Rows(b, centre, tuning !== undefined);
  const losses = new Losses(b, rows, arithmetic, tuning !== undefined);
  /** What reaches a value with its push, which may be added but once. */
  const pushed = new Map<string, string>();
  const coefficients = new Map<string, string>();
  const met = new Map<string, readonly Met[]>();
  const reach = (name: string): string => reachOf(b, values.get(name)!);
  const small = (name: string, count: number): void => losses.small(name, reach(name), count);

  const linearRule = (node: Node): Rule | undefined => {
    const context = { node, b, x: node.inputs, isConstant: (i: number) => !values.has(node.inputs[i] ?? "") };
    const operator = linearIn(context);
    const rule = operator && Object.hasOwn(rules, node.op) ? (rules as Record<string, Rule>)[node.op] : undefined;
    if (!operator || !rule) return undefined;
    const δ = roundings.get(node.outputs[0]!);
    const count = 4 + (operator.terms?.(context).backwards ?? 0);
    return (parts) => {
      if (δ) losses.rounding(parts.g, δ.all, 1 + 2 ** -20);
      for (const name of node.inputs) if (values.has(name)) small(name, count);
      return rule(parts);
    };
  };
  const level = (node: Node, y: string): { lower: Line; upper: Line } => {
    const { lower: low, upper: high } = values.get(node.outputs[0]!)!;
    const line = (end: string): Line => ({
      gap: b.sub(b.cast(end, "float64"), b.cast(y, "float64")),
      back: (_, __, rowsOf, i) => {
        const like = rowsOf(values.get(node.inputs[i]!)!.centre);
        return b.mul(like, b.scalar(0, like));
      },
    });
    return { lower: line(low), upper: line(high) };
  };
  const relaxedRule = (node: Node): Rule => {
    const found = relaxed.get(node.outputs[0]!);
    if (!found) throw new PerturbError("internal", `No bounds of "${node.outputs[0]}" are known. Report this.`);
    const share = tuning?.share(node.inputs[0]!);
    const lines = isFlat ? level(node, found.y) : found.relaxation.lines({ node, b, x: found.x, y: found.y, share });
    const back = (line: Line, a: string, i: number): string => {
      if ("back" in line) return line.back(b, a, (name) => rows.of(name, a), i);
      return rows.times(a, "slope" in line ? line.slope : line.slopes[i]!);
    };
    return ({ g }) => {
      coefficients.set(node.inputs[0]!, g);
      const zero = b.scalar(0, g);
      const [positive, negative] = [b.add("Max", [g, zero]), b.add("Min", [g, zero])];
      const sent = new Map<number, string>();
      const parts = node.inputs.map((name, i) => {
        if (!values.has(name) || !isFloat(b.fact(name).type)) return null;
        const sum = b.plus(back(lines.lower, positive, i), back(lines.upper, negative, i));
        if (slopeOf(lines.lower, i) && slopeOf(lines.upper, i)) sent.set(i, sum);
        return sum;
      });
      const both: readonly Met[] = [
        { line: lines.lower, a: positive, side: 1 },
        { line: lines.upper, a: negative, side: -1 },
      ];
      met.set(node.outputs[0]!, both);
      losses.gaps(both, sent);
      for (const [i, sum] of parts.entries()) {
        if (sum === null) continue;
        const name = node.inputs[i]!;
        // How many elements an input is broadcast to: they are added up again.
        const times = product(b.sizes(sum, 1)) / product(b.sizes(name, 1));
        // A slope is multiplied once, and what comes from several windows is added up.
        losses.rounding(sum, times === 1 ? reach(name) : b.expandLike(reach(name), found.y), (8 + 2 * times) * UNIT);
        small(name, 16 + times);
      }
      return parts;
    };
  };
  const table: RuleTable = {
    ruleOf: (_, node) => linearRule(node) ?? relaxedRule(node),
    dependsOn: (node, reached) =>
      node.op !== "Shape" && node.op !== "Size" && node.inputs.some((name) => reached.has(name) && values.has(name)),
    isIdentity: () => false,
    sum: (_, value, arrived) => {
      const known = pushed.get(value);
      if (known) return known;
      const push = tuning?.push(value);
      if (push) {
        const at = b.cast(values.get(value)!.centre, "float64");
        const precise = b.cast(push, "float64");
        const ofSample = (products: string) =>
          b.unsqueeze(b.reduceSum(b.add("Flatten", [products], { axis: 1 }), [1], true), [2]);
        losses.exactly(ofSample(b.mul(precise, at)), ofSample(b.add("Abs", [b.mul(precise, at)])));
      }
      const parts = push ? [...arrived, rows.of(push, arrived[0]!)] : arrived;
      if (parts.length > 1) small(value, parts.length);
      if (parts.length > 1)
        losses.rounding(b.sum(parts.map((part) => b.add("Abs", [part]))), reach(value), 2 * parts.length * UNIT);
      const sum = b.sum(parts);
      if (push) pushed.set(value, sum);
      return sum;
    },
  };
  const a = sentBack(b, { of, seed, input, table }) ?? b.full(0, rows.of(centre, seed));
  const zero = b.scalar(0, a);
  if (!isApart) {
    const from = (end: string, sign: 1 | -1) =>
      outwards(b, b.sub(b.cast(end, "float64"), b.cast(centre, "float64")), sign);
    losses.lose(b.add("Max", [a, zero]), from(lower, -1));
    losses.lose(b.add("Min", [a, zero]), from(upper, 1));
  }
  const at = b.cast(values.get(of)!.centre, "float64");
  const precise = b.cast(seed, "float64");
  const start = rows.dot(precise, at);
  const size = rows.dot(b.add("Abs", [precise]), b.add("Abs", [at]));
  return { bound: b.squeeze(losses.from(start, size), [2]), slope: a, coefficients, start, met };
}

/** What reaches the input; undefined where nothing does, because it changes the value by conditions alone. */
function sentBack(
  b: Ops,
  { of, seed, input, table }: { of: string; seed: string; input: string; table: RuleTable },
): string | undefined {
  try {
    return backward(b, of, seed, [input], table)[0];
  } catch (error) {
    if (error instanceof PerturbError && error.code === "no-gradient" && error.data["input"] === input)
      return undefined;
    throw error;
  }
}

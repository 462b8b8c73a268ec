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
import { gamma, inward, LOST, outward } from "./rounding.ts";
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
  /** ⟨a, f(c)⟩, float64 [samples, rows, 1]: the bound is the sum of this and of its terms. */
  readonly start: string;
  readonly terms: readonly Term[];
}

/** Float64 [samples, rows, 1]. Its cause is the output of a node that is not linear, or the input of the graph; absent for roundings and pushes. */
export interface Term {
  readonly value: string;
  readonly cause?: string | undefined;
}

/** What sums of float64 can be off, as a share of what they are made of. */
const SLACK = 2 ** -40;

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
  /** None above 0. */
  const losses: Term[] = [];
  /** Of any sign. */
  const gains: Term[] = [];
  /** Float64 [samples, rows, 1]: how large the numbers were whose sum is a gain. */
  const sizes: string[] = [];
  /** What reaches a value with its push, which may be added but once. */
  const pushed = new Map<string, string>();
  const coefficients = new Map<string, string>();
  /** Takes Σ of products that are none above 0: their float32 sum is off by a share of itself. */
  const lose = (a: string, by: string, cause?: string): void => {
    const size = product(b.sizes(by, 1));
    const sum = b.cast(rows.dot(a, by), "float64");
    const value =
      arithmetic === "real"
        ? sum
        : b.sub(b.mul(sum, b.scalar(1 + 1.5 * gamma(size + 2), sum)), b.scalar(size * LOST, sum));
    losses.push({ value, cause });
  };
  /** Takes Σ of products that are none below 0. */
  const gain = (a: string, by: string, cause: string): void => {
    const size = product(b.sizes(by, 1));
    const sum = b.cast(rows.dot(a, by), "float64");
    const value = b.sub(b.mul(sum, b.scalar(1 - 1.5 * gamma(size + 2), sum)), b.scalar(size * LOST, sum));
    gains.push({ value, cause });
    sizes.push(sum);
  };
  const down = (name: string): string => outward(b, name, -1);
  const up = (name: string): string => outward(b, name, 1);
  /** Takes coefficients of one sign times a gap. With the centre outside of what is assumed of a value, gaps have both signs. */
  const loseGap = (a: string, gap: string, side: 1 | -1, cause: string): void => {
    if (tuning && arithmetic === "real") {
      gains.push({ value: b.cast(rows.dot(a, b.cast(gap, "float32")), "float64"), cause });
      return;
    }
    lose(a, side === 1 ? down(gap) : up(gap), cause);
    if (tuning) gain(a, inward(b, gap, side), cause);
  };
  /** How far a value can be from that at the centre. */
  const reach = (name: string): string => {
    const known = values.get(name)!;
    return b.add("Max", [b.sub(known.upper, known.centre), b.sub(known.centre, known.lower)]);
  };
  const loseRounding = (a: string, off: string, times: number): void =>
    lose(b.add("Abs", [a]), b.sub(b.mul(off, b.scalar(-times, off)), b.scalar(LOST, off)));
  /** Coefficients of a value may be off by what is too small for float32, in each of so many terms, whatever they are. */
  const loseSmall = (value: string, count: number): void => {
    if (arithmetic === "real") return;
    const flat = b.add("Flatten", [b.cast(reach(value), "float64")], { axis: 1 });
    const all = b.unsqueeze(b.reduceSum(flat, [1], true), [2]);
    losses.push({ value: b.mul(all, b.scalar(-count * LOST, all)) });
  };

  const linearRule = (node: Node): Rule | undefined => {
    const context = { node, b, x: node.inputs, isConstant: (i: number) => !values.has(node.inputs[i] ?? "") };
    const operator = linearIn(context);
    const rule = operator && Object.hasOwn(rules, node.op) ? (rules as Record<string, Rule>)[node.op] : undefined;
    if (!operator || !rule) return undefined;
    const δ = roundings.get(node.outputs[0]!);
    const count = 4 + (operator.terms?.(context).backwards ?? 0);
    return (parts) => {
      if (δ) loseRounding(parts.g, δ.all, 1 + 2 ** -20);
      for (const name of node.inputs) if (values.has(name)) loseSmall(name, count);
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
      loseGap(positive, lines.lower.gap, 1, node.outputs[0]!);
      loseGap(negative, lines.upper.gap, -1, node.outputs[0]!);
      return node.inputs.map((name, i) => {
        if (!values.has(name) || !isFloat(b.fact(name).type)) return null;
        const sum = b.plus(back(lines.lower, positive, i), back(lines.upper, negative, i));
        // How many elements an input is broadcast to: they are added up again.
        const times = product(b.sizes(sum, 1)) / product(b.sizes(name, 1));
        // A slope is multiplied once, and what comes from several windows is added up.
        loseRounding(sum, times === 1 ? reach(name) : b.expandLike(reach(name), found.y), (8 + 2 * times) * UNIT);
        loseSmall(name, 16 + times);
        return sum;
      });
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
        gains.push({ value: ofSample(b.mul(precise, at)) });
        sizes.push(ofSample(b.add("Abs", [b.mul(precise, at)])));
      }
      const parts = push ? [...arrived, rows.of(push, arrived[0]!)] : arrived;
      if (parts.length > 1) loseSmall(value, parts.length);
      if (parts.length > 1)
        loseRounding(b.sum(parts.map((part) => b.add("Abs", [part]))), reach(value), 2 * parts.length * UNIT);
      const sum = b.sum(parts);
      if (push) pushed.set(value, sum);
      return sum;
    },
  };
  const a = sentBack(b, { of, seed, input, table }) ?? b.full(0, rows.of(centre, seed));
  const zero = b.scalar(0, a);
  if (!isApart) {
    lose(b.add("Max", [a, zero]), down(b.sub(b.cast(lower, "float64"), b.cast(centre, "float64"))), input);
    lose(b.add("Min", [a, zero]), up(b.sub(b.cast(upper, "float64"), b.cast(centre, "float64"))), input);
  }
  const at = b.cast(values.get(of)!.centre, "float64");
  const precise = b.cast(seed, "float64");
  const start = rows.dot(precise, at);
  const size = b.sum([rows.dot(b.add("Abs", [precise]), b.add("Abs", [at])), ...sizes]);
  const loss = b.sum(losses.length > 0 ? losses.map(({ value }) => value) : [b.mul(start, b.scalar(0, start))]);
  const slack = b.mul(b.sub(size, loss), b.scalar(SLACK, loss));
  const sum = b.sum([start, loss, ...gains.map(({ value }) => value)]);
  const terms = [...losses, ...gains, { value: b.neg(slack) }];
  return { bound: b.squeeze(b.sub(sum, slack), [2]), slope: a, coefficients, start, terms };
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

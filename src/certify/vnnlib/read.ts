import { PerturbError } from "../../errors.ts";
import { nextBelow } from "../bounds/box.ts";
import { type Case, type Inequality, isEmpty, type Property } from "../verify/property.ts";
import { type Decimal, fromNumber, isZero, negative, plus, sign, times, toNumber } from "./decimal.ts";
import { headOf, readDeclarations } from "./declarations.ts";
import { readExpressions } from "./expressions.ts";
import { type Comparison, type Formula, FormulaReader } from "./formula.ts";

/** Cases beyond which a property is not written out. */
const MOST_CASES = 100_000;

/**
 * Reads a property in VNN-LIB, version 1.0 as the competitions' benchmarks write it, or 2.0: linear conditions on the elements of one
 * input and one output, with `and` and `or` in any order. What it describes is a counterexample.
 * @param name of the file, for messages. @throws invalid-file, unsupported
 */
export function readVnnlib(text: string, name = "property"): Property {
  const lists = readExpressions(text, name);
  const declared = readDeclarations(lists, name);
  const reader = new FormulaReader(name, declared.lookup);
  const asserted: Formula[] = [];
  for (const list of lists) {
    const head = headOf(list);
    if (head === "assert") {
      const [, condition, more] = list.items;
      if (!condition || more) throw wrong(name, list.line, "(assert) takes one condition.");
      asserted.push(reader.formula(condition));
    } else if (!PASSED.has(head)) throw wrong(name, list.line, `"${head}" is not known.`);
  }
  const cases = conjunctions({ kind: "and", parts: asserted }, name).map((all) => caseOf(all, declared, name));
  // What holds of nothing at all is a slip, and "unsat" would be taken for a proof.
  if (cases.every(isEmpty)) throw new PerturbError("invalid-file", `${name}: ${whyEmpty(cases[0]!)}`);
  return { inputs: declared.inputs, outputs: declared.outputs, cases };
}

const whyEmpty = ({ lower, upper, outputs }: Case): string => {
  const empty = lower.findIndex((l, i) => l > upper[i]!);
  const why = contradict(outputs)
    ? "two conditions on the output contradict each other"
    : empty >= 0 && Number.isFinite(lower[empty]!)
      ? `no float32 number lies between the two ends of element ${empty} of the input`
      : "a condition between numbers alone does not hold";
  return `${why}, so that there is nothing to verify. Correct the property.`;
};

const PASSED: ReadonlySet<string> = new Set([
  "vnnlib-version",
  "declare-network",
  "declare-const",
  "declare-fun",
  "set-logic",
]);

const wrong = (name: string, line: number, what: string): PerturbError =>
  new PerturbError("invalid-file", `${name}, line ${line}: ${what}`, { data: { line } });

/** The formula as cases of which one has to hold, each of comparisons that hold together. */
function conjunctions(formula: Formula, name: string): Comparison[][] {
  if (formula.kind === "comparison") return [[formula]];
  const parts = formula.parts.map((part) => conjunctions(part, name));
  const count =
    formula.kind === "or" ? parts.reduce((n, p) => n + p.length, 0) : parts.reduce((n, p) => n * p.length, 1);
  if (count > MOST_CASES)
    throw new PerturbError("unsupported", `${name}: written out, its conditions are more than ${MOST_CASES} cases.`);
  if (formula.kind === "or") return parts.flat();
  return parts.reduce<Comparison[][]>(
    (all, part) =>
      part.length === 1
        ? all.map((one) => append(one, part[0]!))
        : all.flatMap((one) => part.map((other) => [...one, ...other])),
    [[]],
  );
}

/** In place, for a box has thousands of comparisons. */
function append(list: Comparison[], more: readonly Comparison[]): Comparison[] {
  for (const item of more) list.push(item);
  return list;
}

function caseOf(all: readonly Comparison[], sizes: { inputs: number; outputs: number }, name: string): Case {
  const lower = new Float32Array(sizes.inputs).fill(Number.NEGATIVE_INFINITY);
  const upper = new Float32Array(sizes.inputs).fill(Number.POSITIVE_INFINITY);
  const outputs: Inequality[] = [];
  let isImpossible = false;
  for (const { linear, isStrict } of all) {
    const terms = [...linear.terms.values()];
    const limit = negative(linear.constant);
    if (terms.length === 0) {
      isImpossible ||= isStrict ? sign(limit) <= 0 : sign(limit) < 0;
    } else if (terms.every(({ variable }) => variable.side === "output")) {
      const coefficients = new Map(terms.map(({ variable, by }) => [variable.index, by]));
      outputs.push({ coefficients, limit, isStrict });
    } else if (terms.length === 1) {
      const { variable, by } = terms[0]!;
      const end = endOf(by, limit, isStrict);
      if (sign(by) > 0) upper[variable.index] = Math.min(upper[variable.index]!, end);
      else lower[variable.index] = Math.max(lower[variable.index]!, end);
    } else
      throw new PerturbError(
        "unsupported",
        `${name}: a condition has several elements of the input, or input and output together. A box for the input and linear conditions on the output can be verified.`,
      );
  }
  const open = lower.findIndex((l, i) => l === Number.NEGATIVE_INFINITY || upper[i] === Number.POSITIVE_INFINITY);
  if (open >= 0)
    throw new PerturbError(
      "unsupported",
      `${name}: element ${open} of the input has no ${lower[open] === Number.NEGATIVE_INFINITY ? "lower" : "upper"} end. Give each one both.`,
      { data: { element: open } },
    );
  if (isImpossible || contradict(outputs)) lower[0] = Number.POSITIVE_INFINITY;
  return { lower, upper, outputs };
}

/** Whether two conditions limit the same sum from both sides so that nothing is left. */
const contradict = (outputs: readonly Inequality[]): boolean =>
  outputs.some((row, i) =>
    outputs.slice(0, i).some((other) => {
      const room = sign(plus(row.limit, other.limit));
      return (room < 0 || (room === 0 && (row.isStrict || other.isStrict))) && isOpposite(row, other);
    }),
  );

const isOpposite = ({ coefficients: a }: Inequality, { coefficients: b }: Inequality): boolean =>
  a.size === b.size && Array.from(a).every(([i, by]) => b.has(i) && isZero(plus(by, b.get(i)!)));

/** The largest float32 x with by·x ≤ limit where `by` is positive, else the smallest. */
function endOf(by: Decimal, limit: Decimal, isStrict: boolean): number {
  const isUpper = sign(by) > 0;
  const holds = (x: number): boolean => {
    const difference = sign(plus(times(by, fromNumber(x)), negative(limit)));
    return isStrict ? difference < 0 : difference <= 0;
  };
  const step = (x: number, inwards: boolean): number => (inwards === isUpper ? nextBelow(x) : -nextBelow(-x));
  let end = Math.max(
    -3.4028234663852886e38,
    Math.min(3.4028234663852886e38, Math.fround(toNumber(limit) / toNumber(by))),
  );
  while (!holds(end) && Math.abs(end) < 3.4e38) end = step(end, true);
  for (let next = step(end, false); Math.abs(next) < 3.4e38 && holds(next); next = step(end, false)) end = next;
  // Of -0 nobody wrote anything.
  return end + 0;
}

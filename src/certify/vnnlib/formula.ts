import { PerturbError } from "../../errors.ts";
import { type Decimal, isZero, negative, ONE, plus, readDecimal, times, ZERO } from "./decimal.ts";
import { type Expression, isList, type List } from "./expressions.ts";

/** An element of a declared tensor. */
export interface Variable {
  readonly side: "input" | "output";
  readonly index: number;
}

/** Σ coefficients·variables + constant. */
export interface Linear {
  readonly terms: ReadonlyMap<string, { readonly variable: Variable; readonly by: Decimal }>;
  readonly constant: Decimal;
}

/** Σ ≤ 0, or < 0. */
export interface Comparison {
  readonly linear: Linear;
  readonly isStrict: boolean;
}

export type Formula =
  | { readonly kind: "and" | "or"; readonly parts: readonly Formula[] }
  | ({ readonly kind: "comparison" } & Comparison);

/** What a name stands for. @throws invalid-file, unsupported */
export type Lookup = (name: string, line: number) => Variable;

const constant = (value: Decimal): Linear => ({ terms: new Map(), constant: value });

function combined(a: Linear, b: Linear): Linear {
  const terms = new Map(a.terms);
  for (const [key, { variable, by }] of b.terms) {
    const before = terms.get(key);
    terms.set(key, { variable, by: before ? plus(before.by, by) : by });
  }
  for (const [key, { by }] of terms) if (isZero(by)) terms.delete(key);
  return { terms, constant: plus(a.constant, b.constant) };
}

const scaled = ({ terms, constant: c }: Linear, by: Decimal): Linear => ({
  terms: new Map([...terms].map(([key, term]) => [key, { variable: term.variable, by: times(term.by, by) }])),
  constant: times(c, by),
});
const MINUS_ONE = negative(ONE);

/** Reads what is asserted. @throws invalid-file, unsupported where variables are multiplied with each other */
export class FormulaReader {
  readonly #lookup: Lookup;
  readonly #name: string;

  constructor(name: string, lookup: Lookup) {
    this.#name = name;
    this.#lookup = lookup;
  }

  formula(e: Expression): Formula {
    const { head, rest } = this.#call(e);
    switch (head) {
      case "and":
      case "or":
        if (rest.length === 0) throw this.#wrong(`(${head}) needs something in it.`, e);
        return { kind: head, parts: rest.map((part) => this.formula(part)) };
      case "<=":
        return this.#compare(e, rest, { flipped: false, isStrict: false });
      case ">=":
        return this.#compare(e, rest, { flipped: true, isStrict: false });
      case "<":
        return this.#compare(e, rest, { flipped: false, isStrict: true });
      case ">":
        return this.#compare(e, rest, { flipped: true, isStrict: true });
      case "==":
      case "=":
        return { kind: "and", parts: this.#bothWays(e, rest, false) };
      case "!=":
        return { kind: "or", parts: this.#bothWays(e, rest, true) };
      default:
        throw this.#wrong(`"${head}" is no condition. Conditions are and, or, <=, >=, <, >, == and !=.`, e);
    }
  }

  #bothWays(e: Expression, rest: readonly Expression[], isStrict: boolean): Formula[] {
    return [false, true].map((flipped) => this.#compare(e, rest, { flipped, isStrict }));
  }

  #compare(e: Expression, rest: readonly Expression[], how: { flipped: boolean; isStrict: boolean }): Formula {
    if (rest.length !== 2) throw this.#wrong(`a comparison has two sides, and this one has ${rest.length}.`, e);
    const [left, right] = rest.map((part) => this.#linear(part)) as [Linear, Linear];
    const difference = how.flipped
      ? combined(right, scaled(left, MINUS_ONE))
      : combined(left, scaled(right, MINUS_ONE));
    return { kind: "comparison", linear: difference, isStrict: how.isStrict };
  }

  #linear(e: Expression): Linear {
    if (!isList(e)) {
      if (/^[+-]?\.?\d/.test(e.text)) return constant(this.#number(e.text, e));
      const variable = this.#lookup(e.text, e.line);
      return { terms: new Map([[`${variable.side}${variable.index}`, { variable, by: ONE }]]), constant: ZERO };
    }
    const { head, rest } = this.#call(e);
    const parts = rest.map((part) => this.#linear(part));
    const [first, ...others] = parts;
    if (!first) throw this.#wrong(`(${head}) needs something in it.`, e);
    if (head === "+") return parts.reduce(combined);
    if (head === "-")
      return others.length === 0
        ? scaled(first, MINUS_ONE)
        : others.reduce((sum, part) => combined(sum, scaled(part, MINUS_ONE)), first);
    if (head === "*") return parts.reduce((a, b) => this.#product(e, a, b));
    throw this.#wrong(`"${head}" is no arithmetic that is known. Known are +, - and *.`, e);
  }

  #product(e: Expression, a: Linear, b: Linear): Linear {
    if (a.terms.size === 0) return scaled(b, a.constant);
    if (b.terms.size === 0) return scaled(a, b.constant);
    throw new PerturbError(
      "unsupported",
      `${this.#name}, line ${e.line}: variables are multiplied with each other. Only linear conditions can be verified.`,
      { data: { line: e.line } },
    );
  }

  #number(text: string, e: Expression): Decimal {
    try {
      return readDecimal(text);
    } catch (error) {
      if (error instanceof PerturbError) throw this.#wrong(error.message, e);
      throw error;
    }
  }

  #call(e: Expression): { head: string; rest: readonly Expression[] } {
    const [head, ...rest] = isList(e) ? (e as List).items : [];
    if (!head || isList(head)) throw this.#wrong("a condition in brackets is expected, such as (<= X_0 0.5).", e);
    return { head: head.text, rest };
  }

  #wrong(what: string, { line }: Expression): PerturbError {
    return new PerturbError("invalid-file", `${this.#name}, line ${line}: ${what}`, { data: { line } });
  }
}

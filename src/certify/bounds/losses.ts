import type { Enclosure, Line } from "../../autodiff/relaxation.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product, tensor } from "../../tensor.ts";
import type { Arithmetic } from "./enclose.ts";
import { gamma, LOST } from "./rounding.ts";
import type { Rows } from "./rows.ts";

/** Float32 [samples, rows, 1], of so many products. */
interface Sum {
  readonly sum: string;
  readonly terms: number;
}

/** A line of a nonlinear node, and the coefficients that meet it, all of one sign. */
export interface Met {
  readonly line: Line;
  readonly a: string;
  readonly side: 1 | -1;
}

/** Coefficients that were sent through lines by one slope for each element: those of one input. */
interface Sent {
  readonly met: readonly Met[];
  readonly input: number;
  /** What each of them costs besides, whatever its sign is: float32, none below 0. */
  readonly costs: string[];
}

/** What sums of float64 can be off, as a share of what they are made of. */
const SLACK = 2 ** -40;

/** Collects what a bound loses on its way back from the output, and adds it up: float64 [samples, rows, 1]. */
export class Losses {
  readonly #b: Ops;
  readonly #rows: Rows;
  readonly #arithmetic: Arithmetic;
  /** Whether gaps can have both signs, because the centre is outside of what is assumed of a value. */
  readonly #isTuned: boolean;
  /** None above 0. */
  readonly #losses: Sum[] = [];
  /** None below 0. */
  readonly #gains: Sum[] = [];
  /** Float64 [samples, 1 or rows, 1], exact but for what float64 rounds, with how large the numbers are that they are made of. */
  readonly #exact: { readonly sum: string; readonly size: string }[] = [];
  readonly #gaps: { readonly met: readonly Met[]; readonly sent: readonly Sent[] }[] = [];
  readonly #sent = new Map<string, Sent>();
  readonly #small = new Map<string, { readonly reach: string; count: number }>();

  constructor(b: Ops, rows: Rows, arithmetic: Arithmetic, isTuned: boolean) {
    this.#b = b;
    this.#rows = rows;
    this.#arithmetic = arithmetic;
    this.#isTuned = isTuned;
  }

  /** Takes Σ of products that are none above 0: their float32 sum is off by a share of itself. */
  lose(a: string, by: string): void {
    this.#losses.push(this.#sumOf(a, by));
  }

  /** Takes what is known in float64, of any sign. */
  exactly(sum: string, size: string): void {
    this.#exact.push({ sum, size });
  }

  /**
   * Takes what the lines of a node cost where coefficients meet them. `sent`: what these are behind the lines, for each input that they have a slope
   * of: whatever else these coefficients cost is then added to the gaps, which are those of samples and not of rows.
   */
  gaps(met: readonly Met[], sent: ReadonlyMap<number, string>): void {
    const all = Array.from(sent, ([input, name]): Sent => {
      const one = { met, input, costs: [] };
      this.#sent.set(name, one);
      return one;
    });
    this.#gaps.push({ met, sent: all });
  }

  /** Takes Σ |a|·off·times: what float32 can round where coefficients `a` reach a value. */
  rounding(a: string, off: string, times: number): void {
    if (this.#arithmetic === "real") return;
    const b = this.#b;
    const cost = b.plus(b.mul(off, b.scalar(times, off)), b.scalar(LOST, off));
    const sent = this.#sent.get(a);
    if (sent && this.#isAlike(sent, cost)) sent.costs.push(cost);
    else this.lose(b.add("Abs", [a]), b.neg(cost));
  }

  /** Coefficients of a value may be off by what is too small for float32, in each of so many terms, whatever they are. */
  small(value: string, reach: string, count: number): void {
    const known = this.#small.get(value) ?? { reach, count: 0 };
    known.count += count;
    this.#small.set(value, known);
  }

  /** Of `start`, made of numbers so large, what is left at least. */
  from(start: string, size: string): string {
    const b = this.#b;
    for (const { met, sent } of this.#gaps) for (const one of met) this.#meet(one, sent);
    const loss = this.#total(this.#losses, 1);
    const gain = this.#total(this.#gains, -1);
    const below = [loss, ...this.#smallOnes()].filter((part) => part !== undefined);
    const above = gain ? [{ sum: gain, size: gain }, ...this.#exact] : this.#exact;
    const sizes = [size, ...above.map((part) => part.size), ...below.map((part) => b.neg(part))];
    const slack = b.mul(b.sum(sizes), b.scalar(SLACK, start));
    return b.sub(b.sum([start, ...below, ...above.map(({ sum }) => sum)]), slack);
  }

  #sumOf(a: string, by: string): Sum {
    return { sum: this.#rows.dot(a, by), terms: product(this.#b.sizes(by, 1)) };
  }

  /** All sums in float64, each made larger, or smaller, by what it can be off. */
  #total(all: readonly Sum[], side: 1 | -1): string | undefined {
    if (all.length === 0) return undefined;
    const b = this.#b;
    const joined =
      all.length === 1
        ? all[0]!.sum
        : b.add(
            "Concat",
            all.map(({ sum }) => sum),
            { axis: 2 },
          );
    const sums = b.cast(joined, "float64");
    if (this.#arithmetic === "real") return b.reduceSum(sums, [2], true);
    const shares = Float64Array.from(all, ({ terms }) => 1 + side * 1.5 * gamma(terms + 4));
    const scaled = b.mul(sums, b.constant(tensor("float64", [1, 1, all.length], shares)));
    const lost = all.reduce((sum, { terms }) => sum + terms * LOST, 0);
    const total = b.reduceSum(scaled, [2], true);
    return b.sub(total, b.scalar(lost, total));
  }

  #smallOnes(): string[] {
    const b = this.#b;
    if (this.#arithmetic === "real") return [];
    return Array.from(this.#small.values(), ({ reach, count }) => {
      const flat = b.add("Flatten", [b.cast(reach, "float64")], { axis: 1 });
      const all = b.unsqueeze(b.reduceSum(flat, [1], true), [2]);
      return b.mul(all, b.scalar(-count * LOST, all));
    });
  }

  /** Whether a cost has an element for each one of the slopes. */
  #isAlike({ met, input }: Sent, cost: string): boolean {
    const sizes = this.#b.sizes(cost, 1);
    const isSame = (other: readonly number[]) =>
      other.length === sizes.length && other.every((size, i) => size === sizes[i]);
    return met.every(
      ({ line }) => isSame(this.#b.sizes(slopeOf(line, input)!, 1)) && isSame(this.#b.sizes(line.gap, 1)),
    );
  }

  /** With the centre outside of what is assumed of a value, gaps have both signs. */
  #meet({ line, a, side }: Met, sent: readonly Sent[]): void {
    const b = this.#b;
    if (this.#isTuned && this.#arithmetic === "real") {
      const sum = b.cast(this.#rows.dot(a, b.cast(line.gap, "float32")), "float64");
      this.exactly(sum, b.add("Abs", [sum]));
      return;
    }
    const gap = outwards(b, line.gap, side === 1 ? -1 : 1);
    const costs = sent.flatMap(({ input, costs: own }) => {
      if (own.length === 0) return [];
      const slope = b.add("Abs", [slopeOf(line, input)!]);
      return [b.mul(b.mul(slope, b.sum(own)), b.scalar(side * (1 + 2 ** -20), slope))];
    });
    this.lose(a, costs.length > 0 ? b.sub(gap, b.sum(costs)) : gap);
    if (this.#isTuned) this.#gains.push(this.#sumOf(a, inwards(b, line.gap, side)));
  }
}

/** What a line has of one input, element by element; undefined where it sends coefficients otherwise. */
export const slopeOf = (line: Line, input: number): string | undefined =>
  "slope" in line ? (input === 0 ? line.slope : undefined) : "slopes" in line ? line.slopes[input] : undefined;

/** How far a value can be from that at the centre. */
export const reachOf = (b: Ops, { centre, lower, upper }: Enclosure): string =>
  b.add("Max", [b.sub(upper, centre), b.sub(centre, lower)]);

/** A float64 gap of one sign, made a little larger and cast: rounding may not make it smaller. */
export function outwards(b: Ops, gap: string, sign: 1 | -1): string {
  const zero = b.scalar(0, gap);
  const clean = sign === 1 ? b.add("Max", [gap, zero]) : b.add("Min", [gap, zero]);
  return b.cast(b.plus(b.mul(clean, b.scalar(1 + 2 ** -22, gap)), b.scalar(sign * LOST, gap)), "float32");
}

/** What a float64 gap has of the other sign than most, made a little smaller and cast. */
function inwards(b: Ops, gap: string, sign: 1 | -1): string {
  const zero = b.scalar(0, gap);
  const room = b.scalar(LOST, gap);
  const less = b.sub(b.mul(b.mul(gap, b.scalar(sign, gap)), b.scalar(1 - 2 ** -22, gap)), room);
  return b.cast(b.mul(b.add("Max", [less, zero]), b.scalar(sign, gap)), "float32");
}

import { PerturbError } from "./errors.ts";

/** At most so many values come of a range. */
const MOST = 1000;

/** The number of a text such as "0.1", ".1" or "8/255". @throws usage */
export function numberIn(text: string): number {
  const parts = text.trim().split("/");
  const numbers = parts.map((part) =>
    /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part.trim()) ? Number(part) : Number.NaN,
  );
  const value = parts.length === 2 ? numbers[0]! / numbers[1]! : parts.length === 1 ? numbers[0]! : Number.NaN;
  if (parts.length === 2 && numbers[1] === 0) throw usage(`${text} divides by zero.`);
  if (!Number.isFinite(value)) throw usage(`"${text}" is no number. Write 0.1, or a fraction such as 8/255.`);
  return value;
}

/** The values of ε of a text such as "0.05,0.1,8/255", or FROM:TO:STEP with both ends included; they rise. @throws usage */
export function epsilonsIn(text: string): number[] {
  const range = text.split(":");
  const values = range.length === 1 ? text.split(",").map(numberIn) : rangeOf(text, range.map(numberIn));
  for (const [i, value] of values.entries()) {
    if (value < 0) throw usage(`ε cannot be negative, got ${value}.`);
    if (i > 0 && value <= values[i - 1]!)
      throw usage(`ε must rise, and ${value} follows ${values[i - 1]}. Give them in order, each once.`);
  }
  return values;
}

function rangeOf(text: string, parts: readonly number[]): number[] {
  const [from, to, step] = parts;
  if (parts.length !== 3 || !(step! > 0) || !(to! >= from!))
    throw usage(`"${text}" is no range. Write FROM:TO:STEP, such as 0:0.3:0.05.`);
  const count = Math.floor((to! - from!) / step! + 1e-9) + 1;
  if (count > MOST) throw usage(`"${text}" makes ${count} values of ε; at most ${MOST} are allowed.`);
  // Multiplied, not added up, and rounded to what was written: 0.15, not 0.15000000000000002.
  return Array.from({ length: count }, (_, i) => Number((from! + i * step!).toPrecision(12)));
}

/** Letters of a decimal that somebody may have written; a longer one was a fraction, or came of arithmetic. */
const WRITTEN = 8;
/** The largest denominator of a fraction that is looked for. */
const LARGEST = 1024;

/**
 * An ε as it was written, as a text that is read back to the same number: 8/255, 1/3, or a decimal. Where a decimal is as short as one
 * that is written, only a shorter fraction of 255 takes its place.
 */
export function epsilonText(epsilon: number): string {
  const decimal = String(epsilon);
  const of = (denominator: number): string | null => {
    const numerator = Math.round(epsilon * denominator);
    return numerator > 0 && numerator / denominator === epsilon ? `${numerator}/${denominator}` : null;
  };
  const known = of(3) ?? of(255);
  if (known !== null && known.length < decimal.length) return known;
  if (decimal.length <= WRITTEN || decimal.includes("e")) return decimal;
  for (let denominator = 7; denominator <= LARGEST; denominator++) {
    const fraction = of(denominator);
    if (fraction !== null) return fraction.length < decimal.length ? fraction : decimal;
  }
  return decimal;
}

/** `epsilonText` as a part of the name of a file: 8/255 as "8-255", and without the noise of arithmetic. */
export const epsilonName = (epsilon: number): string => {
  const text = epsilonText(epsilon);
  return text.includes("/") ? text.replace("/", "-") : String(Number(epsilon.toPrecision(12)));
};

const usage = (message: string): PerturbError => new PerturbError("usage", message);

/** The ε of such a part of a name; NaN where it is none. */
export function epsilonOfName(name: string): number {
  const [, above, below] = /^(\d+)-(\d+)$/.exec(name) ?? [];
  if (above !== undefined) return Number(above) / Number(below);
  return name === "" ? Number.NaN : Number(name);
}

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

/** An ε as a text that is read back to the same number: a decimal, or where it is shorter a fraction of 255. */
export function epsilonText(epsilon: number): string {
  const fraction = `${Math.round(epsilon * 255)}/255`;
  const decimal = String(epsilon);
  return Math.round(epsilon * 255) / 255 === epsilon && fraction.length < decimal.length ? fraction : decimal;
}

const usage = (message: string): PerturbError => new PerturbError("usage", message);

import { InvalidArgumentError } from "@commander-js/extra-typings";

/** "0.1", ".1", "8/255": a number of at least 0. Options parse their text before anything runs. */
export function parseNumber(text: string): number {
  const parts = text.trim().split("/");
  const numbers = parts.map((part) =>
    /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part.trim()) ? Number(part) : Number.NaN,
  );
  const value = parts.length === 2 ? numbers[0]! / numbers[1]! : parts.length === 1 ? numbers[0]! : Number.NaN;
  if (parts.length === 2 && numbers[1] === 0) throw new InvalidArgumentError(`${text} divides by zero.`);
  if (!Number.isFinite(value))
    throw new InvalidArgumentError(`"${text}" is no number. Write 0.1, or a fraction such as 8/255.`);
  return value;
}

/** "0.05,0.1,8/255" or FROM:TO:STEP, both ends included. */
export function parseEpsilons(text: string): number[] {
  const range = text.split(":");
  const values = range.length === 1 ? text.split(",").map(parseNumber) : parseRange(text, range.map(parseNumber));
  for (const [i, value] of values.entries()) {
    if (value < 0) throw new InvalidArgumentError(`ε cannot be negative, got ${value}.`);
    if (i > 0 && value <= values[i - 1]!)
      throw new InvalidArgumentError(
        `ε must rise, and ${value} follows ${values[i - 1]}. Give them in order, each once.`,
      );
  }
  return values;
}

function parseRange(text: string, parts: readonly number[]): number[] {
  const [from, to, step] = parts;
  if (parts.length !== 3 || !(step! > 0) || !(to! >= from!))
    throw new InvalidArgumentError(`"${text}" is no range. Write FROM:TO:STEP, such as 0:0.3:0.05.`);
  const count = Math.floor((to! - from!) / step! + 1e-9) + 1;
  if (count > 1000) throw new InvalidArgumentError(`"${text}" makes ${count} values of ε; at most 1000 are allowed.`);
  // Multiplied, not added up, and rounded to what was written: 0.15, not 0.15000000000000002.
  return Array.from({ length: count }, (_, i) => Number((from! + i * step!).toPrecision(12)));
}

export const parseNumbers = (text: string): number[] => text.split(",").map(parseNumber);

/** A whole number of at least `least`. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`"${text}" is no whole number of at least ${least}.`);
    return value;
  };

export interface FailUnder {
  readonly accuracy: number;
  readonly epsilon: number;
}

/** "0.5@8/255" or "50%@8/255". */
export function parseFailUnder(text: string): FailUnder {
  const [share, epsilon, ...rest] = text.split("@");
  if (!share || !epsilon || rest.length > 0)
    throw new InvalidArgumentError(`"${text}" is not ACC@EPS. Write 0.5@8/255 or 50%@8/255.`);
  const accuracy = share.endsWith("%") ? parseNumber(share.slice(0, -1)) / 100 : parseNumber(share);
  if (accuracy < 0 || accuracy > 1)
    throw new InvalidArgumentError(`An accuracy lies between 0 and 1 (or 0% and 100%), got ${share}.`);
  return { accuracy, epsilon: parseNumber(epsilon) };
}

/** "1,28,28" */
export function parseShape(text: string): number[] {
  return text.split(/[,x]/).map(wholeNumber(1));
}

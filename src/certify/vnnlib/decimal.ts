import { PerturbError } from "../../errors.ts";

/** digits·10^exponent, exactly: what a property says, which no float has to be. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const FORM = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;
/** Beyond these no float32 network has a value, or a difference. */
const [LARGEST, MOST_DIGITS] = [320, 800];

/** @throws invalid-file for what is no decimal number, or one that no float64 is near */
export function readDecimal(text: string): Decimal {
  const found = FORM.exec(text);
  if (!found) throw new PerturbError("invalid-file", `"${text}" is no decimal number.`);
  const [, sign, whole, fraction = "", power = "0"] = found;
  const digits = `${whole}${fraction}`;
  const exponent = Number(power) - fraction.length;
  const value = Number(text);
  if (digits.length > MOST_DIGITS || Math.abs(Number(power)) > LARGEST || !Number.isFinite(value))
    throw new PerturbError("invalid-file", `The number ${text} is out of range: no float64 is near it.`);
  return { digits: BigInt(`${sign === "-" ? "-" : ""}${digits}`), exponent };
}

export const ZERO: Decimal = { digits: 0n, exponent: 0 };
export const ONE: Decimal = { digits: 1n, exponent: 0 };

const scaled = ({ digits, exponent }: Decimal, to: number): bigint => digits * 10n ** BigInt(exponent - to);

export function plus(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return { digits: scaled(a, exponent) + scaled(b, exponent), exponent };
}

export const times = (a: Decimal, b: Decimal): Decimal => ({
  digits: a.digits * b.digits,
  exponent: a.exponent + b.exponent,
});

export const negative = ({ digits, exponent }: Decimal): Decimal => ({ digits: -digits, exponent });

export const isZero = ({ digits }: Decimal): boolean => digits === 0n;

/** -1, 0 or 1. */
export function sign({ digits }: Decimal): -1 | 0 | 1 {
  return digits === 0n ? 0 : digits > 0n ? 1 : -1;
}

export const isEqual = (a: Decimal, b: Decimal): boolean => isZero(plus(a, negative(b)));

/** The nearest float64. */
export const toNumber = ({ digits, exponent }: Decimal): number => Number(`${digits}e${exponent}`);

/** A float64, exactly: every one is a whole number of 2⁻¹⁰⁷⁴, and 2⁻¹ = 5·10⁻¹. */
export function fromNumber(value: number): Decimal {
  if (!Number.isFinite(value)) throw new PerturbError("internal", `${value} is no number to compare with.`);
  let [digits, exponent] = [value, 0];
  while (!Number.isInteger(digits)) {
    digits *= 2;
    exponent--;
  }
  return exponent === 0
    ? { digits: BigInt(digits), exponent: 0 }
    : { digits: BigInt(digits) * 5n ** BigInt(-exponent), exponent };
}

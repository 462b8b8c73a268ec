import { InvalidArgumentError } from "@commander-js/extra-typings";
import { epsilonsIn, numberIn } from "../../epsilons.ts";
import { messageOf } from "../../errors.ts";
import type { Shard } from "../../evaluate/shard.ts";
import type { Augmentation } from "../../harden/augment.ts";

/** A reader of texts, with its faults as commander tells them. Options parse their text before anything runs. */
const argument =
  <T>(read: (text: string) => T) =>
  (text: string): T => {
    try {
      return read(text);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };

export const parseNumber = argument(numberIn);
export const parseEpsilons = argument(epsilonsIn);

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

/** "-1,1", or the name of a file. */
export function parseBounds(text: string): readonly [number, number] | string {
  const parts = text.split(",");
  if (parts.length !== 2) return text;
  const [lower, upper] = parts.map(parseNumber) as [number, number];
  if (!(lower < upper))
    throw new InvalidArgumentError(`"${text}" is no pair of bounds. Write the lower one first: -1,1.`);
  return [lower, upper];
}

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

/** "±1%", "+-1%", "1%" or "0.01": half the length of an interval, as a share. */
export function parseHalfWidth(text: string): number {
  const [, number, percent] = /^(?:±|\+-|\+\/-)?\s*(\d*\.?\d+)\s*(%?)$/.exec(text.trim()) ?? [];
  const share = number === undefined ? Number.NaN : Number(percent ? `${number}e-2` : number);
  if (share > 0 && share < 0.5) return share;
  throw new InvalidArgumentError(`"${text}" is no half of an interval above 0 and below 50%. Write ±1% or 0.01.`);
}

/** "2/4": the second of four. */
export function parseShard(text: string): Shard {
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(text.trim()) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (shard.index >= 1 && shard.index <= shard.count) return shard;
  throw new InvalidArgumentError(`"${text}" is no shard. Write I/N with I from 1 to N, such as 2/4.`);
}

const UNITS: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9, TB: 1e12 };

/** "500MB", "2GB", "1.5GB": bytes. */
export function parseMemory(text: string): number {
  const [, size, unit] = /^\s*(\d+(?:\.\d+)?)\s*([MGT]B)\s*$/i.exec(text) ?? [];
  const bytes = Math.round(Number(size) * (UNITS[unit?.toUpperCase() ?? ""] ?? Number.NaN));
  if (!(bytes >= 1)) throw new InvalidArgumentError(`"${text}" is no size. Write 500MB or 2GB.`);
  return bytes;
}

/** "flip,shift=2,crop=4": any of these. */
export function parseAugmentation(text: string): Augmentation {
  const parts = text.split(",").map((part): Augmentation => {
    const [, name, pixels] = /^\s*(?:flip|(shift|crop)=(\d+))\s*$/.exec(part) ?? [undefined];
    if (name !== undefined) return { [name]: Number(pixels) };
    if (part.trim() === "flip") return { flip: true };
    throw new InvalidArgumentError(`"${part}" is none of flip, shift=PIXELS and crop=PIXELS.`);
  });
  const twice = parts.flatMap(Object.keys).find((name, i, names) => names.indexOf(name) < i);
  if (twice !== undefined) throw new InvalidArgumentError(`"${text}" names ${twice} twice.`);
  return Object.assign({}, ...parts) as Augmentation;
}

/** "1,28,28" */
export function parseShape(text: string): number[] {
  return text.split(/[,x]/).map(wholeNumber(1));
}

/** "224", or "224x256": height and width. */
export function parseSides(text: string): number | readonly [number, number] {
  const sides = text.split(/[,x]/).map(wholeNumber(1));
  if (sides.length > 2) throw new InvalidArgumentError(`"${text}" is neither one side nor HEIGHTxWIDTH.`);
  return sides.length === 2 ? [sides[0]!, sides[1]!] : sides[0]!;
}

/** "mean:1" or "max:-1" */
export function parsePool(text: string): { readonly how: "mean" | "max"; readonly axis: number } {
  const [, how, axis] = /^(mean|max):(-?\d+)$/.exec(text) ?? [];
  if (how === undefined) throw new InvalidArgumentError(`"${text}" is not mean:AXIS or max:AXIS, such as mean:1.`);
  return { how: how as "mean" | "max", axis: Number(axis) };
}

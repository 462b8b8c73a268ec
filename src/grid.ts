import { PerturbError } from "./errors.ts";
import type { Box, Norm } from "./norm.ts";

/** The value of the grid nearest to v: `levels` evenly spaced values from one bound to the other. */
export function onGrid(v: number, { lower, upper }: Box, levels: number): number {
  const steps = levels - 1;
  const k = Math.round(((v - lower) / (upper - lower)) * steps);
  return Math.fround(lower + ((upper - lower) * Math.min(steps, Math.max(0, k))) / steps);
}

/** How far the difference of two float32 in [-1, 1] may lie from that of the grid's values, by rounding alone. */
const SLACK = 2 ** -23;

/**
 * Moves a candidate inside the ball around `x` to the grid, and keeps it in the ball: each element goes to the nearest value
 * of the grid; where that leaves the ball, elements go to the value on the side of `x` instead, the ones that were moved
 * away farthest first. Elements that are those of `x` stay. In the ball for every ε only where `x` lies on the grid itself.
 * @throws usage for fewer than two levels
 */
export function toGrid(
  out: Float32Array,
  x: Float32Array,
  norm: Norm,
  epsilon: number,
  box: Box,
  levels: number,
): void {
  checkLevels(levels);
  const step = (box.upper - box.lower) / (levels - 1);
  const gained = new Float32Array(out.length);
  for (let i = 0; i < out.length; i++) {
    if (out[i] === x[i]) continue;
    const v = onGrid(out[i]!, box, levels);
    gained[i] = Math.abs(v - x[i]!) - Math.abs(out[i]! - x[i]!);
    out[i] = v;
  }
  // The ball of transformations is no ball of pixels.
  if (norm.name === "spatial") return;
  const limit = epsilon + SLACK;
  if (norm.distance(out, x) <= limit) return;
  const inwards = (i: number): void => {
    const v = onGrid(out[i]! + (out[i]! > x[i]! ? -step : step), box, levels);
    // Never past x, which may itself lie between two values.
    out[i] = v > x[i]! === out[i]! > x[i]! && v !== x[i] ? v : x[i]!;
  };
  const away = [...gained.keys()].filter((i) => gained[i]! > 0).sort((i, j) => gained[j]! - gained[i]! || i - j);
  if (norm.name === "linf") {
    for (const i of away) if (Math.abs(out[i]! - x[i]!) > limit) inwards(i);
    return;
  }
  for (let at = 0; at < away.length && norm.distance(out, x) > limit; ) {
    // Half of what is left at a time: the distance of the whole is not asked for every element.
    const count = Math.max(1, Math.ceil((away.length - at) / 16));
    for (const i of away.slice(at, at + count)) inwards(i);
    at += count;
  }
}

/** @throws usage */
export function checkLevels(levels: number): void {
  if (!(Number.isInteger(levels) && levels >= 2 && levels <= 65536))
    throw new PerturbError(
      "usage",
      `Levels must be a whole number from 2 to 65536, such as 256 for 8-bit images; got ${levels}.`,
    );
}

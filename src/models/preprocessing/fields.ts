import { PerturbError } from "../../errors.ts";
import type { Interpolation } from "./preprocessing.ts";

/** A configuration as it stands in JSON. */
export type Fields = Readonly<Record<string, unknown>>;

export const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** Whether a value is there, and not null. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** Pillow's numbers of its filters. */
const FILTERS: readonly (Interpolation | undefined)[] = ["nearest", "lanczos", "bilinear", "bicubic"];

/** A filter by its name or by Pillow's number. @throws unsupported */
export function filterNamed(value: unknown, name: string): Interpolation {
  const found = typeof value === "number" ? FILTERS[value] : FILTERS.find((filter) => filter === value);
  if (found === undefined) throw unfollowed(`the interpolation ${String(value)}`, name);
  return found;
}

/** @throws unsupported */
export function numbers(value: unknown, field: string, name: string): readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((v): v is number => typeof v === "number")) return list;
  throw unfollowed(`${field} ${JSON.stringify(value)}`, name);
}

/** { height, width }, or one number for both. @throws unsupported */
export function pair(value: unknown, field: string, name: string): readonly [number, number] {
  const { height, width } = fieldsOf(value);
  const [tall, wide] = typeof value === "number" ? [value, value] : [height, width];
  if (typeof tall === "number" && typeof wide === "number") return [tall, wide];
  throw unfollowed(`${field} ${JSON.stringify(value)}`, name);
}

/** The preprocessing would be another one without it. */
export const unfollowed = (what: string, name: string): PerturbError =>
  new PerturbError(
    "unsupported",
    `${name} asks for ${what.slice(0, 80)}, which is not followed here. Give the steps as options.`,
    { data: { name } },
  );

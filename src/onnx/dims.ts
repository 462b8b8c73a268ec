import type { Dim } from "./graph.ts";

/** Arithmetic on sizes that may be names or unknown. */

/** Numpy's broadcasting of two shapes; null where a rank is unknown. A name beside a size above 1 is that size. */
export function broadcast(a: readonly Dim[] | null, b: readonly Dim[] | null): readonly Dim[] | null {
  if (!a || !b) return null;
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly Dim[], i: number): Dim => (i < rank - dims.length ? 1 : dims[i - rank + dims.length]!);
  return Array.from({ length: rank }, (_, i) => broadcastDim(at(a, i), at(b, i)));
}

function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === "number") return a;
  return typeof b === "number" ? b : null;
}

/** A negative axis counted from the end. */
export const normalizeAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** A product of sizes: a number and names, which are written "2*N" where there is more than one factor. */
interface Factors {
  readonly count: number;
  readonly names: readonly string[];
}

/** The factors of a product; null where a size is unknown. */
function factors(dims: readonly Dim[]): Factors | null {
  let count = 1;
  const names: string[] = [];
  for (const d of dims) {
    if (d === null) return null;
    if (typeof d === "number") count *= d;
    else
      for (const part of d.split("*"))
        if (/^\d+$/.test(part)) count *= Number(part);
        else names.push(part);
  }
  return { count, names };
}

/** Names beyond which a product counts as unknown: a graph can multiply one by itself, over and over. */
const MOST_NAMES = 16;

const ofFactors = ({ count, names }: Factors): Dim => {
  if (names.length > MOST_NAMES) return null;
  return names.length === 0 || count === 0 ? count : [...(count === 1 ? [] : [count]), ...names.toSorted()].join("*");
};

/** The product of sizes. */
export function multiplyDims(dims: readonly Dim[]): Dim {
  const all = factors(dims);
  return all && ofFactors(all);
}

/** The size s for which s · product(parts) = product(whole), where it is whole. */
export function divideDims(whole: readonly Dim[], parts: readonly Dim[]): Dim {
  const above = factors(whole);
  const below = factors(parts);
  if (!above || !below) return null;
  const names = [...above.names];
  for (const name of below.names) {
    const i = names.indexOf(name);
    if (i < 0) return null;
    names.splice(i, 1);
  }
  const count = above.count / below.count;
  return Number.isInteger(count) ? ofFactors({ count, names }) : null;
}

/** The shape that Reshape gives: 0 copies (unless `allowZero`), -1 is what remains. */
export function reshapeDims(from: readonly Dim[] | null, to: readonly Dim[], allowZero: boolean): readonly Dim[] {
  const dims = to.map((d, i): Dim => (d === 0 && !allowZero ? (from?.[i] ?? null) : d));
  const open = dims.indexOf(-1);
  if (open >= 0)
    dims[open] = from
      ? divideDims(
          from,
          dims.filter((_, i) => i !== open),
        )
      : null;
  return dims;
}

/** A size where names stand for these numbers; null where it stays open. */
export function sizeOf(size: Dim, named: ReadonlyMap<string, number>): number | null {
  if (typeof size !== "string") return size;
  const parts = size.split("*").map((part) => (/^\d+$/.test(part) ? Number(part) : named.get(part)));
  return (
    named.get(size) ?? (parts.some((part) => part === undefined) ? null : parts.reduce<number>((a, b) => a * b!, 1))
  );
}

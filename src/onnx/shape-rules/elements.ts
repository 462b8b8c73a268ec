import { product } from "../../tensor.ts";
import { type Fact, SMALL } from "../facts.ts";
import type { Dim } from "../graph.ts";

/**
 * The elements of a value of shape `to` of which the one at index i is that of `fact` at `from(i)`. Undefined where the
 * elements or a size are not known.
 */
export function rearranged(
  { values, floats, dims }: Fact,
  to: readonly Dim[],
  from: (index: readonly number[]) => readonly number[],
): readonly Dim[] | undefined {
  const elements = values ?? floats;
  if (!elements || !dims || !areNumbers(dims) || !areNumbers(to)) return undefined;
  const count = product(to);
  if (count > SMALL) return undefined;
  return Array.from({ length: count }, (_, flat) => {
    const place = from(indexOf(flat, to)).reduce((sum, i, axis) => sum * dims[axis]! + i, 0);
    return elements[place] ?? null;
  });
}

/** The elements as broadcast to the shape `to`. */
export const spread = (fact: Fact, to: readonly Dim[] | null): readonly Dim[] | undefined =>
  to
    ? rearranged(fact, to, (index) =>
        fact.dims!.map((d, axis) => (d === 1 ? 0 : index[index.length - fact.dims!.length + axis]!)),
      )
    : undefined;

const areNumbers = (dims: readonly Dim[]): dims is readonly number[] => dims.every((d) => typeof d === "number");

function indexOf(flat: number, dims: readonly number[]): number[] {
  let rest = flat;
  return dims
    .toReversed()
    .map((size) => {
      const i = rest % size;
      rest = Math.floor(rest / size);
      return i;
    })
    .reverse();
}

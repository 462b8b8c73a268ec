import { batchRanges, type Dataset, shapeAt } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";

/** One of several parts of an evaluation, which run anywhere and are merged: the `index`-th of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Places of an evaluation's samples, counted from its first one: from `first` up to, not including, `last`. */
export interface Places {
  readonly first: number;
  readonly last: number;
}

export const isShard = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "index" in value && "count" in value;

/** The shape of the sample at a place, counted from the first one, of data that have several; undefined of others. */
export const shapesFrom = (data: Dataset, offset: number) =>
  data.shapeOf && ((place: number): readonly number[] => shapeAt(data, (data.drawn ? 0 : offset) + place));

/** "2/4" */
export const shardText = ({ index, count }: Shard): string => `${index}/${count}`;

/**
 * The samples of a shard: whole batches, as even as they go. A sample's randomness is its own, so that shards give what one run gives.
 * @throws usage for no shard, and where there are fewer batches than shards
 */
export function placesOf(
  { index, count }: Shard,
  {
    total,
    batch,
    shapeAt,
  }: {
    readonly total: number;
    readonly batch: number;
    readonly shapeAt?: ((place: number) => readonly number[]) | undefined;
  },
): Places {
  if (!(Number.isSafeInteger(count) && Number.isSafeInteger(index) && index >= 1 && index <= count))
    throw new PerturbError(
      "usage",
      `${option("shard")} must be I/N with I from 1 to N, such as 2/4, got ${shardText({ index, count })}.`,
    );
  const starts = Array.from(batchRanges(total, { batch }, shapeAt), ([start]) => start);
  if (starts.length < count)
    throw new PerturbError(
      "usage",
      `${total} samples in batches of ${batch} cannot be split into ${count} shards, only into ${starts.length}. Take fewer shards, or a smaller ${option("batch")}.`,
      { data: { batches: starts.length, shards: count } },
    );
  const at = (k: number): number => starts[Math.floor((k * starts.length) / count)] ?? total;
  return { first: at(index - 1), last: at(index) };
}

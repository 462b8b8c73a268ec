import { sampleSize } from "../../tensor.ts";
import type { Ends } from "./batches.ts";
import type { Box } from "./box.ts";

/** Numbers that are kept at most. */
const MOST_NUMBERS = 2 ** 23;

interface Kept {
  readonly box: Box;
  readonly ends: Ends;
  readonly numbers: number;
}

/** The ends that were found last, with the boxes that they are of: a second method for the same box need not look for them again. */
export class Settled {
  readonly #kept: Kept[] = [];
  #numbers = 0;

  keep(box: Box, ends: Ends): void {
    const numbers = [...ends.values()].reduce((sum, { lower }) => sum + 2 * lower.length, 3 * box.lower.data.length);
    this.#kept.push({ box, ends, numbers });
    this.#numbers += numbers;
    while (this.#numbers > MOST_NUMBERS) this.#numbers -= this.#kept.shift()!.numbers;
  }

  /** Those of samples whose boxes are the same, number by number, wherever they stand; undefined unless all are known. */
  of(box: Box): Ends | undefined {
    const places: { readonly kept: Kept; readonly at: number }[] = [];
    for (let i = 0; i < box.lower.dims[0]!; i++) {
      const found = this.#find(box, i);
      if (!found) return undefined;
      places.push(found);
    }
    const joined = (value: string, side: "lower" | "upper"): Float32Array => {
      const parts = places.map(({ kept, at }) => {
        const all = kept.ends.get(value)![side];
        const size = all.length / kept.box.lower.dims[0]!;
        return all.subarray(at * size, (at + 1) * size);
      });
      const made = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
      let from = 0;
      for (const part of parts) {
        made.set(part, from);
        from += part.length;
      }
      return made;
    };
    const values = [...(places[0]?.kept.ends.keys() ?? [])];
    return new Map(values.map((value) => [value, { lower: joined(value, "lower"), upper: joined(value, "upper") }]));
  }

  #find(box: Box, i: number): { readonly kept: Kept; readonly at: number } | undefined {
    const size = sampleSize(box.lower);
    for (const kept of this.#kept.toReversed()) {
      const { box: all } = kept;
      for (let at = 0; at < all.lower.dims[0]!; at++) {
        // Those over a ball say nothing of the box around it.
        if (all.ball?.norm !== box.ball?.norm || all.ball?.radii[at] !== box.ball?.radii[i]) continue;
        const isSameBox = (["centre", "lower", "upper"] as const).every((side) =>
          isSame(all[side].data.subarray(at * size, (at + 1) * size), box[side].data, i * size),
        );
        if (isSameBox) return { kept, at };
      }
    }
    return undefined;
  }
}

/** Whether all of `one` stands in `all` at a place. */
const isSame = (one: ArrayLike<number>, all: ArrayLike<number>, from: number): boolean => {
  for (let i = 0; i < one.length; i++) if (all[from + i] !== one[i]) return false;
  return true;
};

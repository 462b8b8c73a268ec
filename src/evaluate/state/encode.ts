import type { Picture } from "../../evaluate.ts";
import { type Confusion, EXAMPLES, type Shown, type Tally } from "../results/tally.ts";

/** How many examples are kept already: of the clean samples, then of each point. */
export type Shelves = number[];

export const emptyShelves = (points: number): Shelves => new Array<number>(points + 1).fill(0);

/** The lists of examples of a tally, in the order of shelves. */
export const exampleLists = ({
  cleanExamples,
  points,
}: Pick<Tally, "cleanExamples" | "points">): readonly Shown[][] => [
  cleanExamples,
  ...points.map(({ examples }) => examples),
];

/** Counts the examples of a tally as kept. */
export function shelve(shelves: Shelves, tally: Tally): void {
  for (const [i, examples] of exampleLists(tally).entries()) shelves[i]! += examples.length;
}

/** The tally without the examples that no sum would show, since those before it fill the list. */
export function trimmed(tally: Tally, shelves: Shelves): Tally {
  const left = (examples: readonly Shown[], i: number) => examples.slice(0, Math.max(0, EXAMPLES - shelves[i]!));
  return {
    ...tally,
    cleanExamples: left(tally.cleanExamples, 0),
    points: tally.points.map((point, i) => ({ ...point, examples: left(point.examples, i + 1) })),
  };
}

/** Where a tally holds a picture, whose pixels are kept apart. */
const PIXELS: ReadonlySet<string> = new Set(["original", "adversarial", "shape"] satisfies (keyof Picture)[]);

/**
 * What holds a tally, as JSON, without pixels: counts as [place, count, …] of those that are not zero, and numbers that JSON
 * lacks as their names.
 */
export const tallyText = (value: { readonly tally: Tally; readonly seconds: number }): string =>
  JSON.stringify(value, (key, part: unknown) => (PIXELS.has(key) ? undefined : encode(part)));

function encode(value: unknown): unknown {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (!(value instanceof Map)) return value;
  const counts = [...(value as Confusion)].filter(([, count]) => count !== 0);
  return counts.sort(([a], [b]) => a - b).flat();
}

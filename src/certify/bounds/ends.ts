import { product } from "../../tensor.ts";
import { boundsOf, type Ends, givenOf, unitRows } from "./batches.ts";
import { around, type Box } from "./box.ts";
import { refineByWindows } from "./local.ts";
import { found } from "./names.ts";
import { type Side, STAGES } from "./pools.ts";
import type { BoundPrograms, Frontier } from "./programs.ts";

/** Numbers in the rows that are made at a time. */
const MOST_SEEDS = 2 ** 23;

/**
 * `ibp`: intervals through every layer. `crown-ibp`: lines from the output back to the input, their slopes by intervals. `crown`: lines for each
 * layer, too, where intervals leave open on which side of a kink a neuron is.
 */
export type Method = "ibp" | "crown-ibp" | "crown";

/** The ends of all values before nonlinear nodes, layer by layer: better ones make those of the layers after them better. */
export async function settle(programs: BoundPrograms, box: Box, method: Method): Promise<Ends> {
  const n = box.centre.dims[0]!;
  const ends: Ends = new Map(
    programs.frontiers.map(({ value, shape }) => {
      const size = n * product(shape);
      return [
        value,
        {
          lower: new Float32Array(size).fill(Number.NEGATIVE_INFINITY),
          upper: new Float32Array(size).fill(Number.POSITIVE_INFINITY),
        },
      ];
    }),
  );
  // The graph of a bound makes its own intervals of what is known; these only tell what is still open.
  let isStale = true;
  for (const frontier of method === "ibp" ? [] : programs.frontiers) {
    // Over a box, intervals are exact there; over a ball they are not.
    if (frontier.isFirst ? !box.ball : method !== "crown") continue;
    if (isStale) await spread(programs, box, ends);
    isStale = await refine(programs, frontier, box, ends);
  }
  return ends;
}

/** Intervals from what is known of the layers before. */
async function spread({ frontiers, intervals }: BoundPrograms, box: Box, ends: Ends): Promise<void> {
  if (!intervals) return;
  const { samples } = givenOf(frontiers, box, ends);
  const results = await intervals.run(Object.fromEntries(intervals.inputs.map((name) => [name, samples[name]!])));
  for (const { value } of frontiers) {
    const names = found(value);
    ends.set(value, {
      lower: results[names.lower]!.data as Float32Array,
      upper: results[names.upper]!.data as Float32Array,
    });
  }
}

/** Bounds the elements of a value that intervals leave open. Gives whether there were any. */
async function refine(programs: BoundPrograms, frontier: Frontier, box: Box, ends: Ends): Promise<boolean> {
  const { value, shape, isOpen, pool, bendsAtZero } = frontier;
  const { lower, upper } = ends.get(value)!;
  const size = product(shape);
  const better = { lower: lower.slice(), upper: upper.slice() };
  const keep = ({ element, sign }: Side, bound: number): void => {
    // A bound that is NaN tells nothing.
    const least = around(bound)[0];
    if (sign === 1 && least > better.lower[element]!) better.lower[element] = least;
    if (sign === -1 && -least < better.upper[element]!) better.upper[element] = -least;
  };
  const local = await programs.windowed(value, box.ball !== undefined);
  const stillOpen = (sidesOf: (element: number) => readonly Side[]) => (): Side[] => {
    const sides: Side[] = [];
    for (let element = 0; element < better.lower.length; element++)
      if (isOpen(better.lower[element]!, better.upper[element]!)) sides.push(...sidesOf(element));
    return sides;
  };
  const bothEnds = stillOpen((element) => [
    { element, sign: 1 },
    { element, sign: -1 },
  ]);
  // That which is nearer to 0 is more likely to settle the sign.
  const nearEnd = stillOpen((element) => [
    { element, sign: better.lower[element]! + better.upper[element]! > 0 ? 1 : -1 },
  ]);
  const ofSigns = bendsAtZero ? [nearEnd, bothEnds] : [bothEnds];
  const stages = pool ? STAGES.map((stage) => () => stage(pool, better, size)) : ofSigns;
  const known = new Set<number>();
  let isRefined = false;
  for (const stage of stages) {
    const asked = stage().filter(({ element, sign }) => !known.has(sign * (element + 1)));
    for (const { element, sign } of asked) known.add(sign * (element + 1));
    if (asked.length === 0) continue;
    isRefined = true;
    if (local) await refineByWindows(local, { box, ends, asked, shape, frontiers: programs.frontiers }, keep);
    else await refineWhole(programs, frontier, { box, ends, asked }, keep);
  }
  if (isRefined) ends.set(value, better);
  return isRefined;
}

async function refineWhole(
  programs: BoundPrograms,
  { value, shape }: Frontier,
  { box, ends, asked }: { readonly box: Box; readonly ends: Ends; readonly asked: readonly Side[] },
  keep: (side: Side, bound: number) => void,
): Promise<void> {
  const program = await programs.boundOf(value, false, box.ball !== undefined);
  const given = givenOf(programs.frontiers, box, ends);
  const size = product(shape);
  const many = Math.max(1, Math.floor(MOST_SEEDS / size));
  for (let at = 0; at < asked.length; at += many) {
    const sides = asked.slice(at, at + many);
    const rows = unitRows(
      sides.map(({ element, sign }) => ({ sample: Math.floor(element / size), at: element % size, sign })),
      shape,
    );
    const { bounds } = await boundsOf(program, given, rows, box.centre.dims.slice(1));
    for (const [i, side] of sides.entries()) keep(side, bounds[i]!);
  }
}

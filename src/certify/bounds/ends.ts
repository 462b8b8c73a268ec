import { product } from "../../tensor.ts";
import { bothWays, boundsOf, type Ends, givenOf } from "./batches.ts";
import { around, type Box } from "./box.ts";
import { refineByWindows } from "./local.ts";
import { type BoundPrograms, type Frontier, found } from "./programs.ts";

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

/** Bounds the elements of a value that intervals leave open, both ways. Gives whether there were any. */
async function refine(programs: BoundPrograms, frontier: Frontier, box: Box, ends: Ends): Promise<boolean> {
  const { value, shape, isOpen } = frontier;
  const { lower, upper } = ends.get(value)!;
  const size = product(shape);
  const open = Array.from(lower.keys()).filter((i) => isOpen(lower[i]!, upper[i]!));
  if (open.length === 0) return false;
  const better = { lower: lower.slice(), upper: upper.slice() };
  const keep = (element: number, [low, negated]: readonly [number, number]): void => {
    // A bound that is NaN tells nothing.
    const [least, most] = [around(low)[0], -around(negated)[0]];
    if (least > better.lower[element]!) better.lower[element] = least;
    if (most < better.upper[element]!) better.upper[element] = most;
  };
  const local = await programs.windowed(value, box.ball !== undefined);
  if (local) {
    await refineByWindows(local, { box, ends, open, shape, frontiers: programs.frontiers }, keep);
  } else {
    const program = await programs.boundOf(value, false, box.ball !== undefined);
    const given = givenOf(programs.frontiers, box, ends);
    const many = Math.max(1, Math.floor(MOST_SEEDS / (2 * size)));
    for (let at = 0; at < open.length; at += many) {
      const elements = open.slice(at, at + many);
      const rows = bothWays(
        elements.map((element) => ({ sample: Math.floor(element / size), at: element % size })),
        shape,
      );
      const { bounds } = await boundsOf(program, given, rows, box.centre.dims.slice(1));
      for (const [i, element] of elements.entries()) keep(element, [bounds[2 * i]!, bounds[2 * i + 1]!]);
    }
  }
  ends.set(value, better);
  return true;
}

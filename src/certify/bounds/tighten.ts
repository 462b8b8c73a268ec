import { product } from "../../tensor.ts";
import type { Ends } from "./batches.ts";
import { around, type Box } from "./box.ts";
import type { BoundPrograms } from "./programs.ts";
import type { Reduced } from "./reduced.ts";
import { openTuning } from "./tune.ts";

const STEPS = 20;
/** Elements of one value: where more are open, their ends stay as they are. */
const MOST = 512;
/** Rows that are improved together. */
const BATCH = 64;

/**
 * Better ends of one box: of each element whose sign is open, layer by layer, the choices of its own two bounds are improved (Xu et al. 2021,
 * https://arxiv.org/abs/2011.13824, §3.2, intermediate layers). @param ends proven  @param small where choices are made, if not in the network itself
 */
export async function tightened(programs: BoundPrograms, box: Box, ends: Ends, small?: Reduced): Promise<Ends> {
  const better: Ends = new Map(ends);
  for (const { value, shape, isFirst, bendsAtZero } of programs.frontiers) {
    if (isFirst || !bendsAtZero) continue;
    const known = better.get(value)!;
    const [lower, upper] = [known.lower.slice(), known.upper.slice()];
    const open = [...lower.keys()].filter((i) => lower[i]! < 0 && upper[i]! > 0);
    if (open.length === 0 || open.length > MOST) continue;
    const tuning = openTuning(programs, box, better, value);
    if (tuning.neurons.length === 0) continue;
    const one = (size: number, at: number, sign: number) => new Float32Array(size).fill(sign, at, at + 1);
    const layer = small?.layerOf(value);
    const quick = layer ? openTuning(small!.programs, small!.box, small!.endsOf(better), layer.name) : tuning;
    const rows = open.flatMap((element) =>
      [1, -1].map((sign) => ({
        element,
        sign,
        row: one(product(shape), element, sign),
        quickRow: layer && one(layer.elements.length, layer.elements.indexOf(element), sign),
      })),
    );
    for (let at = 0; at < rows.length; at += BATCH) {
      const taken = rows.slice(at, at + BATCH);
      const asked = taken.map(({ row }) => ({ row, domain: tuning.root, limit: 0 }));
      const tuned = await quick.improve(
        asked.map((ask, i) => ({ ...ask, row: taken[i]!.quickRow ?? ask.row })),
        STEPS,
      );
      const bounds = await tuning.prove(asked.map((one, i) => ({ ...one, domain: tuned[i]!.domain })));
      for (const [i, { element, sign }] of taken.entries()) {
        const least = around(bounds[i]!)[0];
        // A bound that is NaN tells nothing.
        if (sign > 0 && least > lower[element]!) lower[element] = least;
        if (sign < 0 && -least < upper[element]!) upper[element] = -least;
      }
    }
    better.set(value, { lower, upper });
  }
  return better;
}

import { checkSignal } from "../../../errors.ts";
import type { Answer } from "../answer.ts";
import type { Case } from "../property.ts";
import type { Runs } from "../runs.ts";
import { nearest, search, searchFrom } from "../search.ts";
import { conditionsOf } from "../witness.ts";
import { Forms } from "./forms.ts";
import type { Layer } from "./layers.ts";
import { DenseSplit } from "./split.ts";

export interface DecideOptions {
  readonly runs: Runs;
  /** Shape of one input. */
  readonly sample: readonly number[];
  readonly seed: number;
  readonly late: () => boolean;
  readonly signal: AbortSignal | undefined;
}

/** Searches, each followed by so many more boxes. */
const EFFORTS = [
  { starts: 8, steps: 10, tries: 0, most: 200 },
  { starts: 24, steps: 24, tries: 2000, most: Number.POSITIVE_INFINITY },
];

/** Decides groups of cases, each over one box, of a dense network with few inputs. */
export async function decideDense(
  layers: readonly Layer[],
  groups: readonly (readonly Case[])[],
  { runs, sample, seed, late, signal }: DecideOptions,
): Promise<Answer> {
  const forms = new Forms(layers);
  const outputs = layers.at(-1)!.outputs;
  let left = groups.map((cases) => ({ cases, split: new DenseSplit(layers, forms, runs, cases) }));
  const domains = () => all.reduce((sum, { split }) => sum + split.domains, 0);
  const all = left;
  for (const { starts, steps, tries, most } of EFFORTS) {
    for (const of of left.flatMap(({ cases }) => cases)) {
      checkSignal(signal);
      if (late()) return { answer: "timeout", domains: domains() };
      const conditions = conditionsOf(of, outputs);
      const found = await search(runs, of, conditions, sample, { starts, steps, seed });
      const witness =
        found || tries === 0
          ? found
          : await searchFrom(
              runs,
              of,
              conditions,
              await nearest(runs, of, conditions, sample, { tries, starts, seed }),
            );
      if (witness) return { answer: "sat", witness };
    }
    const open: typeof left = [];
    for (const one of left) {
      const result = await one.split.run({ late, signal, most });
      if (result.kind === "witness") return { answer: "sat", witness: result.witness };
      if (result.kind === "late") return { answer: "timeout", domains: domains() };
      if (result.kind === "open" && most === Number.POSITIVE_INFINITY)
        return { answer: "unknown", reason: result.reason };
      if (result.kind === "open") open.push(one);
    }
    left = open;
  }
  return { answer: "unsat", domains: domains() };
}

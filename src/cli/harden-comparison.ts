import { join } from "node:path";
import { attacks } from "../attacks/index.ts";
import type { Dataset } from "../dataset.ts";
import type { Comparison } from "../evaluate/results/compare.ts";
import { printComparison } from "./comparison.ts";
import { openSubject } from "./opening/subject.ts";
import type { HardenAsked } from "./opening/training.ts";
import { warningWords } from "./option-words.ts";
import { complain } from "./output.ts";
import { progressLine, silent } from "./progress.ts";

/** Shares of the ε trained for at which both models are attacked. */
const SHARES = [0.25, 0.5, 0.75, 1];

/**
 * The model before and after, attacked by PGD-40 on the same samples: those of --test, the test set of a known data set, or samples that
 * were kept out.
 */
export async function compareHardened(
  { model, given, folder }: HardenAsked,
  kept: Dataset | undefined,
  write: (comparison: Comparison) => Promise<void>,
): Promise<void> {
  const [{ compare }, { threads, workersFor }] = await Promise.all([
    import("../evaluate/compare.ts"),
    import("../evaluate/places/threads.node.ts"),
  ]);
  const data = given.test ?? given.data;
  const common = { ...given, data, split: given.test === undefined && kept ? "train" : "test", device: "cpu" } as const;
  const before = await openSubject({ ...common, model });
  const { arch: _, preprocess = before.preprocess, ...rest } = common;
  const hardened = join(folder, "model.onnx");
  const after = await openSubject({ ...rest, preprocess, model: hardened });
  const names = ["before", "after"] as const;
  const bars = new Map(names.map((name) => [name as string, given.quiet ? silent : progressLine(name, "samples")]));
  try {
    const found = await compare(before.model, after.model, kept ?? [before.data, after.data], {
      attacks: [attacks.pgd],
      norm: given.norm,
      epsilons: SHARES.map((share) => share * given.eps),
      seed: given.seed,
      limit: given.testLimit,
      place: threads({ size: workersFor("cpu") }),
      names,
      onProgress: (name, { done, total }) => bars.get(name)!.update(done, total),
    });
    for (const bar of bars.values()) bar.finish();
    const comparison = { ...found, warnings: warningWords(found.warnings) };
    await write(comparison);
    await printComparison(comparison, "B - A");
    for (const { message } of comparison.warnings) complain(`warning: ${message}`);
  } finally {
    for (const bar of bars.values()) bar.finish();
    await before.model.release();
    await after.model.release();
  }
}

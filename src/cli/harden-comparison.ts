import { join } from "node:path";
import type { Dataset } from "../dataset.ts";
import type { Compared } from "../evaluate/compare.ts";
import type { Answer } from "../evaluate/replay.ts";
import type { Warning } from "../evaluate.ts";
import { comparisonOptions } from "./opening/comparison.ts";
import { openSubject } from "./opening/subject.ts";
import type { HardenAsked } from "./opening/training.ts";
import { warningWords } from "./option-words.ts";
import { progressLine, silent } from "./progress.ts";

/**
 * The model before and after, attacked by PGD-40 on the same samples: those of --test, the test set of a known data set, or samples that
 * were kept out. Gives what was measured, and what the model after says of the adversarial examples of the one before.
 */
export async function compareHardened(
  { model, given, folder }: HardenAsked,
  kept: Dataset | undefined,
  signal: AbortSignal,
): Promise<{ readonly compared: Compared; readonly answers: readonly (readonly Answer[])[] }> {
  const [{ compareModels }, { replay }, { threads, workersFor }] = await Promise.all([
    import("../evaluate/compare.ts"),
    import("../evaluate/replay.ts"),
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
    const { comparison, results } = await compareModels(before.model, after.model, kept ?? [before.data, after.data], {
      ...comparisonOptions(given),
      limit: given.testLimit,
      signal,
      place: threads({ size: workersFor("cpu") }),
      names,
      onProgress: (name, { done, total }) => bars.get(name)!.update(done, total),
    });
    const answers = await replay(after.model, results[0]);
    return {
      compared: { comparison: { ...comparison, warnings: asHarden(comparison.warnings) }, results },
      answers,
    };
  } finally {
    for (const bar of bars.values()) bar.finish();
    await before.model.release();
    await after.model.release();
  }
}

/** What an evaluation advises names options of its own; the attack of a comparison is always the same. */
const asHarden = (warnings: readonly Warning[]): Warning[] =>
  warningWords(warnings).map(({ code, message }) => ({
    code,
    message:
      code === "more-steps-gain"
        ? message.replace(/(is overstated\.).*$/s, "$1 Attack both models harder with perturb evaluate.")
        : message,
  }));

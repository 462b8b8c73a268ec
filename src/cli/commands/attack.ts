import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import type { AdversarialBatch } from "../../evaluate/adversarial.ts";
import { shardText } from "../../evaluate/shard.ts";
import type { Note } from "../../option.ts";
import type { FloatTensor } from "../../tensor.ts";
import { type Count, printCounts } from "../attack-counts.ts";
import { fedBySample } from "../attack-rows.ts";
import { fillAtomically, requireFree, requireWritable } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import type { OpenedSubject } from "../opening/opened.ts";
import { sayNotes } from "../opening/say-notes.ts";
import { openSubject } from "../opening/subject.ts";
import { wanted } from "../opening/wanted.ts";
import { commandWords, warningWords } from "../option-words.ts";
import { shardOption } from "../options/evaluate-options.ts";
import { group, only, withGroups } from "../options/group.ts";
import {
  attackOptions,
  dataOptions,
  endpointOptions,
  graphOptions,
  modelOptions,
  outputOptions,
  pictureOptions,
  runOptions,
} from "../options/groups.ts";
import { perturbOption } from "../options/perturb-option.ts";
import { complain, helpText, print, prose } from "../output.ts";
import { progressLine, silent } from "../progress.ts";

const LIMIT = 100;

export const attackCommand = withGroups(
  new Command("attack")
    .description(
      prose(`Attacks samples and writes the results to a .npz file for numpy. For each ε in turn, it holds one row for each sample:
x (the clean sample), x_adv, label, prediction (of x_adv), success (1 where the attack reached its goal), distance (from x,
in the norm), index (in the data set) and epsilon. Where --feed gives a row for each sample, feed_NAME holds those of these samples. A misclassified sample is not attacked: its x_adv is x. The share of rows
whose prediction is the label is the accuracy that "perturb evaluate" gives.`),
    )
    .addHelpText("after", () =>
      helpText(`
With --png, each success is also written as eps-EPS/LABEL/INDEX-LABEL-to-PREDICTION-eps-EPS.png (8/255 is eps-8-255), with the name
of its source where the data has files: --data DIR/eps-EPS reads them. Each file is read back, and the number of those that still fool the
model is printed. Rounding to 8 bits may undo an example, or exceed the budget. With --levels 256, the
attack uses only values that a PNG can hold, and every success lasts. With --perturb picture, files have the size of their
pictures, and are read back through --resize and --crop, as what ships does it. The .npz keeps the exact values, and is data too: --data FILE.npz takes its x_adv and label, at the largest ε or that
of --data-eps, and --feed NAME=FILE.npz its feed_NAME.

Examples:
  perturb attack --eps 0.3 --out adversarial.npz
  perturb attack --model net.onnx --data images/ --eps 4/255,8/255 --levels 256 --out adversarial/ --png
  perturb attack --model net.onnx --data images/ --preprocess imagenet --perturb picture --eps 4/255 --out adversarial/ --png
  perturb attack --attack transfer --surrogate other.onnx --eps 8/255`),
    ),
  modelOptions(),
  graphOptions(),
  endpointOptions(),
  dataOptions({ limit: LIMIT }),
  pictureOptions(),
  perturbOption(),
  attackOptions(),
  runOptions(),
  shardOption(),
  group("Output")
    .option("--out <file.npz|dir>", "A .npz file, or a new folder for adversarial.npz.", "adversarial.npz")
    .option("--png", "Also write each success as an 8-bit PNG. --out must be a folder; see --levels."),
  only(outputOptions(), "quiet"),
).action(async (given) => interruptible(() => run(given)));

type Given = ReturnType<typeof attackCommand.opts>;

async function run(given: Given): Promise<void> {
  const toFile = given.out.endsWith(".npz");
  if (toFile && given.png)
    throw new PerturbError("usage", `--png needs a folder, and --out ${given.out} is a file. Give a folder.`);
  if (given.png && given.head === "multi-label")
    throw new PerturbError(
      "usage",
      "--png writes a folder for each class, and --head multi-label has sets. Leave it out.",
    );
  if (toFile && given.shard)
    throw new PerturbError("usage", "--shard keeps its part in a folder for perturb merge. Give one: --out DIR.");
  await (toFile ? requireWritable(given.out) : requireFree(given.out));
  const subject = await openSubject(given);
  const counts = toFile
    ? await writeAll(subject, given, given.out)
    : await inFolder(given.out, (folder) => writeAll(subject, given, join(folder, "adversarial.npz"), folder));
  await printCounts(given, counts, given.out);
  if (given.shard) print(`Shard ${shardText(given.shard)} is done. When all are: perturb merge DIR… --out DIR`);
}

async function inFolder(out: string, work: (folder: string) => Promise<Count[]>): Promise<Count[]> {
  let counts: Count[] = [];
  await fillAtomically(out, async (folder) => {
    counts = await work(folder);
  });
  return counts;
}

/** Writes the .npz, and what else belongs into the folder where there is one. */
async function writeAll(subject: OpenedSubject, given: Given, npz: string, folder?: string): Promise<Count[]> {
  const [{ adversarialExamples }, { requirePictures, writePictures }, { writeArrays }] = await Promise.all([
    import("../../evaluate/adversarial.ts"),
    import("../attack-pictures.ts"),
    import("../attack-arrays.ts"),
  ]);
  const { data, model } = subject;
  const pictures = given.png ? folder : undefined;
  const pipeline = pictures === undefined ? undefined : await subject.pipeline?.();
  const { target = null, shard } = given;
  const plan = await wanted(given, subject);
  const { surrogate } = plan;
  let notes = (): readonly Note[] => [];
  const counts = given.eps.map((): Count => ({ correct: 0, fooled: 0, survived: 0 }));
  const progress = given.quiet ? silent : progressLine("attacking", "samples");
  try {
    const examples = await adversarialExamples(model, data, { ...plan, shard });
    if (pictures !== undefined) requirePictures(model.inputShape);
    const { first, last } = examples.places;
    const total = last - first;
    for (const { message } of warningWords(examples.warnings)) complain(`warning: ${message}`);
    const { inDataUnits } = await import("../../evaluate/units.ts");
    const units = (x: FloatTensor): FloatTensor => ({ ...x, data: inDataUnits(x.data, model) });
    const inUnits = (result: AdversarialBatch): AdversarialBatch => ({
      ...result,
      batch: { ...result.batch, x: units(result.batch.x) },
      adversarial: units(result.adversarial),
    });
    notes = examples.notes;
    const about = examples.warnings.find(({ code }) => code === "prepared-pictures" || code === "picture-perturbed");
    if (about && pictures !== undefined)
      await writeFile(join(pictures, "README.txt"), `${commandWords(about.message)}\n`);
    const extent = {
      data: examples.data,
      from: examples.plan.offset + first,
      total,
      epsilons: given.eps.length,
      fed: await fedBySample(model, given.feed),
    };
    await writeArrays(npz, extent, given.out === npz, async (put) => {
      let done = 0;
      for await (const results of examples) {
        await put(results.map(inUnits));
        for (const [k, result] of results.entries()) await tally(result, counts[k]!);
        done += results[0]!.batch.labels.length;
        progress.update(done, total);
      }
    });
    if (shard && folder !== undefined) {
      const { keepShard } = await import("../attack-shard.ts");
      await keepShard(folder, examples, counts, { shard, model, surrogate, pictures: given.png === true });
    }
  } finally {
    progress.finish();
    await Promise.all([model.release(), pipeline?.model.release(), surrogate?.release()]);
  }
  sayNotes(notes());
  return counts;

  async function tally(result: AdversarialBatch, count: Count): Promise<void> {
    result.predictions.forEach((prediction, i) => {
      count.correct += Number(prediction === result.batch.labels[i]);
      count.fooled += result.success[i]!;
    });
    if (pictures === undefined) return;
    count.survived += await writePictures(pictures, result, model, {
      target,
      exact: (given.levels ?? model.levels) === 256,
      pipeline,
      sourceOf: (index) => data.sourceOf?.(index),
    });
  }
}

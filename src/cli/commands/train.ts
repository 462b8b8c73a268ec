import { basename } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { type ArchitectureName, architectures } from "../../architectures/index.ts";
import { PerturbError } from "../../errors.ts";
import type { Checkpoint } from "../../train/checkpoint.ts";
import { optimizers } from "../../train/index.ts";
import type { TrainSettings } from "../../train/settings.ts";
import type { EpochRecord, TrainState } from "../../train.ts";
import { EXIT } from "../exit.ts";
import { stoppable } from "../interrupt.ts";
import { only, withGroups } from "../options/group.ts";
import { dataOptions, outputOptions, runOptions } from "../options/groups.ts";
import {
  initializerOption,
  namesOf,
  optimizerOption,
  rateOption,
  scheduleOption,
  weightDecayOption,
} from "../options/training.ts";
import { wholeNumber } from "../options/values.ts";
import { helpText, print, tell } from "../output.ts";
import { type ProgressLine, progressLine, silent } from "../progress.ts";
import { startRuntimes } from "../training-runtimes.ts";

/** All that a checkpoint already says. */
const FIXED = [
  "arch",
  "init",
  "data",
  "epochs",
  "batch",
  "optimizer",
  "lr",
  "schedule",
  "weightDecay",
  "validation",
  "limit",
  "seed",
  "out",
] as const;

export const trainCommand = withGroups(
  new Command("train")
    .description("Trains a built-in network and saves it as ONNX.")
    .addOption(
      new Option("--arch <name>", "The network.")
        .choices(namesOf<ArchitectureName>(architectures))
        .default("lenet" as const),
    )
    .addOption(
      new Option("--epochs <n>", "How often every sample is seen; 0 gives the untrained network.")
        .argParser(wholeNumber(0))
        .default(12),
    )
    .addOption(new Option("--batch <n>", "How many samples a step uses.").argParser(wholeNumber(1)).default(64))
    .addOption(initializerOption())
    .addOption(optimizerOption())
    .addOption(rateOption())
    .addOption(scheduleOption())
    .addOption(weightDecayOption())
    .addOption(
      new Option("--validation <n>", "Hold out the last n samples of the training set for validation.")
        .argParser(wholeNumber(0))
        .default(5000),
    )
    .option("--out <dir>", "The folder of the result. (default: runs/train-ARCH-DATA)")
    .addOption(
      new Option("--resume <dir>", "Go on with an interrupted training, with its own options.").conflicts([...FIXED]),
    )
    .addHelpText("after", () =>
      helpText(`
The folder gets model.onnx and model.safetensors (the weights after the last epoch), history.json, and
checkpoint.safetensors, saved after each epoch and on Ctrl-C. The same options give the same files, byte for byte.

Examples:
  perturb train                                         LeNet on MNIST: the bundled model
  perturb train --data fashion-mnist --epochs 20
  perturb train --arch small --epochs 0 --out runs/new  an untrained network, for perturb harden
  perturb train --arch small --epochs 0 --init intervals --out runs/new
  perturb train --optimizer sgd --lr 0.05 --schedule cosine --batch 128 --out runs/sgd
  perturb train --resume runs/sgd                       after Ctrl-C
  perturb evaluate --model runs/train-lenet-mnist/model.onnx`),
    ),
  only(dataOptions(), "data", "limit"),
  only(runOptions(), "seed"),
  only(outputOptions(), "quiet"),
).action((given) => stoppable((signal) => run(given, signal)));

type Given = ReturnType<typeof trainCommand.opts>;

async function run(given: Given, signal: AbortSignal): Promise<void> {
  const [{ train }, { optionsOf }, { createTraining, openTraining, saveCheckpoint, saveResult }, { openDataset }] =
    await Promise.all([
      import("../../train/run.ts"),
      import("../../train/settings.ts"),
      import("../../train/folder.node.ts"),
      import("../../datasets/locate.node.ts"),
    ]);
  const resumed: Checkpoint | undefined = given.resume === undefined ? undefined : await openTraining(given.resume);
  const name = resumed?.settings.data ?? given.data;
  const { inputShape } = architectures[resumed?.settings.architecture ?? given.arch];
  const data = await openDataset(name, { split: "train", shape: inputShape });
  const settings = resumed?.settings ?? settingsOf(given, data.size);
  if (resumed !== undefined && data.size < settings.samples)
    throw new PerturbError(
      "mismatch",
      `${name} now has ${data.size} samples, and the training uses ${settings.samples}. Resume with the data that it began with.`,
    );
  const folder =
    given.resume ?? given.out ?? `runs/train-${settings.architecture}-${basename(name).replace(/[^\w.-]+/g, "_")}`;
  const discard = resumed === undefined ? await createTraining(folder) : undefined;

  const progress = given.quiet ? silent : progressLine("training", "samples");
  let saved = false;
  const runtimes = await startRuntimes();
  try {
    const state = await train({
      ...optionsOf(settings),
      data,
      runtimes,
      signal,
      resume: resumed?.state,
      onProgress: ({ done, total, epoch, epochs, score }) =>
        progress.update(done, total, `epoch ${epoch}/${epochs}, loss ${(score.loss / score.total).toFixed(4)}`),
      save: async (state) => {
        await saveCheckpoint(folder, { settings, state });
        saved = true;
        if (!signal.aborted && !given.quiet) printEpoch(state, settings, progress);
      },
    });
    progress.finish();
    await saveResult(folder, settings, state);
    print(`Model: ${folder}/model.onnx`);
  } catch (error) {
    progress.finish();
    if (!saved) discard?.();
    if (!(saved && error instanceof PerturbError && error.code === "cancelled")) throw error;
    tell(`Stopped, and saved. Go on with: perturb train --resume ${folder}`);
    process.exitCode = EXIT.saved;
  } finally {
    await Promise.all(runtimes.map((runtime) => runtime.close()));
  }
}

function settingsOf(given: Given, size: number): TrainSettings {
  const {
    arch: architecture,
    init: initializer,
    data,
    optimizer,
    schedule,
    weightDecay,
    validation,
    epochs,
    batch,
    seed,
  } = given;
  const rate = given.lr ?? optimizers[optimizer].rate;
  return {
    architecture,
    data,
    samples: Math.min(size, given.limit ?? size),
    validation,
    initializer,
    optimizer,
    weightDecay,
    rate,
    schedule,
    epochs,
    batch,
    seed,
  };
}

function printEpoch({ history }: TrainState, { epochs }: TrainSettings, progress: ProgressLine): void {
  const { epoch, training, validation } = history.at(-1) as EpochRecord;
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const held = validation ? `, validation ${percent(validation.correct / validation.total)}` : "";
  progress.finish();
  print(
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}: loss ${(training.loss / training.total).toFixed(4)}, accuracy ${percent(training.correct / training.total)}${held}`,
  );
}

import { dirname, resolve } from "node:path";
import { optionIn, optionsOf } from "../../attack-options.ts";
import type { Dataset } from "../../dataset.ts";
import { didYouMean, PerturbError } from "../../errors.ts";
import type { HardenFacts } from "../../harden/checkpoint.ts";
import type { ConfiguredMethod, TrainingNorm } from "../../harden.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import { sha256, sha256Each } from "../../sha256.ts";
import { optimizers } from "../../train/index.ts";
import { schedules } from "../../train/schedule.ts";
import type { hardenOptions } from "../options/harden-options.ts";
import { comparisonOptions } from "./comparison.ts";
import { openSubject } from "./subject.ts";

export type HardenGiven = ReturnType<ReturnType<typeof hardenOptions>["opts"]>;

/** What is asked for, whether by this command line or by that of the run that goes on. */
export interface HardenAsked {
  readonly model: string;
  readonly given: HardenGiven & { readonly eps: number; readonly norm: TrainingNorm };
  readonly folder: string;
}

/** Model and data, and all that decides the result. */
export async function openTraining({ model, given }: HardenAsked) {
  const [
    { openModelGraph, readModelFile },
    { readDataFiles },
    { withOpenBatch },
    { datasets },
    { drawn, part },
    { split },
    { nodeRuntime },
    { readOnnx, writeOnnx },
  ] = await Promise.all([
    import("../../models/open.node.ts"),
    import("../../models/formats/data-files.node.ts"),
    import("../../models/classifier/open-batch.ts"),
    import("../../datasets/index.ts"),
    import("../../datasets/draw.ts"),
    import("../../harden/split.ts"),
    import("../../runtime/ort.node.ts"),
    import("../../onnx/file.ts"),
  ]);
  const subject = await openSubject({ ...given, model, split: "train", device: "cpu" });
  try {
    if (!isGraphModel(subject.model)) throw new PerturbError("usage", "Only a model in a file can be hardened.");
    if (given.certify) {
      // What cannot be proven in the end is refused before the first step.
      const { openEvaluation } = await import("../../evaluate/evaluation.ts");
      await (await openEvaluation(subject.model, subject.data, comparisonOptions(given))).close();
    }
    const runtime = nodeRuntime("cpu", 1);
    const file = await withOpenBatch(subject.model.file, runtime);
    const { limit, seed, arch, test, validation } = given;
    const data = limit === undefined || limit >= subject.data.size ? subject.data : drawn(subject.data, limit, seed);
    // Weights without a graph are written as one, and that file is hardened.
    const read = await readModelFile(model);
    const bytes = arch === undefined ? read : writeOnnx((await openModelGraph(model, { arch: arch as "lenet" })).graph);
    const isOwnTest = test === undefined && !Object.hasOwn(datasets, given.data);
    const kept = isOwnTest ? validation : 0;
    const files = await readDataFiles(readOnnx(bytes, file.name), dirname(resolve(model)), file.name);
    const method = await methodOf(given);
    const { norm, epochs, freeze, only } = given;
    const options = {
      norm,
      epochs,
      freeze,
      only,
      validation,
      seed,
      method,
      epsilon: given.eps,
      optimizer: optimizers[given.optimizer].make({ weightDecay: given.weightDecay }),
      rate: given.lr ?? optimizers[given.optimizer].rate,
      schedule: schedules[given.schedule],
      batch: given.batch ?? 128,
      ema: given.ema,
      augment: given.augment,
      batchNorm: given.bn,
      file,
      bytes,
      files,
      data,
      test: kept,
    };
    const facts = {
      model: await sha256(bytes),
      weights: files.size > 0 ? JSON.stringify(await sha256Each(files)) : null,
      data: data.name,
      samples: data.size,
      method: method.method.name,
      options: JSON.stringify(method.options),
      norm: given.norm,
      epsilon: given.eps,
      optimizer: given.optimizer,
      rate: options.rate,
      schedule: given.schedule,
      weightDecay: given.weightDecay,
      epochs: given.epochs,
      batch: options.batch,
      validation,
      test: kept,
      seed,
      freeze: freeze.join(","),
      only: only.join(","),
      batchNorm: given.bn === "stored" ? null : given.bn,
      ema: given.ema === 0 ? null : given.ema,
      augment: given.augment === undefined ? null : JSON.stringify(given.augment),
    } satisfies HardenFacts;
    const held: Dataset | undefined =
      kept > 0 && data.size > kept + validation
        ? part(data, split(data, { validation, test: kept, seed }).test, seed)
        : undefined;
    return { options, facts, test: held, runtime };
  } finally {
    await subject.model.release();
  }
}

/** The method with what --set says. @throws usage */
async function methodOf({ method: name, set }: HardenGiven): Promise<ConfiguredMethod> {
  const [{ methods }, { configuredMethod, declared }] = await Promise.all([
    import("../../harden/methods/index.ts"),
    import("../../harden.ts"),
  ]);
  const method = methods[name];
  const known = optionsOf(declared(method));
  const options = set.map((setting): [string, unknown] => {
    const [, option, text] = /^(?:[\w-]+\.)?(\w+)=(.*)$/.exec(setting) ?? [];
    const facts = known.find((one) => one.name === option);
    if (option !== undefined && text !== undefined && facts) return [option, optionIn(text, facts)];
    const names = known.map((one) => one.name);
    throw new PerturbError(
      "usage",
      `--set takes OPTION=VALUE of the method ${name}, which has ${names.join(", ") || "no options"}; got "${setting}".${didYouMean(option ?? "", names)}`,
    );
  });
  return configuredMethod(method, Object.fromEntries(options));
}

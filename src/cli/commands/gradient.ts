import { dirname, resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import type { Batch, BatchOptions, Dataset } from "../../dataset.ts";
import { PerturbError } from "../../errors.ts";
import { checkSamples, type Loss } from "../../model.ts";
import type { ClassifierFile } from "../../models/classifier/classifier.ts";
import { requireOutputs, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { openGraph, openModelFile } from "../opening/model.ts";
import { withOwnConfiguration } from "../opening/preprocessing.ts";
import { sayNotes } from "../opening/say-notes.ts";
import { modelArgument } from "../options/definitions.ts";
import { only, withGroups } from "../options/group.ts";
import { graphOptions, outputOptions, pictureOptions, runOptions } from "../options/groups.ts";
import { perturbOption } from "../options/perturb-option.ts";
import { helpText, print, prose } from "../output.ts";
import { progressLine, silent } from "../progress.ts";
import { bringWeights } from "../weights.ts";

export const gradientCommand = withGroups(
  new Command("gradient")
    .description(
      prose(`Differentiates a model with respect to its input. With --out, the gradient is saved as an ONNX model of standard
operators, which any ONNX runtime runs. Its inputs are x and labels (int64, [N]). Its outputs are logits [N, classes], loss
[N], and gradient in the shape of x: that of each sample's own loss. With --input, --labels and --values, it is computed.`),
    )
    .addArgument(modelArgument())
    .option("--out <model.onnx>", "Save the gradient graph as this file.")
    .option("--input <x.npy>", "The samples: floats as they are, or uint8 from 0 to 255, which are divided by 255.")
    .option("--labels <y.npy>", "Their labels: whole numbers [N], or one-hot [N, classes].")
    .option(
      "--values <g.npy>",
      "Save the gradient of each sample's loss as this file: float32, in the shape of the input.",
    )
    .addOption(
      new Option(
        "--loss <loss>",
        "The loss. margin is the best other logit minus the label's; logit is the label's own.",
      )
        .choices(["cross-entropy", "margin", "dlr", "logit"] as const satisfies readonly Loss[])
        .default("cross-entropy" as const),
    )
    .addHelpText("after", () =>
      helpText(`
Examples:
  perturb gradient net.onnx --out net-gradient.onnx
  perturb gradient net.onnx --input x.npy --labels y.npy --values g.npy
  perturb gradient net.onnx --perturb picture --preprocess imagenet --input photos.npy --labels y.npy --values g.npy
  perturb gradient net.pth --arch lenet --mean 0.1307 --std 0.3081 --out gradient.onnx`),
    ),
  graphOptions(),
  pictureOptions(),
  perturbOption(),
  only(runOptions(), "batch", "memory", "device"),
  only(outputOptions(), "quiet"),
).action(async (model, given) => interruptible(() => run(model, given)));

type Given = ReturnType<typeof gradientCommand.opts>;

async function run(model: string, asked: Given): Promise<void> {
  const { given, notes } = await withOwnConfiguration(model, asked);
  const { out, input, labels, values } = given;
  const parts = [input, labels, values].filter((part) => part !== undefined).length;
  if (parts !== 0 && parts !== 3)
    throw new PerturbError("usage", "To compute a gradient, give all of --input, --labels and --values.");
  if (out === undefined && values === undefined)
    throw new PerturbError(
      "usage",
      "There is nothing to do. Give --out MODEL.onnx to save the gradient graph, or --input, --labels and --values.",
    );
  await requireOutputs(out, values);

  refuseSets(given);
  refuseIdle(given);
  const opened = await openGraph(model, given);
  const samples = input === undefined ? undefined : await openSamples(input, labels!);
  const own = given.perturb === "picture" ? null : opened.shape;
  const shape = given.shape ?? own ?? samples?.data.shape;
  if (!shape)
    throw new PerturbError(
      "usage",
      `${opened.name} leaves the shape of its samples open. Give it by --shape, such as --shape 3,224,224.`,
    );
  const file = await openModelFile(opened, shape, given);
  sayNotes([...(file.notes ?? []), ...notes]);
  if (out !== undefined) await saveGraph(file, given.loss, out);
  if (samples) await saveValues(file, samples, values!, given);
}

/** @throws usage */
function refuseSets({ head }: Given): void {
  if (head === "multi-label")
    throw new PerturbError(
      "usage",
      "gradient takes one class for each sample. perturb evaluate and perturb attack know --head multi-label.",
    );
}

/** @throws usage for what is done to pictures where arrays are what the network gets */
function refuseIdle({ perturb, resize, crop, interpolation, antialias }: Given): void {
  if (perturb === "picture" || (resize ?? crop ?? interpolation) === undefined) {
    if (perturb === "picture" || antialias !== false) return;
  }
  throw new PerturbError(
    "usage",
    "gradient takes arrays. They are what the network gets, and --resize, --crop and --interpolation would change nothing; with --perturb picture they are pictures at their own size, and the gradient is that of their pixels.",
  );
}

interface Samples {
  readonly data: Dataset;
  /** The shape of the whole array, as it lies in the file. */
  readonly dims: readonly number[];
}

async function openSamples(input: string, labels: string): Promise<Samples> {
  const [{ openNpy }, { fileSource }, { LONGEST_NPY_HEADER, parseNpyHeader }] = await Promise.all([
    import("../../datasets/arrays.ts"),
    import("../../datasets/files.node.ts"),
    import("../../datasets/npy-header.ts"),
  ]);
  const images = await fileSource(input);
  const { dims } = parseNpyHeader(await images.read(0, LONGEST_NPY_HEADER), images.name);
  return { data: await openNpy({ name: images.name, images, labels: await fileSource(labels) }), dims };
}

async function saveGraph(file: ClassifierFile, loss: Loss, out: string): Promise<void> {
  const [{ gradientGraph }, { writeOnnx }] = await Promise.all([
    import("../../models/classifier/classifier.ts"),
    import("../../onnx/file.ts"),
  ]);
  const graph = gradientGraph(file, loss);
  if (file.folder !== undefined) await bringWeights(graph, file.folder, dirname(resolve(out)), "the gradient graph");
  const bytes = writeOnnx(graph);
  await writeAtomically(out, (handle) => handle.writeFile(bytes));
  print(`Gradient graph (${loss}): ${out}`);
}

/** Samples at a time that fit into the memory. */
async function fittingBatch(file: ClassifierFile, memory: number | undefined): Promise<number> {
  const { MEMORY, samplesWithin } = await import("../../evaluate/course/memory.ts");
  const { footprintOf } = await import("../../models/classifier/footprint.ts");
  return samplesWithin(memory ?? MEMORY, 1, footprintOf(file, true), 0);
}

async function saveValues(file: ClassifierFile, { data, dims }: Samples, values: string, given: Given): Promise<void> {
  const [{ withShape }, { fitting }, { npyPreamble }, { openClassifier }, { nodeRuntime }] = await Promise.all([
    import("../../dataset.ts"),
    import("../../evaluate/units.ts"),
    import("../../datasets/npy.ts"),
    import("../../models/classifier/graph-model.ts"),
    import("../../runtime/ort.node.ts"),
  ]);
  const batch = given.batch ?? (await fittingBatch(file, given.memory));
  const model = openClassifier(file, nodeRuntime(given.device));
  checkSamples(model, data);
  const progress = given.quiet ? silent : progressLine("differentiating", "samples");
  let done = 0;
  let loss = 0;
  try {
    await writeAtomically(values, async (handle) => {
      await handle.writeFile(npyPreamble("float32", dims));
      // Any values will do, but for pixels whose meaning depends on the bounds.
      const fitted = given.bounds === undefined ? undefined : fitting(data, file);
      const seen = fitted?.data ?? withShape(data, file.inputShape);
      sayNotes([...(seen.notes ?? []), ...(fitted?.notes() ?? [])]);
      // Written as the samples lie in their file.
      const back = withShape({ ...seen, batches: gradients }, data.shape);
      for await (const { x } of back.batches({ batch }))
        await handle.writeFile(new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength));
      async function* gradients(options: BatchOptions): AsyncGenerator<Batch> {
        for await (const { x, labels, indices } of seen.batches(options)) {
          const result = await model.gradient(x, { kind: "untargeted", labels }, given.loss, indices);
          loss += result.loss.data.reduce((a, b) => a + b, 0);
          done += labels.length;
          progress.update(done, data.size);
          yield { x: result.gradient, labels, indices };
        }
      }
    });
  } finally {
    progress.finish();
    await model.release();
  }
  print(
    `Gradient of the ${given.loss} of ${done} samples, [${dims.join(", ")}], mean loss ${(loss / done).toPrecision(6)}: ${values}`,
  );
}

import { dirname, resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { type DetectorName, detectors } from "../../models/detectors/index.ts";
import { squeeze } from "../../models/detectors/squeeze.ts";
import type { Graph } from "../../onnx/graph.ts";
import { requireOutputs, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { isAddress } from "../opening/address.ts";
import { openSubject } from "../opening/subject.ts";
import { commandWords, warningWords } from "../option-words.ts";
import { modelArgument } from "../options/definitions.ts";
import { attacksGiven, budgetOption, fitOption, fittingGroups, halvesGiven } from "../options/fitting-options.ts";
import { only, withGroups } from "../options/group.ts";
import { outputOptions } from "../options/groups.ts";
import { columns, complain, helpText, print, printJson, prose } from "../output.ts";
import { progressLine, silent } from "../progress.ts";
import { bringWeights } from "../weights.ts";

const names = Object.keys(detectors) as DetectorName[];

export const detectCommand = withGroups(
  new Command("detect")
    .description(
      prose(`Measures how well a detector tells adversarial samples from clean ones: under attacks that do not know of it, and under the same attacks
with the detector in their loss. The second figure is the one to trust. The detector learns from one share of the samples, and is measured on the others.`),
    )
    .addArgument(modelArgument())
    .addOption(new Option("--with <detector>", "The detector; see below.").choices(names))
    .addOption(
      new Option(
        "--squeezers <list>",
        "Of squeeze: what samples are squeezed by, such as bits:4,median:3, from the list of perturb defend --help. (default: bits:1,median:3 of grey pictures, bits:5,median:3 of others)",
      ).argParser((text: string) => text.split(",")),
    )
    .addOption(budgetOption("Needed."))
    .addOption(fitOption())
    .option("--out <model.onnx>", "Save the model with its detector, as a graph with the outputs logits and score.")
    .addHelpText("after", () =>
      helpText(`
Detectors:
${columns(Object.values(detectors).map(({ name, title, paper }) => [name, title, paper]))
  .map((line) => `  ${line}`)
  .join("\n")}

AUROC: the probability that an adversarial sample has a higher score than a clean one. TPR at 1 % FPR: the share of adversarial samples above the
threshold that 1 % of the clean ones exceed. Adversarial samples are those that are correct when clean, and of another class now.

Examples:
  perturb detect lenet-mnist --with squeeze --eps 0.2 --limit 400
  perturb detect net.onnx --data test.npz --with logits --eps 4/255,8/255 --json detection.json
  perturb detect net.onnx --data images/ --preprocess imagenet --with squeeze --squeezers bits:5 --eps 4/255 --out watched.onnx`),
    ),
  ...fittingGroups("apgd-ce"),
  only(outputOptions(), "json", "quiet"),
).action(async (model, given) => interruptible(() => run(model, given)));

type Given = ReturnType<typeof detectCommand.opts>;

async function run(model: string, given: Given): Promise<void> {
  const { out, json, eps } = given;
  const detector = detectorGiven(given);
  if (eps === undefined)
    throw new PerturbError("usage", "Say how much attacks may change: --eps 0.1, or several, --eps 4/255,8/255.");
  if (isAddress(model))
    throw new PerturbError(
      "usage",
      "A detector is nodes of a model's graph, and a model behind an address shows none. Give the file of its network.",
    );
  await requireOutputs(out, json);
  const subject = await openSubject({ ...given, model });
  const progress = given.quiet ? silent : progressLine("detecting", "samples");
  try {
    const { detect } = await import("../../evaluate/detection/detect.ts");
    const result = await detect(subject.model, subject.data, {
      ...halvesGiven(given),
      ...attacksGiven(given),
      epsilons: eps,
      detector,
      onProgress: (pass, done, total) => progress.update(done, total, pass),
    });
    progress.finish();
    for (const { message } of result.warnings) complain(`warning: ${commandWords(message)}`);
    if (out !== undefined) await save(result.graph, out, subject.model);
    const [{ detectionDocument }, { detectionRows }] = await Promise.all([
      import("../../report/files/detection.ts"),
      import("../../report/terminal/detection.ts"),
    ]);
    const document = detectionDocument({ ...result, warnings: warningWords(result.warnings) });
    if (json !== undefined && json !== "-")
      await writeAtomically(json, (file) => file.writeFile(`${JSON.stringify(document, null, 2)}\n`));
    if (json === "-") return printJson(document);
    const { data, threshold, clean } = result;
    const settings = result.detector.settings.join(", ");
    print(
      `${result.model.name} with ${detector.title}${settings && ` (${settings})`} on ${data.name}: learned from ${data.fit} samples, measured on ${data.measured} others, of which ${clean.correct} are correct`,
      ...columns(detectionRows(result), "right"),
      `Threshold: ${threshold.toPrecision(4)}, above which lie ${(100 * clean.falsePositives).toFixed(2)} % of the clean samples.`,
      ...(out === undefined ? [] : ["", `Model with its detector: ${out} (outputs logits and score)`]),
    );
  } finally {
    progress.finish();
    await subject.model.release();
  }
}

/** @throws usage */
function detectorGiven({ with: name, squeezers }: Pick<Given, "with" | "squeezers">) {
  if (name === undefined) throw new PerturbError("usage", `Say what detects: --with ${names.join(" or --with ")}.`);
  if (squeezers === undefined) return detectors[name];
  if (name === "squeeze") return squeeze(squeezers);
  throw new PerturbError("usage", `--squeezers is for --with squeeze, and --with ${name} was given. Leave it out.`);
}

/** With the files that hold its weights, where any do. */
async function save(graph: Graph, out: string, model: Model): Promise<void> {
  const [{ isGraphModel }, { writeOnnx }] = await Promise.all([
    import("../../models/classifier/graph-model.ts"),
    import("../../onnx/file.ts"),
  ]);
  const folder = isGraphModel(model) ? model.file.folder : undefined;
  if (folder !== undefined) await bringWeights(graph, folder, dirname(resolve(out)), "the model with its detector");
  const bytes = writeOnnx(graph);
  await writeAtomically(out, (file) => file.writeFile(bytes));
}

import { dirname, resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import { defences } from "../../models/defences/index.ts";
import { DEFENCE_KEY } from "../../models/defences/recognise.ts";
import { metadataOf } from "../../onnx/metadata.ts";
import { quote } from "../../report/files/command.ts";
import { requireWritable, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { isAddress } from "../opening/address.ts";
import { openGraph } from "../opening/model.ts";
import { preprocessingGiven, withOwnConfiguration } from "../opening/preprocessing.ts";
import { sayNotes } from "../opening/say-notes.ts";
import { modelArgument } from "../options/definitions.ts";
import { only, withGroups } from "../options/group.ts";
import { graphOptions } from "../options/groups.ts";
import { columns, helpText, print, prose } from "../output.ts";
import { bringWeights } from "../weights.ts";

export const defendCommand = withGroups(
  new Command("defend")
    .description(
      prose(`Puts a defence in front of a model, as nodes of the same ONNX file that any ONNX Runtime runs. Inputs, outputs and weights
stay. perturb evaluate recognises the result, attacks it adaptively, and shows the accuracy that the defence claims beside the one that is left.`),
    )
    .addArgument(modelArgument())
    .addOption(
      new Option(
        "--with <name[:number]>",
        "The defence, such as jpeg:75; see below. Several, separated by commas, in the order in which samples meet them.",
      )
        .default([] as string[], "none")
        .argParser((text: string, before: readonly string[]): string[] => [...before, ...text.split(",")]),
    )
    .requiredOption("--out <model.onnx>", "Save the defended model as this file.")
    .addHelpText("after", () =>
      helpText(`
Defences:
${columns(
  Object.values(defences).map(({ name, title, number }) => [
    `${name}:${number.byDefault}`,
    `${title}: ${number.about}`,
  ]),
)
  .map((line) => `  ${line}`)
  .join("\n")}

Where the model takes other numbers than pixels from 0 to 1, say so as you do to evaluate: --bounds, --mean, --std.

Examples:
  perturb defend net.onnx --with jpeg:75 --out defended.onnx
  perturb evaluate --model defended.onnx --attack pgd
  perturb defend net.onnx --with bits:4,median:3 --out squeezed.onnx`),
    ),
  only(graphOptions(), "arch", "inputName", "preprocess", "mean", "std", "scale", "channels", "bounds", "shape"),
).action(async (model, given) => interruptible(() => run(model, given)));

type Given = ReturnType<typeof defendCommand.opts>;

async function run(model: string, asked: Given): Promise<void> {
  if (asked.with.length === 0)
    throw new PerturbError(
      "usage",
      "Say what to defend with: --with jpeg:75. perturb defend --help lists the defences.",
    );
  if (isAddress(model))
    throw new PerturbError(
      "usage",
      "A model behind an address cannot be written into a file. Give the file of its network.",
    );
  await requireWritable(asked.out);
  const { given, notes } = await withOwnConfiguration(model, asked);
  const [{ defend }, { writeOnnx }, { normalizationOf }] = await Promise.all([
    import("../../models/defences/front.ts"),
    import("../../onnx/file.ts"),
    import("../../models/classifier/normalization.ts"),
  ]);
  if (typeof given.bounds === "string")
    throw new PerturbError("usage", "Defences are for pixels, which have one pair of bounds: --bounds 0,255.");
  const { with: names, out, inputName: input, shape, bounds } = given;
  const opened = await openGraph(model, { arch: given.arch, isolate: false });
  const graph = defend(opened.graph, {
    defences: names,
    input,
    shape,
    ...(bounds && { bounds: { lower: bounds[0], upper: bounds[1] } }),
    normalization: normalizationOf(await preprocessingGiven(given)),
  });
  sayNotes(notes);
  if (opened.folder !== undefined)
    await bringWeights(graph, opened.folder, dirname(resolve(out)), "the defended model");
  const bytes = writeOnnx(graph);
  await writeAtomically(out, (handle) => handle.writeFile(bytes));
  print(`Defended model: ${out} (${metadataOf(graph, DEFENCE_KEY)})`);
  print("", `What it is worth: perturb evaluate --model ${quote(out)} --attack pgd`);
}

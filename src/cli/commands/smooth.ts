import { dirname, resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import { requireWritable, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { isAddress } from "../opening/address.ts";
import { drawsWithin } from "../opening/draws.ts";
import { openGraph, openModelFile } from "../opening/model.ts";
import { withOwnConfiguration } from "../opening/preprocessing.ts";
import { sayNotes } from "../opening/say-notes.ts";
import { only, withGroups } from "../options/group.ts";
import { graphOptions, modelOptions, runOptions } from "../options/groups.ts";
import { smoothingOptions } from "../options/smoothing-definitions.ts";
import { wholeNumber } from "../options/values.ts";
import { helpText, print, prose } from "../output.ts";
import { bringWeights } from "../weights.ts";

export const smoothCommand = withGroups(
  new Command("smooth")
    .description(
      prose(`Writes the smoothed classifier of a model (Cohen et al. 2019) as one ONNX file: it asks the network about a sample under
many draws of noise, and answers with the class that wins and the radius in L2 within which no change makes another class win,
with probability 1 - α.`),
    )
    .requiredOption("--out <model.onnx>", "Save the smoothed classifier as this file.")
    .addOption(
      new Option(
        "--noise <source>",
        "random draws in the graph (RandomNormalLike), anew in each run. input takes standard normal numbers as a second input, noise [n0 + n, ...]: for runtimes that cannot draw, and for results that can be repeated.",
      )
        .choices(["random", "input"] as const)
        .default("random" as const),
    )
    .option(
      "--noise-seed <n>",
      "With --noise random, what the runtime's generator starts from. Without it, the runtime chooses. Whoever knows it knows the noise.",
      wholeNumber(0),
    )
    .addHelpText("after", () =>
      helpText(`
Input: x, one sample [1, ...]. Outputs: class (-1 where it abstains), counts of each class, lower (the bound of the class's
probability), radius (in L2, in units of the input) and abstain. perturb certify --smoothing gives the same for a data set.

Examples:
  perturb smooth --model net.onnx --smoothing 0.25 --out smoothed.onnx
  perturb smooth --model net.onnx --smoothing 0.5 --n 10000 --alpha 0.01 --out smoothed.onnx
  perturb smooth --model net.onnx --smoothing 0.25 --n 1000 --noise input --out smoothed.onnx`),
    ),
  modelOptions(),
  graphOptions(),
  smoothingOptions(),
  only(runOptions(), "batch", "memory"),
).action(async (given) => interruptible(() => run(given)));

type Given = ReturnType<typeof smoothCommand.opts>;

async function run(asked: Given): Promise<void> {
  const sigma = asked.smoothing;
  if (sigma === undefined)
    throw new PerturbError("usage", "Say how much noise there is: --smoothing 0.25 is a standard deviation of 0.25.");
  if (asked.noise === "input" && asked.noiseSeed !== undefined)
    throw new PerturbError("usage", "--noise-seed is for --noise random. With --noise input, the noise is given.");
  if (isAddress(asked.model))
    throw new PerturbError(
      "usage",
      "A model behind an address cannot be written into a file. Give the file of its network.",
    );
  await requireWritable(asked.out);
  const { given, notes } = await withOwnConfiguration(asked.model, asked);
  const [{ smoothedGraph }, { fewDraws, reachInWords, smoothingPlan }, { writeOnnx }] = await Promise.all([
    import("../../certify/smoothing/graph.ts"),
    import("../../certify/smoothing/plan.ts"),
    import("../../onnx/file.ts"),
  ]);
  const { n0: selection, n: draws, alpha, noise, noiseSeed, out } = given;
  const plan = smoothingPlan({ sigma, selection, draws, alpha });
  const opened = await openGraph(given.model, given);
  const shape = given.shape ?? opened.shape;
  if (!shape)
    throw new PerturbError(
      "usage",
      `${opened.name} leaves the shape of its samples open. Give it by --shape, such as --shape 3,224,224.`,
    );
  const file = await openModelFile(opened, shape, { ...given, device: "cpu" });
  const few = fewDraws(plan);
  sayNotes([...(file.notes ?? []), ...notes, ...(few ? [few] : [])]);
  const { batch } = await drawsWithin(file, given, 1);
  const graph = smoothedGraph(file, { ...plan, noise, noiseSeed, batch });
  if (file.folder !== undefined)
    await bringWeights(graph, file.folder, dirname(resolve(out)), "the smoothed classifier");
  const bytes = writeOnnx(graph);
  await writeAtomically(out, (handle) => handle.writeFile(bytes));
  print(`Smoothed classifier: ${out}`, `${reachInWords(plan)}.`);
}

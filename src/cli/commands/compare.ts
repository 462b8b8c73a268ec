import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Argument, Command } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import type { Comparison, RecordedRun } from "../../evaluate/results/compare.ts";
import { printComparison } from "../comparison.ts";
import { requireOutputs, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { archFor } from "../opening/model.ts";
import type { OpenedSubject } from "../opening/opened.ts";
import { openSubject } from "../opening/subject.ts";
import { wanted } from "../opening/wanted.ts";
import { warningWords } from "../option-words.ts";
import { only, withGroups } from "../options/group.ts";
import {
  attackOptions,
  dataOptions,
  endpointOptions,
  graphOptions,
  outputOptions,
  pictureOptions,
  runOptions,
} from "../options/groups.ts";
import { perturbOption } from "../options/perturb-option.ts";
import { complain, helpText, printJson, prose } from "../output.ts";
import { progressLine, silent } from "../progress.ts";

export const compareCommand = withGroups(
  new Command("compare")
    .description(
      prose(`Compares two models, or two runs of "perturb evaluate", on the same samples. It shows the clean accuracy of both and
their robust accuracy at each ε, and the difference A - B with its 95 % interval (Newcombe's method 10 for pairs). It counts
the samples that are correct and not fooled for one model only. p is the probability of a split at least as uneven if both
were equally good (McNemar's exact test, two-sided; not corrected for several ε).`),
    )
    .addArgument(
      new Argument("<a>", "A folder of a report, or a model: an .onnx file, weights with --arch, or a bundled name."),
    )
    .addArgument(new Argument("<b>", "Another folder of a report, or another model."))
    .addHelpText("after", () =>
      helpText(`
Two models are evaluated with the same options; --arch is for those that are weights. Of two reports, report.json and
samples.csv are read, and nothing is run. They must have the same data, norm and target, and share at least one ε.

--json holds a and b (name, model, sha256, attacks), data, norm, target, clean, points (one for each ε) and warnings. clean
and each point hold a and b (correct, total, accuracy, ci95), difference and its ci95, the counts both, onlyA, onlyB and
neither, and pValue.

Examples:
  perturb compare runs/before runs/after
  perturb compare old.onnx new.onnx --data images/ --attack pgd --eps 4/255,8/255 --json -`),
    ),
  graphOptions(),
  endpointOptions(),
  dataOptions(),
  pictureOptions(),
  perturbOption(),
  attackOptions(),
  runOptions(),
  only(outputOptions(), "json", "quiet"),
).action(async (a, b, given, command) =>
  interruptible(async () => {
    const both = [a, b].map(isFolder);
    const [first, second] = await Promise.all(both);
    if (first !== second)
      throw new PerturbError(
        "usage",
        `${first ? a : b} is a folder and ${first ? b : a} is none. Give two reports, or two models.`,
      );
    const idle = Object.keys(given).filter(
      (name) => name !== "json" && name !== "quiet" && command.getOptionValueSource(name) === "cli",
    );
    if (first && idle.length > 0)
      throw new PerturbError(
        "usage",
        `Reports are compared as they are, and ${idle.join(", ")} would change nothing. Leave it out, or give two models.`,
      );
    await requireOutputs(given.json);
    await present(first ? await compareReports(a, b) : await compareModels(a, b, given), given.json);
  }),
);

type Given = ReturnType<typeof compareCommand.opts>;

const isFolder = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isDirectory() ?? false;

async function compareReports(a: string, b: string): Promise<Comparison> {
  const { compareRuns } = await import("../../evaluate/results/compare.ts");
  const [first, second] = await Promise.all([openReport(a), openReport(b)]);
  return compareRuns(first, second);
}

/** Bytes of a report.json that is read: ten times that of a thousand classes. */
const LONGEST = 2 ** 28;

async function openReport(folder: string): Promise<RecordedRun> {
  const [{ fileSource }, { readReport }, { samplesIn }] = await Promise.all([
    import("../../datasets/files.node.ts"),
    import("../../report/files/json.ts"),
    import("../../report/files/samples.node.ts"),
  ]);
  const path = join(folder, "report.json");
  const file = await fileSource(path);
  if (file.size > LONGEST)
    throw new PerturbError("invalid-file", `${path} has ${file.size} bytes; no report has more than ${LONGEST}.`);
  const evaluation = await readReport(new TextDecoder().decode(await file.read(0, file.size)), path);
  return { name: folder, evaluation, samples: samplesIn(join(folder, "samples.csv")) };
}

async function compareModels(a: string, b: string, given: Given): Promise<Comparison> {
  const [{ compare }, { threads, workersFor }] = await Promise.all([
    import("../../evaluate/compare.ts"),
    import("../../evaluate/places/threads.node.ts"),
  ]);
  const [first, second] = [await openNamed(a, given), await openNamed(b, given)];
  const plan = await wanted(given, first);
  const bars = new Map([a, b].map((name) => [name, given.quiet ? silent : progressLine(name, "samples")]));
  try {
    return await compare(first.model, second.model, [first.data, second.data], {
      ...plan,
      place: threads({ size: workersFor(given.device) }),
      names: [a, b],
      onProgress: (name, { done, total }) => {
        bars.get(name)!.update(done, total);
        if (done === total) bars.get(name)!.finish();
      },
    });
  } finally {
    for (const bar of bars.values()) bar.finish();
    await Promise.all([first.model.release(), second.model.release(), plan.surrogate?.release()]);
  }
}

/** --arch is for the one that is a file of weights. */
const openNamed = async (name: string, given: Given): Promise<OpenedSubject> =>
  openSubject({ ...given, arch: await archFor(name, given.arch), model: name });

async function present(found: Comparison, json: string | undefined): Promise<void> {
  const comparison = { ...found, warnings: warningWords(found.warnings) };
  if (json === "-") printJson(comparison);
  else await printComparison(comparison);
  for (const { message } of comparison.warnings) complain(`warning: ${message}`);
  if (json !== undefined && json !== "-")
    await writeAtomically(json, (file) => file.writeFile(`${JSON.stringify(comparison, null, 2)}\n`));
}

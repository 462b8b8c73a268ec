import { basename } from "node:path";
import { stderr, stdout } from "node:process";
import { Command } from "@commander-js/extra-typings";
import { attacks } from "../attacks/index.ts";
import { PerturbError } from "../errors.ts";
import type { BootedWorkers } from "../evaluate/pool.node.ts";
import type { Evaluation, EvaluationResult } from "../evaluate.ts";
import { attackOptions } from "./attack-options.ts";
import { EXIT } from "./exit.ts";
import { requireWritable, writeAtomically } from "./files.ts";
import { type BeforeExit, interruptible } from "./interrupt.ts";
import { type OpenedSubject, openSubject } from "./open.ts";
import { options } from "./options.ts";
import { hasColor, print, prose, width } from "./output.ts";
import { progressLine, silent } from "./progress.ts";
import { commandLine } from "./self.ts";
import type { FailUnder } from "./values.ts";

export const evaluateCommand = new Command("evaluate")
  .description(
    prose(`Measures the accuracy of a classifier, clean and under attack, with 95 % intervals. Only samples that are right
when clean are attacked, and accuracy counts over all samples. Without any option: the FGSM experiment, LeNet on the
MNIST test set, L-infinity, ε from 0.05 to 0.3.

ε, bounds and pictures are in pixels from 0 to 1. A model that wants them normalized gets --mean and --std.`),
  )
  .addOption(options.model())
  .addOption(options.arch())
  .addOption(options.inputName())
  .addOption(options.feed())
  .addOption(options.outputName())
  .addOption(options.data())
  .addOption(options.labels())
  .addOption(options.attack())
  .addOption(options.set())
  .addOption(options.norm())
  .addOption(options.eps())
  .addOption(options.target())
  .addOption(options.limit())
  .addOption(options.offset())
  .addOption(options.batch())
  .addOption(options.seed())
  .addOption(options.device())
  .addOption(options.mean())
  .addOption(options.std())
  .addOption(options.shape())
  .option("--out <dir>", "folder of the report (default: runs/MODEL-DATA-ATTACK-NORM; none with --json)")
  .addOption(options.json())
  .addOption(options.failUnder())
  .addOption(options.quiet())
  .addHelpText(
    "after",
    `
Examples:
  perturb evaluate                                      the FGSM experiment on MNIST
  perturb evaluate --model net.onnx --data images/ --eps 1/255,2/255,4/255,8/255
  perturb evaluate --model net.pth --arch lenet --data mnist --json -
  perturb evaluate --model net.onnx --data test.npz --fail-under 50%@8/255 --quiet`,
  )
  .action(async (given) =>
    interruptible(async (beforeExit) => {
      process.exitCode = await run(given, beforeExit);
    }),
  );

type Given = ReturnType<typeof evaluateCommand.opts>;

/** Gives the exit code. */
async function run(given: Given, beforeExit: BeforeExit): Promise<number> {
  const { failUnder, eps } = given;
  if (failUnder && !eps.some((epsilon) => same(epsilon, failUnder.epsilon)))
    throw new PerturbError(
      "usage",
      `--fail-under asks for ε = ${failUnder.epsilon}, which is not among --eps ${eps.join(",")}. Add it there.`,
    );
  if (given.json !== undefined && given.json !== "-") await requireWritable(given.json);
  // The threads load while model and data are opened.
  const { bootWorkers, workersFor } = await import("../evaluate/pool.node.ts");
  const workers = bootWorkers(workersFor(given.device));
  beforeExit(() => workers.close());
  try {
    return await runWith(workers, given);
  } finally {
    await workers.close();
  }
}

async function runWith(workers: BootedWorkers, given: Given): Promise<number> {
  const subject = await openSubject(given);
  const folder = given.out ?? (given.json === undefined ? defaultFolder(subject, given) : undefined);
  if (folder !== undefined) await (await import("../report/write.node.ts")).checkReplaceable(folder);
  const result = await measure(subject, given, folder !== undefined, workers);
  await present(result, given, folder);
  return given.failUnder ? verdict(result.evaluation, given.failUnder) : EXIT.ok;
}

async function measure(
  { model, data, describe, here }: OpenedSubject,
  given: Given,
  drawn: boolean,
  workers: BootedWorkers,
): Promise<EvaluationResult> {
  const [{ evaluate, planOf }, { diagnose, atChance }, { withGradient }] = await Promise.all([
    import("../evaluate/run.ts"),
    import("../evaluate/checks.ts"),
    import("../models/classifier.ts"),
  ]);
  const wanted = {
    attacks: given.attack.map((name) => attacks[name]),
    options: attackOptions(given.attack, given.set),
    norm: given.norm,
    epsilons: given.eps,
    target: given.target ?? null,
    seed: given.seed,
    offset: given.offset,
    ...(given.limit !== undefined && { limit: given.limit }),
    ...(given.batch !== undefined && { batch: given.batch }),
  };
  const plan = planOf(wanted, model);
  const named = given.attack.map((name) => ({ name, options: wanted.options.get(name)! }));
  const file = withGradient(model, "cross-entropy");
  const pool = workers.start({ file, device: given.device, plan: { ...plan, attacks: named } });
  if (drawn) void import("../report/write.node.ts").then(({ preload }) => preload());
  const progress = given.quiet ? silent : progressLine("evaluating", "samples");
  try {
    const onProgress = ({ done, total }: { done: number; total: number }) => progress.update(done, total);
    const result = await evaluate(describe, data, plan, pool, { ...wanted, onProgress });
    if (!atChance(result.evaluation.clean)) return result;
    for await (const batch of data.batches({ batch: 100, offset: given.offset, limit: 100 })) {
      const cause = await diagnose(here, batch);
      if (cause)
        return { ...result, evaluation: { ...result.evaluation, warnings: [...result.evaluation.warnings, cause] } };
    }
    return result;
  } finally {
    progress.finish();
  }
}

/** Results to stdout and to files; warnings to stderr. */
async function present(result: EvaluationResult, { json }: Given, folder: string | undefined): Promise<void> {
  const { evaluation } = result;
  if (json === "-") stdout.write(await asJson(evaluation));
  else await printTable(evaluation);
  for (const { message } of evaluation.warnings) stderr.write(`warning: ${message}\n`);
  if (json !== undefined && json !== "-") {
    const text = await asJson(evaluation);
    await writeAtomically(json, (file) => file.writeFile(text));
  }
  if (folder === undefined) return;
  const { writeReport } = await import("../report/write.node.ts");
  await writeReport(result, folder, { command: commandLine(process.argv) });
  if (json !== "-") print("", `Report: ${folder}/report.html`);
}

const asJson = async (evaluation: Evaluation): Promise<string> =>
  (await import("../report/json.ts")).toJson(evaluation);

async function printTable(evaluation: Evaluation): Promise<void> {
  const { toTable, toCurve } = await import("../report/terminal.ts");
  const { model, data, options: used, cost } = evaluation;
  const target = used.target === null ? "" : `, target ${used.target}`;
  print(
    `${model.name} on ${data.name}, ${used.attacks.join(", ")} ${used.norm}${target}`,
    `${toTable(evaluation, { color: hasColor() })}\n`,
    `${toCurve(evaluation, { width: Math.min(width(), 80), height: 10 })}\n`,
    `${data.total} samples in ${cost.seconds.toFixed(2)} s (${cost.samplesPerSecond.toFixed(0)}/s)`,
  );
}

function defaultFolder({ model, data }: OpenedSubject, { attack, norm }: Given): string {
  const name = [model.name.replace(/\.\w+$/, ""), basename(data.name), attack.join("+"), norm].join("-");
  return `runs/${name.replace(/[^\w.+-]+/g, "_")}`;
}

/** The worst accuracy at ε, over attacks, against the one asked for. */
function verdict({ points }: Evaluation, { accuracy, epsilon }: FailUnder): number {
  const worst = points.filter((p) => same(p.epsilon, epsilon)).reduce((a, b) => (b.accuracy < a.accuracy ? b : a));
  if (worst.accuracy >= accuracy) return EXIT.ok;
  stderr.write(`perturb: accuracy ${worst.accuracy} at ε = ${epsilon} (${worst.attack}) is under ${accuracy}.\n`);
  return EXIT.failed;
}

/** Whether two ε are one: 8/255 as a fraction and as a step of a range differ in their last bits. */
const same = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(a, b);

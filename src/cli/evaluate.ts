import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { stdout } from "node:process";
import { Command } from "@commander-js/extra-typings";
import { attacks } from "../attacks/index.ts";
import { PerturbError } from "../errors.ts";
import type { Evaluation, EvaluationResult } from "../evaluate.ts";
import { EXIT } from "./exit.ts";
import { openSubject } from "./open.ts";
import { options } from "./options.ts";
import { progressLine, silent } from "./progress.ts";
import type { FailUnder } from "./values.ts";
import { commandLine } from "./self.ts";

export const evaluateCommand = new Command("evaluate")
  .description("measure accuracy under attack (without any option: LeNet, MNIST, FGSM)")
  .addOption(options.model())
  .addOption(options.arch())
  .addOption(options.data())
  .addOption(options.labels())
  .addOption(options.attack())
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
  .option("--out <dir>", "folder of the report (default: runs/MODEL-DATA-ATTACK; none with --json)")
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
  perturb evaluate --model net.onnx --data test.npz --fail-under 50%@8/255`,
  )
  .action(async (given, command) => {
    const controller = new AbortController();
    const stop = () => controller.abort();
    process.once("SIGINT", stop).once("SIGTERM", stop);
    const result = await run(given, controller.signal);
    process.off("SIGINT", stop).off("SIGTERM", stop);
    process.exitCode = await present(result, given, commandLine("evaluate", command));
  });

type Given = ReturnType<typeof evaluateCommand.opts>;

async function run(given: Given, signal: AbortSignal): Promise<EvaluationResult> {
  const [{ evaluate, planOf }, { startPool }, { diagnose, atChance }] = await Promise.all([
    import("../evaluate/run.ts"),
    import("../evaluate/pool.node.ts"),
    import("../evaluate/checks.ts"),
  ]);
  const { model, data, describe, open } = await openSubject(given);
  const wanted = {
    attacks: given.attack.map((name) => attacks[name]),
    norm: given.norm,
    epsilons: given.eps,
    target: given.target ?? null,
    seed: given.seed,
    offset: given.offset,
    signal,
    ...(given.limit !== undefined && { limit: given.limit }),
    ...(given.batch !== undefined && { batch: given.batch }),
  };
  const plan = planOf(wanted, model);
  if (given.failUnder && !given.eps.includes(given.failUnder.epsilon))
    throw new PerturbError("usage", `--fail-under asks for ε = ${given.failUnder.epsilon}, which is not among --eps ${given.eps.join(",")}. Add it there.`);
  const pool = startPool({ file: model, device: given.device, plan: { ...plan, attacks: given.attack.map((name) => ({ name, options: attacks[name].defaults })) } });
  if (!given.json || given.out) void import("../report/write.node.ts").then(({ preload }) => preload());
  const progress = given.quiet ? silent : progressLine("evaluating", "samples");
  try {
    const result = await evaluate(describe, data, plan, pool, { ...wanted, onProgress: ({ done, total }) => progress.update(done, total) });
    if (!atChance(result.evaluation.clean)) return result;
    for await (const batch of data.batches({ batch: 100, offset: given.offset, limit: 100 })) {
      const cause = await diagnose(await open(), batch);
      if (cause) return { ...result, evaluation: { ...result.evaluation, warnings: [...result.evaluation.warnings, cause] } };
    }
    return result;
  } finally {
    progress.finish();
    await pool.close();
  }
}

/** Results to stdout, the report to its folder; gives the exit code. */
async function present(result: EvaluationResult, given: Given, command: string): Promise<number> {
  const { evaluation } = result;
  if (given.json !== undefined) {
    const { toJson } = await import("../report/json.ts");
    if (given.json === "-") stdout.write(toJson(evaluation));
    else await writeFile(given.json, toJson(evaluation));
  }
  if (given.json !== "-") await printTable(evaluation);
  for (const { message } of evaluation.warnings) process.stderr.write(`warning: ${message}\n`);
  if (given.json === undefined || given.out !== undefined) {
    const { writeReport } = await import("../report/write.node.ts");
    const folder = given.out ?? defaultFolder(evaluation);
    await writeReport(result, folder, { command });
    if (given.json !== "-") stdout.write(`\nReport: ${folder}/report.html\n`);
  }
  return given.failUnder ? verdict(evaluation, given.failUnder) : EXIT.ok;
}

async function printTable(evaluation: Evaluation): Promise<void> {
  const { toTable, toCurve } = await import("../report/terminal.ts");
  const color = stdout.isTTY === true && !process.env["NO_COLOR"];
  const { model, data, options: used, cost } = evaluation;
  const width = Math.min(stdout.columns ?? 80, 80);
  stdout.write(`${model.name} on ${data.name}, ${used.attacks.join(", ")} ${used.norm}${used.target === null ? "" : `, target ${used.target}`}\n`);
  stdout.write(`${toTable(evaluation, { color })}\n\n${toCurve(evaluation, { width, height: 10 })}\n\n`);
  stdout.write(`${data.total} samples in ${cost.seconds.toFixed(2)} s (${cost.samplesPerSecond.toFixed(0)}/s)\n`);
}

const defaultFolder = ({ model, data, options: used }: Evaluation): string =>
  `runs/${[model.name.replace(/\.\w+$/, ""), basename(data.name), used.attacks.join("+"), used.norm].join("-").replace(/[^\w.+-]+/g, "_")}`;

/** A point holds when its accuracy is at least the one asked for. */
function verdict({ points }: Evaluation, { accuracy, epsilon }: FailUnder): number {
  const worst = points.filter((p) => p.epsilon === epsilon).reduce((a, b) => (b.accuracy < a.accuracy ? b : a));
  if (worst.accuracy >= accuracy) return EXIT.ok;
  process.stderr.write(`perturb: accuracy ${worst.accuracy} at ε = ${epsilon} (${worst.attack}) is under ${accuracy}.\n`);
  return EXIT.failed;
}

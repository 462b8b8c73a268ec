import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stderr, stdout } from "node:process";
import { PerturbError } from "../errors.ts";
import { sameEpsilon } from "../evaluate/results/statistics.ts";
import type { Evaluation, EvaluationResult } from "../evaluate.ts";
import { commandLine } from "../report/files/command.ts";
import type { SampleSpool } from "../report/files/samples.node.ts";
import { EXIT } from "./exit.ts";
import { writeAtomically } from "./files.ts";
import { inCommandWords } from "./option-words.ts";
import type { FailUnder } from "./options/values.ts";
import { hasColor, print, width } from "./output.ts";

/** Where a result goes. */
export interface Presentation {
  readonly json: string | undefined;
  readonly junit: string | undefined;
  readonly failUnder: FailUnder | undefined;
  /** Of the report. */
  readonly folder: string | undefined;
  /** The records of the samples, where there is a folder for them. */
  readonly spool: SampleSpool | undefined;
  /** The command line behind the program's name. */
  readonly words: readonly string[];
}

/** Results to stdout and to files; warnings to stderr. */
export async function present(
  found: EvaluationResult,
  { json, junit, failUnder, folder, words, spool }: Presentation,
): Promise<void> {
  const result = inCommandWords(found);
  const { evaluation } = result;
  if (json === "-") await writeJson(evaluation, json);
  else if (junit !== "-") await printTable(evaluation);
  for (const { message } of evaluation.warnings) stderr.write(`warning: ${message}\n`);
  if (json !== undefined && json !== "-") await writeJson(evaluation, json);
  if (junit !== undefined) await writeJunit(evaluation, junit, failUnder);
  if (folder === undefined) return;
  const { writeReport } = await import("../report/files/write.node.ts");
  await writeReport(result, folder, {
    command: commandLine(words),
    ...(spool && { samples: spool.copyTo, table: spool.table() }),
  });
  if (json !== "-" && junit !== "-") print("", `Report: ${folder}/report.html`);
}

/** Says of a run that is to go on that it is done. Gives the exit code. @throws usage, invalid-file */
export async function presentFinished(folder: string, { json, junit, failUnder }: Finished): Promise<number> {
  const { readReport } = await import("../report/files/json.ts");
  const path = join(folder, "report.json");
  const evaluation = await readReport(await readFile(path, "utf8"), path);
  checkFailUnder(failUnder, evaluation.options.epsilons);
  if (json !== undefined) await writeJson(evaluation, json);
  if (junit !== undefined) await writeJunit(evaluation, junit, failUnder);
  stderr.write(`Nothing is left to do: ${folder} holds the report of a finished run.\n`);
  return failUnder ? verdict(evaluation, failUnder) : EXIT.ok;
}

interface Finished {
  readonly json?: string | undefined;
  readonly junit?: string | undefined;
  readonly failUnder?: FailUnder | undefined;
}

/** As JSON to stdout, for "-", or to a file. */
async function writeJson(evaluation: Evaluation, json: string): Promise<void> {
  const text = await asJson(evaluation);
  if (json === "-") stdout.write(text);
  else await writeAtomically(json, (file) => file.writeFile(text));
}

async function writeJunit(evaluation: Evaluation, path: string, failUnder: FailUnder | undefined): Promise<void> {
  const { toJunit } = await import("../report/files/junit.ts");
  const text = toJunit(evaluation, { failUnder });
  if (path === "-") stdout.write(text);
  else await writeAtomically(path, (file) => file.writeFile(text));
}

const asJson = async (evaluation: Evaluation): Promise<string> =>
  (await import("../report/files/json.ts")).toJson(evaluation);

async function printTable(evaluation: Evaluation): Promise<void> {
  const { toTable, toCurve } = await import("../report/terminal/terminal.ts");
  const { model, data, options: used, cost } = evaluation;
  const target = used.target === null ? "" : `, target ${used.target}`;
  print(
    `${model.name} on ${data.name}, ${used.attacks.join(", ")} ${used.norm}${target}`,
    `${toTable(evaluation, { color: hasColor() })}\n`,
    `${toCurve(evaluation, { width: Math.min(width(), 80), height: 10 })}\n`,
    `${data.total} samples in ${cost.seconds.toFixed(2)} s (${cost.samplesPerSecond.toFixed(0)}/s)`,
  );
}

/** The accuracy at ε in the worst case over the attacks, against the one asked for. */
export function verdict({ worst }: Evaluation, { accuracy, epsilon }: FailUnder): number {
  const found = worst.find((point) => sameEpsilon(point.epsilon, epsilon))!;
  if (found.accuracy >= accuracy) return EXIT.ok;
  stderr.write(`perturb: accuracy ${found.accuracy} at ε = ${epsilon} in the worst case is under ${accuracy}.\n`);
  return EXIT.failed;
}

/** @throws usage where --fail-under asks for an ε that is not evaluated */
export function checkFailUnder(failUnder: FailUnder | undefined, epsilons: readonly number[]): void {
  if (!failUnder || epsilons.some((epsilon) => sameEpsilon(epsilon, failUnder.epsilon))) return;
  throw new PerturbError(
    "usage",
    `--fail-under asks for ε = ${failUnder.epsilon}, which is not among --eps ${epsilons.join(",")}. Add it there.`,
  );
}

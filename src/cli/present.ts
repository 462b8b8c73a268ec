import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stderr, stdout } from "node:process";
import { epsilonText } from "../epsilons.ts";
import { PerturbError } from "../errors.ts";
import { type GateAsked, withGates } from "../evaluate/results/gates.ts";
import { sameEpsilon } from "../evaluate/results/statistics.ts";
import type { BoundLosses, Certification, Evaluation, EvaluationResult, Gate } from "../evaluate.ts";
import { harmless } from "../quote.ts";
import { commandLine } from "../report/files/command.ts";
import type { SampleSpool } from "../report/files/samples.node.ts";
import { EXIT } from "./exit.ts";
import { writeAtomically } from "./files.ts";
import { inCommandWords } from "./option-words.ts";
import type { FailUnder } from "./options/values.ts";
import { columns, complain, folded, hasColor, print, room, width } from "./output.ts";
import { rateText } from "./progress.ts";

/** Causes that are named of what bounds lose. */
const SHARES = 5;

/** Where a result goes. */
export interface Presentation {
  readonly json: string | undefined;
  readonly junit: string | undefined;
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
  { json, junit, folder, words, spool }: Presentation,
): Promise<void> {
  const result = inCommandWords(found);
  const { evaluation } = result;
  if (json === "-") await writeJson(evaluation, json);
  else if (junit !== "-") await printTable(evaluation);
  for (const { message } of evaluation.warnings) complain(`warning: ${message}`);
  if (json !== undefined && json !== "-") await writeJson(evaluation, json);
  if (junit !== undefined) await writeJunit(evaluation, junit);
  if (folder === undefined) return;
  const { writeReport } = await import("../report/files/write.node.ts");
  await writeReport(result, folder, {
    command: commandLine(words),
    ...(spool && { samples: spool.copyTo, table: spool.table() }),
  });
  if (json !== "-" && junit !== "-") print("", `Report: ${folder}/report.html`);
}

/**
 * Says of a run that is to go on that it is done: of its own gate, or of the one that is given now. Gives the exit code.
 * @throws usage, invalid-file
 */
export async function presentFinished(
  folder: string,
  { json, junit, failUnder, gate }: Outputs & { readonly gate: GateKind },
): Promise<number> {
  const { readReport } = await import("../report/files/json.ts");
  const path = join(folder, "report.json");
  const kept = await readReport(await readFile(path, "utf8"), path);
  checkFailUnder(failUnder, kept.options.epsilons);
  // Judged anew, so that nothing is believed that was only written down.
  const evaluation = withGates(kept, failUnder ? gatesAsked(failUnder, gate) : kept.gates.map(askedOf));
  if (json !== undefined) await writeJson(evaluation, json);
  if (junit !== undefined) await writeJunit(evaluation, junit);
  stderr.write(`Nothing is left to do: ${folder} holds the report of a finished run.\n`);
  if (failUnder && JSON.stringify(evaluation.gates) !== JSON.stringify(kept.gates))
    stderr.write(
      `The files in ${folder} keep the verdict that they were written with. What follows is for this --fail-under.\n`,
    );
  return verdict(evaluation);
}

/** Where results go, and what is asked of them. */
export interface Outputs {
  readonly json?: string | undefined;
  readonly junit?: string | undefined;
  readonly failUnder?: FailUnder | undefined;
}

/** As JSON to stdout, for "-", or to a file. */
async function writeJson(evaluation: Evaluation, json: string): Promise<void> {
  const text = await asJson(evaluation);
  if (json === "-") stdout.write(harmless(text));
  else await writeAtomically(json, (file) => file.writeFile(text));
}

async function writeJunit(evaluation: Evaluation, path: string): Promise<void> {
  const { toJunit } = await import("../report/files/junit.ts");
  const text = toJunit(evaluation);
  if (path === "-") stdout.write(harmless(text));
  else await writeAtomically(path, (file) => file.writeFile(text));
}

const asJson = async (evaluation: Evaluation): Promise<string> =>
  (await import("../report/files/json.ts")).toJson(evaluation);

async function printTable(evaluation: Evaluation): Promise<void> {
  const [{ toTable, toCurve }, { labelRows }, { endingWords, intervalName, samplesWords }, { sharesInWords }] =
    await Promise.all([
      import("../report/terminal/terminal.ts"),
      import("../report/terminal/labels.ts"),
      import("../report/format.ts"),
      import("../certify/proving/shares.ts"),
    ]);
  const { model, data, options: used, cost, surrogate, until } = evaluation;
  const target = used.target === null ? "" : `, target ${used.target}`;
  print(
    ...folded(`${model.name} on ${data.name}, ${used.attacks.join(", ")} ${used.norm}${target}`),
    `${toTable(evaluation, { color: hasColor(), width: room() })}\n`,
    `${toCurve(evaluation, { width: Math.min(width(), 80), height: 10 })}\n`,
    ...(evaluation.labels ? [...columns(labelRows(evaluation.labels)), ""] : []),
    ...(data.drawn ? folded(`${samplesWords(data)}${until ? "" : " (--order file takes the first ones)"}`) : []),
    ...(until ? folded(`${endingWords(until, data)}; intervals: ${intervalName(evaluation)}`) : []),
    ...(surrogate
      ? folded(`surrogate ${used.surrogate}: right on ${(100 * surrogate.accuracy).toFixed(2)} % of the samples`)
      : []),
    ...(evaluation.certified ? folded(certifiedWords(evaluation, evaluation.certified)) : []),
    ...(evaluation.certified?.losses ? folded(lossWords(evaluation.certified.losses, sharesInWords)) : []),
    `${data.total} samples in ${cost.seconds.toFixed(2)} s (${rateText(cost.samplesPerSecond)}/s)`,
  );
}

/** Says which gates were not met, and gives the exit code. */
export function verdict({ gates }: Evaluation): number {
  const failed = gates.filter(({ met }) => !met);
  for (const { accuracy, epsilon, atLeast, certified } of failed)
    stderr.write(
      `perturb: ${certified ? "certified" : "robust"} accuracy ${accuracy} at ε = ${epsilonText(epsilon)} is under ${atLeast}.\n`,
    );
  return failed.length > 0 ? EXIT.failed : EXIT.ok;
}

/** What is proven, what is open, and how far proofs reach. */
function certifiedWords({ worst, data }: Evaluation, { averageRadius }: Certification): string {
  const open = worst.map(
    ({ epsilon, correct, certified: proven }) => `${correct - proven!.correct} at ${epsilonText(epsilon)}`,
  );
  const radius = averageRadius === null ? "" : `; average certified radius ${Number(averageRadius.toPrecision(3))}`;
  return `open, neither proven nor fooled: ${open.join(", ")} of ${data.total} samples${radius}`;
}

/** Why samples are open. */
function lossWords(losses: BoundLosses, shares: (lost: BoundLosses, most: number) => string): string {
  const { samples, margin, bound } = losses;
  const number = (value: number) => Number(value.toPrecision(3));
  return `why, on average over ${samples} of them: CROWN bounds a margin of ${number(margin)} by ${number(bound)}, and loses ${shares(losses, SHARES)}`;
}

const askedOf = ({ epsilon, atLeast, certified }: Gate): GateAsked => ({
  epsilon,
  atLeast,
  ...(certified && { certified }),
});

/** Which accuracy is asked for. */
export type GateKind = "robust" | "certified";

/** --fail-under as an evaluation takes it. */
export const gatesAsked = (failUnder: FailUnder | undefined, kind: GateKind): GateAsked[] =>
  failUnder
    ? [
        {
          epsilon: failUnder.epsilon,
          atLeast: failUnder.accuracy,
          ...(kind === "certified" && { certified: true as const }),
        },
      ]
    : [];

/** @throws usage where --fail-under asks for an ε that is not evaluated */
export function checkFailUnder(failUnder: FailUnder | undefined, epsilons: readonly number[]): void {
  if (!failUnder || epsilons.some((epsilon) => sameEpsilon(epsilon, failUnder.epsilon))) return;
  throw new PerturbError(
    "usage",
    `--fail-under asks for ε = ${epsilonText(failUnder.epsilon)}, which is not among --eps ${epsilons.map(epsilonText).join(",")}. Add it there.`,
  );
}

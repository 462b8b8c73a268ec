import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { stderr } from "node:process";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { BootedWorkers } from "../../evaluate/course/pool.node.ts";
import type { ReadHeading } from "../../evaluate/state/heading.node.ts";
import type { KeptJournal } from "../../evaluate/state/journal.node.ts";
import type { EvaluationResult } from "../../evaluate.ts";
import { quote } from "../../report/files/command.ts";
import type { SampleSpool } from "../../report/files/samples.node.ts";
import { EXIT, explain, mayPass } from "../exit.ts";
import { requireWritable } from "../files.ts";
import { type BeforeExit, interruptible } from "../interrupt.ts";
import { type OpenedSubject, openSubject } from "../open.ts";
import { evaluateOptions, type Given } from "../options/evaluate-options.ts";
import { evaluatorOf, planned } from "../planned.ts";
import { checkFailUnder, gatesAsked, present, presentFinished, verdict } from "../present.ts";
import { progressLine, silent } from "../progress.ts";
import { ownWords } from "../self.ts";

export const evaluateCommand = evaluateOptions().action(async (given, command) =>
  interruptible(async (beforeExit) => {
    process.exitCode = await start(given, command, beforeExit);
  }),
);

/** An evaluation that was asked for. */
interface Work {
  readonly given: Given;
  /** The command line behind the program's name, of the run that goes on if one does. */
  readonly words: readonly string[];
  /** What it goes on from. */
  readonly heading: ReadHeading | null;
  /** Where its work is kept, once it is opened. */
  journal?: KeptJournal;
}

/** Gives the exit code. */
async function start(given: Given, command: CommandUnknownOpts, beforeExit: BeforeExit): Promise<number> {
  if (given.resume === undefined) return run({ given, words: ownWords(), heading: null }, beforeExit);
  const { mergedOptions, takeUp } = await import("../resume.ts");
  const heading = await takeUp(given.resume);
  if (!heading) return presentFinished(given.resume, given);
  return run(
    { given: mergedOptions(command, given, heading, given.resume), words: heading.words, heading },
    beforeExit,
  );
}

/** Gives the exit code. */
async function run(work: Work, beforeExit: BeforeExit): Promise<number> {
  const { given } = work;
  checkFailUnder(given.failUnder, given.eps);
  for (const path of [given.json, given.junit]) if (path !== undefined && path !== "-") await requireWritable(path);
  // The threads load while model and data are opened.
  const { bootWorkers, workersFor } = await import("../../evaluate/course/pool.node.ts");
  const workers = bootWorkers(workersFor(given.device));
  let stopping = false;
  beforeExit(async () => {
    stopping = true;
    await workers.close();
    await work.journal?.close();
    const { STATE } = await import("../../evaluate/state/heading.node.ts");
    // A report that was finished in the meantime has taken the place of the state.
    if (!work.journal?.saved || !existsSync(join(work.journal.folder, STATE))) return undefined;
    return `Stopped, and saved. ${goOn(work.journal.folder, given)}`;
  });
  try {
    return await runWith(workers, work);
  } catch (error) {
    // The workers of a run that is stopped fail, and so does the run. One that goes on has its state also where it gets nowhere.
    const isKept = work.journal ? work.journal.saved : work.heading !== null && mayPass(error);
    if (stopping || !isKept) throw error;
    const { code, text } = explain(error);
    stderr.write(`${text}\nWhat is done is saved. ${goOn(work.journal?.folder ?? given.resume!, given)}\n`);
    return mayPass(error) ? EXIT.saved : code;
  } finally {
    await workers.close();
    await work.journal?.close();
    work.journal?.release();
  }
}

async function runWith(workers: BootedWorkers, work: Work): Promise<number> {
  const { given, words } = work;
  const subject = await openSubject(given);
  const folder = given.resume ?? given.out ?? (given.json === undefined ? defaultFolder(subject, given) : undefined);
  if (folder !== undefined) await (await import("../resume.ts")).prepareFolder(folder, work.heading !== null);
  const spooling = folder === undefined ? undefined : spool();
  // Whoever waits for it meets its failure.
  spooling?.catch(() => undefined);
  try {
    // What writes the records loads while the first batches run.
    const onRecords: SampleSpool["write"] | undefined =
      spooling && (async (records) => (await spooling).write(records));
    const result = await measure({ subject, work, folder, workers, onRecords });
    await work.journal?.close();
    const { json, junit } = given;
    await present(result, { json, junit, folder, words, spool: await spooling });
    return verdict(result.evaluation);
  } finally {
    await (await spooling)?.remove();
  }
}

async function spool(): Promise<SampleSpool> {
  const { spoolSamples } = await import("../../report/files/samples.node.ts");
  return spoolSamples();
}

interface Measuring {
  readonly subject: OpenedSubject;
  readonly work: Work;
  readonly folder: string | undefined;
  readonly workers: BootedWorkers;
  readonly onRecords: SampleSpool["write"] | undefined;
}

async function measure({ subject, work, folder, workers, onRecords }: Measuring): Promise<EvaluationResult> {
  const { file, describe, here, normalization } = subject;
  const { given } = work;
  const [{ evaluate }, { followUp }, { withWarnings }] = await Promise.all([
    import("../../evaluate/course/run.ts"),
    import("../../evaluate/checks/follow-up.ts"),
    import("../../evaluate/results/result.ts"),
  ]);
  const { wanted, plan } = await planned(subject, given);
  const { surrogate } = wanted;
  const evaluator = await evaluatorOf(subject, plan, workers, given, surrogate);
  let { data } = subject;
  if (folder !== undefined) {
    const { openJournal } = await import("../resume.ts");
    const { batch, limit } = wanted;
    const ground = { subject: describe, model: file ?? here, surrogate: surrogate?.file, data, plan, batch, limit };
    ({ journal: work.journal, data } = await openJournal({ ...work, folder, ground }));
  }
  const { journal } = work;
  if (folder !== undefined) void import("../../report/files/write.node.ts").then(({ preload }) => preload());
  const progress = given.quiet ? silent : progressLine("evaluating", "samples");
  try {
    const onProgress = ({ done, total }: { done: number; total: number }) =>
      progress.update(done, total, "", journal?.resumed);
    const result = await evaluate(describe, data, plan, evaluator, {
      ...wanted,
      gates: gatesAsked(given.failUnder),
      onProgress,
      ...(onRecords && { onRecords }),
      ...(journal && { journal }),
    });
    return withWarnings(result, await followUp(here, subject.data, plan, result, { surrogate, normalization }));
  } finally {
    progress.finish();
  }
}

/** How to go on with what is kept in a folder. */
const goOn = (folder: string, { json }: Given): string =>
  `Go on with: perturb evaluate --resume ${quote(folder)}${json === undefined ? "" : ` --json ${quote(json)}`}`;

function defaultFolder({ here, data }: OpenedSubject, { attack, norm }: Given): string {
  const name = [here.name.replace(/\.\w+$/, ""), basename(data.name), attack.join("+"), norm].join("-");
  return `runs/${name.replace(/[^\w.+-]+/g, "_")}`;
}

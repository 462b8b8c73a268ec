import { basename } from "node:path";
import { stderr } from "node:process";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { attacks } from "../attacks/index.ts";
import type { ReadHeading } from "../evaluate/journal/heading.node.ts";
import type { KeptJournal } from "../evaluate/journal.node.ts";
import type { BootedWorkers } from "../evaluate/pool.node.ts";
import type { EvaluationResult } from "../evaluate.ts";
import { attackOptions } from "./attack-options.ts";
import { evaluateOptions, type Given } from "./evaluate-options.ts";
import { EXIT, explain, mayPass } from "./exit.ts";
import { requireWritable } from "./files.ts";
import { type BeforeExit, interruptible } from "./interrupt.ts";
import { type OpenedSubject, openSubject } from "./open.ts";
import { checkFailUnder, present, presentFinished, verdict } from "./present.ts";
import { progressLine, silent } from "./progress.ts";
import { ownWords, quote } from "./self.ts";

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
  const { mergedOptions, takeUp } = await import("./resume.ts");
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
  if (given.json !== undefined && given.json !== "-") await requireWritable(given.json);
  // The threads load while model and data are opened.
  const { bootWorkers, workersFor } = await import("../evaluate/pool.node.ts");
  const workers = bootWorkers(workersFor(given.device));
  let stopping = false;
  beforeExit(async () => {
    stopping = true;
    await workers.close();
    await work.journal?.close();
    return work.journal?.saved ? `Stopped, and saved. ${goOn(work.journal, given)}` : undefined;
  });
  try {
    return await runWith(workers, work);
  } catch (error) {
    // The workers of a run that is stopped fail, and so does the run.
    if (stopping || !work.journal?.saved) throw error;
    const { code, text } = explain(error);
    stderr.write(`${text}\nWhat is done is saved. ${goOn(work.journal, given)}\n`);
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
  if (folder !== undefined) await (await import("./resume.ts")).prepareFolder(folder, work.heading !== null);
  const result = await measure(subject, work, folder, workers);
  await work.journal?.close();
  await present(result, { json: given.json, folder, words });
  return given.failUnder ? verdict(result.evaluation, given.failUnder) : EXIT.ok;
}

async function measure(
  { model, data, describe, here }: OpenedSubject,
  work: Work,
  folder: string | undefined,
  workers: BootedWorkers,
): Promise<EvaluationResult> {
  const [{ DEFAULT_BATCH, evaluate, planOf }, { planMessage }, { diagnose, atChance }, { withGradient }] =
    await Promise.all([
      import("../evaluate/run.ts"),
      import("../evaluate/pool.node.ts"),
      import("../evaluate/checks.ts"),
      import("../models/classifier.ts"),
    ]);
  const { given } = work;
  const wanted = {
    attacks: given.attack.map((name) => attacks[name]),
    options: attackOptions(given.attack, given.set),
    norm: given.norm,
    epsilons: given.eps,
    target: given.target ?? null,
    seed: given.seed,
    offset: given.offset,
    batch: given.batch ?? DEFAULT_BATCH,
    limit: given.limit ?? data.size,
  };
  const plan = planOf(wanted, model);
  let samples = data;
  if (folder !== undefined) {
    const { openJournal } = await import("./resume.ts");
    const { batch, limit } = wanted;
    const ground = { subject: describe, model, data, plan, batch, limit };
    ({ journal: work.journal, data: samples } = await openJournal({ ...work, folder, ground }));
  }
  const { journal } = work;
  const file = withGradient(model, "cross-entropy");
  const pool = workers.start({ file, device: given.device, plan: planMessage(plan) });
  if (folder !== undefined) void import("../report/write.node.ts").then(({ preload }) => preload());
  const progress = given.quiet ? silent : progressLine("evaluating", "samples");
  try {
    const onProgress = ({ done, total }: { done: number; total: number }) =>
      progress.update(done, total, "", journal?.resumed);
    const result = await evaluate(describe, samples, plan, pool, {
      ...wanted,
      onProgress,
      ...(journal && { journal }),
    });
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

/** How to go on with what a journal keeps. */
const goOn = ({ folder }: KeptJournal, { json }: Given): string =>
  `Go on with: perturb evaluate --resume ${quote(folder)}${json === undefined ? "" : ` --json ${quote(json)}`}`;

function defaultFolder({ model, data }: OpenedSubject, { attack, norm }: Given): string {
  const name = [model.name.replace(/\.\w+$/, ""), basename(data.name), attack.join("+"), norm].join("-");
  return `runs/${name.replace(/[^\w.+-]+/g, "_")}`;
}

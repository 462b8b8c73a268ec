import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import type { OpenEvaluation } from "../../evaluate/evaluation.ts";
import type { Threads } from "../../evaluate/places/threads.node.ts";
import type { EvaluationResult } from "../../evaluate.ts";
import { quote } from "../../report/files/command.ts";
import type { SampleSpool } from "../../report/files/samples.node.ts";
import { EXIT, explain, mayPass } from "../exit.ts";
import { requireWritable } from "../files.ts";
import { type BeforeExit, interruptible } from "../interrupt.ts";
import type { OpenedSubject } from "../opening/opened.ts";
import { openSubject } from "../opening/subject.ts";
import { wanted } from "../opening/wanted.ts";
import { evaluateOptions, type Given } from "../options/evaluate-options.ts";
import { complain } from "../output.ts";
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
  /** The folder of its report, which keeps its state until then; known once the model is open. */
  folder?: string | undefined;
  /** Once it is open. */
  evaluation?: OpenEvaluation;
}

/** Gives the exit code. */
async function start(given: Given, command: CommandUnknownOpts, beforeExit: BeforeExit): Promise<number> {
  if (given.resume === undefined) return run({ given, words: ownWords() }, beforeExit);
  const { mergedOptions, takeUp } = await import("../resume.ts");
  const words = await takeUp(given.resume);
  if (!words) return presentFinished(given.resume, given);
  return run({ given: mergedOptions(command, given, words, given.resume), words, folder: given.resume }, beforeExit);
}

/** Gives the exit code. */
async function run(work: Work, beforeExit: BeforeExit): Promise<number> {
  const { given } = work;
  checkFailUnder(given.failUnder, given.eps);
  if (given.json === "-" && given.junit === "-")
    throw new PerturbError("usage", "--json - and --junit - cannot share stdout. Give one of them a file.");
  for (const path of [given.json, given.junit]) if (path !== undefined && path !== "-") await requireWritable(path);
  const { threads, workersFor } = await import("../../evaluate/places/threads.node.ts");
  const place = threads({ size: workersFor(given.device) });
  // They load while model and data are opened.
  place.boot();
  let stopping = false;
  const end = async (): Promise<void> => {
    await place.close();
    await work.evaluation?.close();
  };
  beforeExit(async () => {
    stopping = true;
    await end();
    const { STATE } = await import("../../evaluate/state/heading.node.ts");
    // A report that was finished in the meantime has taken the place of the state.
    if (!work.evaluation?.saved || !existsSync(join(work.folder!, STATE))) return undefined;
    return `Stopped, and saved. ${goOn(work.folder!, given)}`;
  });
  try {
    return await runAt(place, work);
  } catch (error) {
    // The threads of a run that is stopped fail, and so does the run. One that goes on has its state also where it gets nowhere.
    const isKept = work.evaluation ? work.evaluation.saved : given.resume !== undefined && mayPass(error);
    if (stopping || !isKept) throw error;
    const { code, text } = explain(error);
    complain(`${text}\nWhat is done is saved. ${goOn(work.folder!, given)}`);
    return mayPass(error) ? EXIT.saved : code;
  } finally {
    await end();
  }
}

async function runAt(place: Threads, work: Work): Promise<number> {
  const { given, words } = work;
  const subject = await openSubject(given);
  work.folder ??= given.out ?? (given.json === undefined ? defaultFolder(subject, given) : undefined);
  const { folder } = work;
  if (folder !== undefined) await (await import("../resume.ts")).prepareFolder(folder, given.resume !== undefined);
  const spooling = folder === undefined ? undefined : spool();
  // Whoever waits for it meets its failure.
  spooling?.catch(() => undefined);
  try {
    const result = await measure(subject, place, work, spooling);
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

async function measure(
  subject: OpenedSubject,
  place: Threads,
  work: Work,
  spooling: Promise<SampleSpool> | undefined,
): Promise<EvaluationResult> {
  const { given, folder } = work;
  const [{ openEvaluation }, state] = await Promise.all([
    import("../../evaluate/evaluation.ts"),
    folder === undefined ? undefined : stateIn(folder, work),
  ]);
  const evaluation = await openEvaluation(subject.model, subject.data, {
    ...(await wanted(given, subject)),
    gates: gatesAsked(given.failUnder),
    place,
    state,
    // What writes the records loads while the first batches run.
    onRecords: async (records) => (await spooling)?.write(records),
  });
  work.evaluation = evaluation;
  if (folder !== undefined) void import("../../report/files/write.node.ts").then(({ preload }) => preload());
  const progress = given.quiet ? silent : progressLine("evaluating", "samples");
  try {
    return await evaluation.finish(({ done, total }) => progress.update(done, total, "", evaluation.resumed));
  } finally {
    progress.finish();
  }
}

async function stateIn(folder: string, { given, words }: Work) {
  const { folderState, RESUME } = await import("../../evaluate/state/folder.node.ts");
  return folderState(folder, {
    resume: given.resume !== undefined,
    words,
    warn: (message) => complain(`warning: ${message.replace(RESUME, `perturb evaluate --resume ${quote(folder)}`)}`),
  });
}

/** How to go on with what is kept in a folder. */
const goOn = (folder: string, { json }: Given): string =>
  `Go on with: perturb evaluate --resume ${quote(folder)}${json === undefined ? "" : ` --json ${quote(json)}`}`;

function defaultFolder({ model, data }: OpenedSubject, { attack, norm }: Given): string {
  const name = [model.name.replace(/\.\w+$/, ""), basename(data.name), attack.join("+"), norm].join("-");
  return `runs/${name.replace(/[^\w.+-]+/g, "_")}`;
}

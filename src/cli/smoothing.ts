import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { NoiseOptions } from "../certify/smoothing/counter.ts";
import { reachInWords } from "../certify/smoothing/plan.ts";
import type { DrawThreads } from "../certify/smoothing/threads.node.ts";
import { PerturbError } from "../errors.ts";
import type { OpenSmoothing, SmoothingResult } from "../evaluate/smoothing.ts";
import type { SmoothingFacts, SmoothingJournal } from "../evaluate/state/smoothing-journal.node.ts";
import { quote } from "../report/files/command.ts";
import { EXIT, explain, mayPass } from "./exit.ts";
import { requireOutputs } from "./files.ts";
import type { BeforeExit } from "./interrupt.ts";
import { type DrawsGiven, drawsWithin } from "./opening/draws.ts";
import type { OpenedSubject } from "./opening/opened.ts";
import { openSubject } from "./opening/subject.ts";
import { commandWords } from "./option-words.ts";
import { asEvaluation, type certifyOptions } from "./options/certify-options.ts";
import { checkSmoothingGiven, isGiven } from "./options/smoothing-check.ts";
import { complain, tell } from "./output.ts";
import { progressLine, silent } from "./progress.ts";
import { ownWords } from "./self.ts";
import { present, presentFinished, RESULT, SAMPLES, verdict } from "./smoothing-results.ts";

type Given = ReturnType<ReturnType<typeof certifyOptions>["opts"]>;

/** Whether a folder keeps a run with --smoothing that was not finished, or its result. */
export async function holdsSmoothing(folder: string | undefined): Promise<boolean> {
  if (folder === undefined) return false;
  const { JOURNAL } = await import("../evaluate/state/smoothing-journal.node.ts");
  return [JOURNAL, RESULT].some((name) => existsSync(join(folder, name)));
}

/** Certifies the smoothed classifier of a model on a data set. Gives the exit code. */
export async function certifySmoothed(
  asked: Given,
  command: CommandUnknownOpts,
  beforeExit: BeforeExit,
): Promise<number> {
  const { resume } = asked;
  let given = asked;
  let words: readonly string[] = ownWords();
  if (resume !== undefined) {
    const { smoothingWords } = await import("../evaluate/state/smoothing-journal.node.ts");
    const kept = await smoothingWords(resume);
    if (!kept) return presentFinished(resume, asked);
    words = kept;
    given = (await import("./resume.ts")).mergedOptions(command, asked, kept, resume);
  } else checkSmoothingGiven(given, command);
  await requireOutputs(given.json);
  const radii = isGiven(command, "eps") || words.some((word) => /^--eps(=|$)/.test(word)) ? given.eps : undefined;
  const subject = await openSubject(asEvaluation(given));
  try {
    return await run({ given, radii, words, subject, resume }, beforeExit);
  } finally {
    await subject.model.release();
  }
}

interface Work {
  readonly given: Given;
  readonly radii: readonly number[] | undefined;
  readonly words: readonly string[];
  readonly subject: OpenedSubject;
  readonly resume: string | undefined;
}

async function run(work: Work, beforeExit: BeforeExit): Promise<number> {
  const { given, subject, words, resume, radii } = work;
  const { smoothing: sigma, n0: selection, n: draws, alpha, seed, offset, limit, order, json } = given;
  const [{ openSmoothing }, { openSmoothingJournal }] = await Promise.all([
    import("../evaluate/smoothing.ts"),
    import("../evaluate/state/smoothing-journal.node.ts"),
  ]);
  const stopping = new AbortController();
  let [journal, threads]: [SmoothingJournal?, DrawThreads?] = [];
  const opened: OpenSmoothing = openSmoothing(subject.model, subject.data, {
    sigma: sigma!,
    selection,
    draws,
    alpha,
    seed,
    offset,
    limit,
    order,
    radii,
    signal: stopping.signal,
    counter: (of, signal) => threads!.count(of, signal),
    known: (index, x) => journal?.known(index, x),
    onCertified: (sample, x) => journal?.keep(sample, x),
  });
  for (const { message } of opened.warnings) complain(`warning: ${commandWords(message)}`);
  complain(`perturb: ${reachInWords(opened.plan)}.`);
  const folder = resume ?? given.out ?? (json === undefined ? defaultFolder(subject) : undefined);
  if (folder !== undefined) {
    await checkFolder(folder, resume !== undefined);
    const facts = await factsOf(opened, subject, given);
    journal = await openSmoothingJournal(folder, { words, facts }, resume !== undefined);
  }
  const goOn = `Go on with: perturb certify --resume ${quote(folder ?? "")}${json === undefined ? "" : ` --json ${quote(json)}`}`;
  threads = await threadsFor(subject, opened.plan, given);
  beforeExit(async () => {
    stopping.abort();
    await threads?.close();
    await journal?.close(false);
    return journal && `Stopped, and saved. ${goOn}`;
  });
  try {
    const result = await measure(opened, journal, given.quiet === true);
    await present(result, folder, given);
    await journal?.close(true);
    return await verdict(result, given);
  } catch (error) {
    if (!journal || !mayPass(error)) throw error;
    complain(explain(error).text);
    tell(`What is done is saved. ${goOn}`);
    return EXIT.saved;
  } finally {
    await threads.close();
    await journal?.close(false);
  }
}

/** One for each core, for a graph on the CPU; any other model is asked in this thread. */
async function threadsFor({ model }: OpenedSubject, noise: NoiseOptions, given: DrawsGiven): Promise<DrawThreads> {
  const [{ isGraphModel, isPlainGraph }, { drawThreads }, { counterOf }] = await Promise.all([
    import("../models/classifier/graph-model.ts"),
    import("../certify/smoothing/threads.node.ts"),
    import("../certify/smoothing/counter.ts"),
  ]);
  const isOnCpu = isPlainGraph(model) && model.runtime.device === "cpu";
  const { threads, batch } = isGraphModel(model)
    ? await drawsWithin(model.file, given, isOnCpu ? availableParallelism() : 1)
    : { threads: 1, batch: given.batch };
  if (isOnCpu) return drawThreads(model.file, { ...noise, batch }, threads);
  return { count: counterOf(model, { ...noise, batch }), close: async () => undefined };
}

async function measure(
  opened: OpenSmoothing,
  journal: SmoothingJournal | undefined,
  isQuiet: boolean,
): Promise<SmoothingResult> {
  const progress = isQuiet ? silent : progressLine("certifying", "samples");
  const samples: SmoothingResult["samples"][number][] = [];
  try {
    for await (const sample of opened.samples()) {
      samples.push(sample);
      progress.update(samples.length, opened.total, "", journal?.resumed);
    }
  } finally {
    progress.finish();
  }
  return opened.result(samples);
}

async function factsOf(
  { plan, data }: OpenSmoothing,
  { model }: OpenedSubject,
  { model: place }: Given,
): Promise<SmoothingFacts> {
  const [{ isGraphModel }, { sha256 }] = await Promise.all([
    import("../models/classifier/graph-model.ts"),
    import("../sha256.ts"),
  ]);
  const hash = isGraphModel(model) ? await sha256(model.file.onnx) : null;
  return {
    ...plan,
    "SHA-256 of the model": hash,
    ...(hash === null && { model: place }),
    "number of samples": data.size,
  };
}

/** @throws usage where a folder holds what is none of these files */
async function checkFolder(folder: string, resumed: boolean): Promise<void> {
  const [{ JOURNAL }, { isLock }] = await Promise.all([
    import("../evaluate/state/smoothing-journal.node.ts"),
    import("../evaluate/state/lock.node.ts"),
  ]);
  const names: readonly string[] = await readdir(folder).catch(() => []);
  const own: readonly string[] = [JOURNAL, RESULT, SAMPLES];
  const other = names.find((name) => !own.includes(name) && !isLock(name));
  if (other !== undefined)
    throw new PerturbError(
      "usage",
      `${folder} holds ${other}, which is no result of --smoothing. Give another folder.`,
    );
  if (!resumed && names.includes(JOURNAL))
    tell(
      `warning: ${folder} holds a run that was not finished, and that this one replaces. To go on with it: perturb certify --resume ${quote(folder)}`,
    );
}

const defaultFolder = ({ model, data }: OpenedSubject): string =>
  `runs/${[model.name.replace(/\.\w+$/, ""), basename(data.name), "smoothed", "l2"].join("-").replace(/[^\w.+-]+/g, "_")}`;

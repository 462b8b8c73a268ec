import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { PerturbError } from "../errors.ts";
import type { OpenEvaluation } from "../evaluate/evaluation.ts";
import type { SampleRecord } from "../evaluate/results/record.ts";
import { shardText } from "../evaluate/shard.ts";
import type { EvaluationResult } from "../evaluate.ts";
import { quote } from "../report/files/command.ts";
import type { SampleSpool } from "../report/files/samples.node.ts";
import { EXIT, explain, mayPass } from "./exit.ts";
import { requireOutputs } from "./files.ts";
import type { BeforeExit } from "./interrupt.ts";
import { isAddress } from "./opening/address.ts";
import type { OpenedSubject } from "./opening/opened.ts";
import { openSubject } from "./opening/subject.ts";
import { wanted } from "./opening/wanted.ts";
import type { Given } from "./options/evaluate-options.ts";
import { complain, print } from "./output.ts";
import { type CommandPlace, placeFor } from "./place.ts";
import type { GateKind, Outputs } from "./present.ts";
import { checkFailUnder, gatesAsked, present, presentFinished, verdict } from "./present.ts";
import { progressLine, silent } from "./progress.ts";
import { ownWords } from "./self.ts";

/** A command that evaluates. */
export interface Door {
  readonly name: "evaluate" | "certify";
  /** What of its accuracies --fail-under is about. */
  readonly gate: GateKind;
}

/** The options of an evaluation, and a file for certificates of what it proves. */
type Asked = Given & { readonly certificates?: string | undefined };

/** An evaluation that was asked for. */
interface Work {
  readonly door: Door;
  readonly given: Asked;
  /** The command line behind the program's name, of the run that goes on if one does. */
  readonly words: readonly string[];
  /** The folder of its report, which keeps its state until then; known once the model is open. */
  folder?: string | undefined;
  /** The folders of all its shards, where it is the whole of them. */
  readonly shards?: readonly string[] | undefined;
  /** Once it is open. */
  evaluation?: OpenEvaluation;
}

/** Evaluates as a command was asked to. `read` makes what its options gave into those of an evaluation. Gives the exit code. */
export async function evaluating<O extends Pick<Asked, "resume" | "certificates"> & Outputs>(
  door: Door,
  given: O,
  command: CommandUnknownOpts,
  read: (given: O) => Asked,
  beforeExit: BeforeExit,
): Promise<number> {
  if (given.resume === undefined) return run({ door, given: read(given), words: ownWords() }, beforeExit);
  const { keptBatch, mergedOptions, takeUp } = await import("./resume.ts");
  const words = await takeUp(given.resume, door.name);
  if (!words && given.certificates !== undefined)
    throw new PerturbError("usage", "The run is finished, and --certificates is for one that proves. Start it anew.");
  if (!words) return presentFinished(given.resume, { ...given, gate: door.gate });
  const merged = read(mergedOptions(command, given, words, given.resume));
  const batch = merged.batch ?? (await keptBatch(given.resume));
  return run(
    { door, given: { ...merged, ...(batch !== undefined && { batch }) }, words, folder: given.resume },
    beforeExit,
  );
}

/** Makes one result of the shards in these folders, as `given` says of model, data and outputs. Gives the exit code. */
export const merging = (
  door: Door,
  given: Asked,
  { words, folder, shards }: Pick<Work, "words" | "shards"> & { readonly folder: string | undefined },
  beforeExit: BeforeExit,
): Promise<number> => run({ door, given, words, folder, shards }, beforeExit);

/** Gives the exit code. */
async function run(work: Work, beforeExit: BeforeExit): Promise<number> {
  const { given } = work;
  checkFailUnder(given.failUnder, given.eps);
  if (given.json === "-" && given.junit === "-")
    throw new PerturbError("usage", "--json - and --junit - cannot share stdout. Give one of them a file.");
  if (given.certify && isAddress(given.model))
    throw new PerturbError(
      "usage",
      `Proofs need the network itself, and ${given.model} is the address of a server. Give its .onnx file.`,
    );
  await requireOutputs(given.json, given.junit, given.certificates);
  const place = await placeFor(given);
  let stopping = false;
  const end = async (): Promise<void> => {
    await place.close();
    await work.evaluation?.close();
  };
  beforeExit(async () => {
    stopping = true;
    await end();
    const { STATE } = await import("../evaluate/state/heading.node.ts");
    // A report that was finished in the meantime has taken the place of the state.
    if (!work.evaluation?.saved || !existsSync(join(work.folder!, STATE))) return undefined;
    return `Stopped, and saved. ${goOn(work)}`;
  });
  try {
    return await runAt(place, work);
  } catch (error) {
    // The threads of a run that is stopped fail, and so does the run. One that goes on has its state also where it gets nowhere.
    const isKept = work.evaluation ? work.evaluation.saved : given.resume !== undefined && mayPass(error);
    if (stopping || !isKept) throw error;
    const { code, text } = explain(error);
    complain(`${text}\nWhat is done is saved. ${goOn(work)}`);
    return mayPass(error) ? EXIT.saved : code;
  } finally {
    await end();
  }
}

async function runAt(place: CommandPlace, work: Work): Promise<number> {
  const { given, words } = work;
  const subject = await openSubject(given);
  if (!work.shards) work.folder ??= given.out ?? (given.json === undefined ? defaultFolder(subject, work) : undefined);
  const { folder } = work;
  if (folder !== undefined) await (await import("./resume.ts")).prepareFolder(folder, given.resume !== undefined);
  const spooling = folder === undefined ? undefined : spool();
  // Whoever waits for it meets its failure.
  spooling?.catch(() => undefined);
  try {
    const certificates = given.certificates === undefined ? undefined : await certificatesOf(subject, given);
    const result = await measure(subject, place, work, spooling, certificates?.hear);
    const { json, junit, shard } = given;
    if (shard) {
      const { total } = result.evaluation.clean;
      print(`Shard ${shardText(shard)} is done: ${total} samples, kept in ${folder}.`);
      print(`When all are done: perturb merge DIR… --out DIR`);
      return EXIT.ok;
    }
    await present(result, { json, junit, folder, words, spool: await spooling });
    await certificates?.write();
    return verdict(result.evaluation);
  } finally {
    await (await spooling)?.remove();
  }
}

/** What hears of proven samples, and writes their certificates. @throws unsupported for a model that certificates cannot be about */
async function certificatesOf(subject: OpenedSubject, { certificates, eps, norm, target, splits, quiet }: Asked) {
  const [{ certifiedModel, provenOf }, { writeCertificates }] = await Promise.all([
    import("../evaluate/certificates.ts"),
    import("./certificates.ts"),
  ]);
  const model = await certifiedModel(subject.model, { norm, target: target ?? null });
  const proven: ReturnType<typeof provenOf> = [];
  return {
    hear: (records: readonly SampleRecord[]) => void proven.push(...provenOf(records)),
    write: () =>
      writeCertificates(certificates!, model, subject, { proven, epsilons: eps, splits, quiet: quiet === true }),
  };
}

async function spool(): Promise<SampleSpool> {
  const { spoolSamples } = await import("../report/files/samples.node.ts");
  return spoolSamples();
}

async function measure(
  subject: OpenedSubject,
  place: CommandPlace,
  work: Work,
  spooling: Promise<SampleSpool> | undefined,
  hear?: (records: readonly SampleRecord[]) => void,
): Promise<EvaluationResult> {
  const { given, folder, door } = work;
  const [{ openEvaluation }, state] = await Promise.all([
    import("../evaluate/evaluation.ts"),
    work.shards ? shardsOf(work.shards) : folder === undefined ? undefined : stateIn(folder, work),
  ]);
  const evaluation = await openEvaluation(subject.model, subject.data, {
    ...(await wanted(given, subject)),
    gates: gatesAsked(given.failUnder, door.gate),
    place,
    state,
    shard: given.shard,
    until: given.until,
    // What writes the records loads while the first batches run.
    onRecords: async (records) => {
      hear?.(records);
      await (await spooling)?.write(records);
    },
  });
  work.evaluation = evaluation;
  if (folder !== undefined) void import("../report/files/write.node.ts").then(({ preload }) => preload());
  const progress = given.quiet
    ? silent
    : progressLine(door.name === "certify" ? "certifying" : "evaluating", "samples");
  try {
    return await evaluation.finish(({ done, total, widest }) => {
      const reached = widest === undefined ? "" : `±${(100 * widest).toFixed(2)} %`;
      progress.update(done, total, reached, evaluation.resumed);
    });
  } finally {
    progress.finish();
  }
}

async function stateIn(folder: string, { door, given, words }: Work) {
  const { folderState, RESUME } = await import("../evaluate/state/folder.node.ts");
  return folderState(folder, {
    resume: given.resume !== undefined,
    words,
    warn: (message) =>
      complain(`warning: ${message.replace(RESUME, `perturb ${door.name} --resume ${quote(folder)}`)}`),
  });
}

const shardsOf = async (folders: readonly string[]) =>
  (await import("../evaluate/state/shards.node.ts")).shardStates(folders);

/** The command that goes on, with the files that it is to write: these are not kept with the run. */
const goOn = ({ door, folder, given: { json, junit, certificates } }: Work): string => {
  const files = Object.entries({ json, junit, certificates }).flatMap(([name, file]) =>
    file === undefined ? [] : [`--${name}`, quote(file)],
  );
  return ["Go on with: perturb", door.name, "--resume", quote(folder!), ...files].join(" ");
};

function defaultFolder({ model, data }: OpenedSubject, { door, given: { attack, norm, shard } }: Work): string {
  const what = door.name === "certify" ? "certified" : attack.join("+");
  const part = shard ? [`${shard.index}of${shard.count}`] : [];
  const name = [model.name.replace(/\.\w+$/, ""), basename(data.name), what, norm, ...part].join("-");
  return `runs/${name.replace(/[^\w.+-]+/g, "_")}`;
}

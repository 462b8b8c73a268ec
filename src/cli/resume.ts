import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { stderr } from "node:process";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Dataset } from "../dataset.ts";
import { messageOf, PerturbError } from "../errors.ts";
import type { Ground, ModelGround } from "../evaluate/state/facts.ts";
import type { ReadHeading } from "../evaluate/state/heading.node.ts";
import type { KeptJournal } from "../evaluate/state/journal.node.ts";
import { quote } from "../report/files/command.ts";
import { evaluateOptions, type Given } from "./options/evaluate-options.ts";

/** Options that are never kept: where results go is for whoever goes on to say. */
const OUTPUT: ReadonlySet<string> = new Set(["resume", "out", "json", "junit", "quiet"]);
/** Options that may be given anew: a verdict, how a service is asked, and places, of which what lies there is compared. */
const FREE: ReadonlySet<string> = new Set(
  ["failUnder", "header", "timeout", "retries"].concat(["model", "data", "labels", "feed", "surrogate"]),
);

/**
 * Opens what a run has kept in a folder; null where it holds a finished report. @throws not-found where it holds neither;
 * usage while the run is under way; invalid-file
 */
export async function takeUp(folder: string): Promise<ReadHeading | null> {
  const [{ readHeading }, { requireUnlocked }, { holdsReport, placeOf }, { recover }] = await modules();
  requireUnlocked(folder);
  recover(await placeOf(folder));
  const heading = await readHeading(folder);
  if (heading || (await holdsReport(folder))) return heading;
  throw new PerturbError(
    "not-found",
    `There is no run to resume in ${folder}${existsSync(folder) ? ": it holds neither a state nor a report" : ", which is not there"}. A run keeps its state in the folder of its report, from its first batch on; start it anew without --resume.`,
    { data: { folder } },
  );
}

/**
 * The options of a run that goes on: its own, and those that are given and may be given anew.
 * @throws usage for an option that is given and not the run's own; invalid-file
 */
export function mergedOptions(
  command: CommandUnknownOpts,
  given: Given,
  { words }: ReadHeading,
  folder: string,
): Given {
  const own: Readonly<Record<string, unknown>> = parseWords(words, folder);
  const now: Readonly<Record<string, unknown>> = given;
  const merged: Record<string, unknown> = { ...own };
  for (const option of command.options) {
    const name = option.attributeName();
    const isGiven = command.getOptionValueSource(name) === "cli";
    if (OUTPUT.has(name) || (isGiven && FREE.has(name))) merged[name] = now[name];
    else if (isGiven && JSON.stringify(now[name]) !== JSON.stringify(own[name]))
      throw new PerturbError(
        "usage",
        `The run in ${folder} goes on with its own options: ${option.long} is ${show(own[name])} there, not ${show(now[name])}. Leave ${option.long} out, or start anew without --resume.`,
        { data: { folder, option: option.long, was: own[name], is: now[name] } },
      );
  }
  // Each is what the parser of its option gave.
  return merged as Given;
}

const show = (value: unknown): string =>
  (Array.isArray(value) ? value.join(",") : typeof value === "string" ? value : JSON.stringify(value)) || "not given";

/** The options that a run was begun with. @throws invalid-file */
function parseWords(words: readonly string[], folder: string): Given {
  const silent = { writeErr: () => undefined, writeOut: () => undefined };
  const command = evaluateOptions().exitOverride().configureOutput(silent);
  try {
    return command.parse(words[0] === "evaluate" ? words.slice(1) : words, { from: "user" }).opts();
  } catch (cause) {
    throw new PerturbError(
      "invalid-file",
      `The run in ${folder} was begun with options that are unknown here: ${messageOf(cause)} Start anew without --resume.`,
      { data: { folder, words }, cause },
    );
  }
}

/**
 * Readies the folder of a report, before long work. @throws usage where it is in use, or holds what may not be replaced
 */
export async function prepareFolder(folder: string, resumed: boolean): Promise<void> {
  const [{ STATE }, { requireUnlocked }, { checkReplaceable, placeOf }, { recover }] = await modules();
  requireUnlocked(folder);
  if (!resumed) recover(await placeOf(folder));
  await checkReplaceable(folder);
  if (!resumed && existsSync(join(folder, STATE)))
    stderr.write(
      `warning: ${folder} holds a run that was not finished, and that this one replaces. To go on with it: perturb evaluate --resume ${quote(folder)}\n`,
    );
}

const modules = () =>
  Promise.all([
    import("../evaluate/state/heading.node.ts"),
    import("../evaluate/state/lock.node.ts"),
    import("../report/files/write.node.ts"),
    import("../staging.node.ts"),
  ]);

export interface Keeping {
  readonly folder: string;
  /** What it goes on from. */
  readonly heading: ReadHeading | null;
  /** The command line behind the program's name. */
  readonly words: readonly string[];
  readonly ground: Ground;
}

/**
 * The journal of a run, and its data, whose first samples are watched. @throws mismatch where model, data or options are not
 * those of the run that goes on
 */
export async function openJournal({
  folder,
  heading,
  words,
  ground,
}: Keeping): Promise<{ journal: KeptJournal; data: Dataset }> {
  const [{ newJournal, resumedJournal }, { factsOf, firstSamples, watched }, { checkFacts }] = await Promise.all([
    import("../evaluate/state/journal.node.ts"),
    import("../evaluate/state/facts.ts"),
    import("../evaluate/state/heading.node.ts"),
  ]);
  const { model, surrogate, plan, batch, limit } = ground;
  const total = Math.max(0, Math.min(ground.data.size - plan.offset, limit));
  const { data, digest } = watched(ground.data);
  const known = [
    ...(await factsOf(ground)),
    ...(await weightFacts(model)),
    ...(surrogate ? await weightFacts(surrogate) : []),
  ];
  const extent = {
    classes: model.classes,
    budgets: plan.epsilons.length,
    points: plan.series.length * plan.epsilons.length,
    attacks: plan.attacks.length,
    total,
    batch,
    shape: model.inputShape,
  };
  const options = { extent, warn: (message: string) => void stderr.write(`warning: ${message}\n`) };
  const facts = () => [...known, firstSamples(digest())];
  if (!heading) return { journal: newJournal(folder, () => ({ words, facts: facts() }), options), data };
  for await (const _ of data.batches({ batch, offset: plan.offset, limit: Math.min(batch, total) })) break;
  checkFacts(folder, heading.facts, facts());
  return { journal: await resumedJournal(folder, heading, options), data };
}

/** Weights that lie outside of a model's file are told apart by size and time: they may be too many to be read. */
async function weightFacts({ name, folder, onnx }: ModelGround): Promise<[string, string][]> {
  if (folder === undefined || !onnx) return [];
  const [{ externalFiles }, { readOnnx }] = await Promise.all([
    import("../models/formats/external.ts"),
    import("../onnx/file.ts"),
  ]);
  return Promise.all(
    externalFiles(readOnnx(onnx)).map(async (file): Promise<[string, string]> => {
      const { size, mtime } = await stat(join(folder, file));
      return [`the weights of ${name} in ${file}`, `${size} bytes of ${mtime.toISOString()}`];
    }),
  );
}

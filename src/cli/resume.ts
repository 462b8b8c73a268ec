import { existsSync } from "node:fs";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { messageOf, PerturbError } from "../errors.ts";
import { option as optionOf } from "../option.ts";
import { quote } from "../report/files/command.ts";
import { certifyOptions } from "./options/certify-options.ts";
import { evaluateOptions } from "./options/evaluate-options.ts";

type CommandName = "evaluate" | "certify";

/** The command that words are of: without one, they are of the default one. */
export const commandOf = ([first]: readonly string[]): CommandName => (first === "certify" ? first : "evaluate");

/** Options that are never kept: where results go is for whoever goes on to say. */
const OUTPUT: ReadonlySet<string> = new Set(["resume", "out", "json", "junit", "quiet", "queue"]);
/** Options that may be given anew: a verdict, how a service is asked, and places, of which what lies there is compared. */
const FREE: ReadonlySet<string> = new Set(
  ["failUnder", "header", "timeout", "retries"].concat([
    "model",
    "data",
    "labels",
    "classes",
    "feed",
    "surrogate",
    "certificates",
  ]),
);

/**
 * The command line of the run whose state a folder holds; null where it holds a finished report. @throws not-found where it
 * holds neither; usage while the run is under way, or where no command line began it; invalid-file, unsupported
 */
export async function takeUp(folder: string, command?: CommandName): Promise<readonly string[] | null> {
  const [{ readHeading }, { requireUnlocked }, { holdsReport, placeOf }, { recover }] = await modules();
  await requireUnlocked(folder);
  recover(await placeOf(folder));
  const heading = await readHeading(folder);
  if (command && heading?.words && commandOf(heading.words) !== command)
    throw new PerturbError(
      "usage",
      `The run in ${folder} is one of perturb ${commandOf(heading.words)}. Go on with it by: perturb ${commandOf(heading.words)} --resume ${quote(folder)}.`,
      { data: { folder } },
    );
  if (heading?.words) return heading.words;
  if (heading)
    throw new PerturbError(
      "usage",
      `The run in ${folder} was begun by a program, not by a command line. Go on with it there: folderState(…, { resume: true }).`,
      { data: { folder } },
    );
  if (await holdsReport(folder)) return null;
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
export function mergedOptions<O extends object>(
  command: CommandUnknownOpts,
  given: O,
  words: readonly string[],
  folder: string,
): O {
  const own: Readonly<Record<string, unknown>> = parseWords(words, folder);
  const now = given as Readonly<Record<string, unknown>>;
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
  return merged as O;
}

/** Samples at a time of the run in a folder: where nobody says, they follow the machine, and other machines have other defaults. */
export async function keptBatch(folder: string): Promise<number | undefined> {
  const [{ readHeading }] = await modules();
  const kept = Number(new Map((await readHeading(folder))?.facts).get(optionOf("batch")));
  return Number.isSafeInteger(kept) && kept > 0 ? kept : undefined;
}

const show = (value: unknown): string =>
  (Array.isArray(value) ? value.join(",") : typeof value === "string" ? value : JSON.stringify(value)) || "not given";

/** The options that a run was begun with. @throws invalid-file */
function parseWords(words: readonly string[], folder: string): Readonly<Record<string, unknown>> {
  const silent = { writeErr: () => undefined, writeOut: () => undefined };
  const made: CommandUnknownOpts = commandOf(words) === "certify" ? certifyOptions() : evaluateOptions();
  const command = made.exitOverride().configureOutput(silent);
  try {
    return command.parse(words[0] === made.name() ? words.slice(1) : words, { from: "user" }).opts();
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
  const [, { requireUnlocked }, { checkReplaceable, placeOf }, { recover }] = await modules();
  await requireUnlocked(folder);
  if (!resumed) recover(await placeOf(folder));
  await checkReplaceable(folder);
}

const modules = () =>
  Promise.all([
    import("../evaluate/state/heading.node.ts"),
    import("../evaluate/state/lock.node.ts"),
    import("../report/files/write.node.ts"),
    import("../staging.node.ts"),
  ]);

import { existsSync } from "node:fs";
import { join } from "node:path";
import { aBoolean, aFunction, checkKind, checkOptions, type Kinds } from "../../known-options.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import { type Places, shapesFrom, shardText } from "../shard.ts";
import type { EvaluationState, OpenState } from "../state.ts";
import { countsOf, type Extent } from "./extent.ts";
import { factsOf, firstSamples, type Ground, watched } from "./facts.ts";
import { checkFacts, readHeading, STATE } from "./heading.node.ts";
import { newJournal, resumedJournal } from "./journal.node.ts";
import { requireUnlocked } from "./lock.node.ts";
import { weightFacts } from "./weights.node.ts";

export interface FolderStateOptions {
  /**
   * Whether an evaluation that was ended there goes on, where there is one. By default a new one takes its place. One of
   * another model, other data or options is refused.
   */
  readonly resume?: boolean;
  /** Told what is replaced, and what was damaged and is done again; by default a warning of the process. */
  readonly warn?: (message: string) => void;
  /** The command line behind the program's name that begins it again, where there is one. */
  readonly words?: readonly string[] | null;
}

const KINDS: Kinds<FolderStateOptions> = { resume: aBoolean, warn: aFunction, words: null };

/** How a program goes on with what a folder keeps. */
export const RESUME = "folderState(folder, { resume: true })";

/**
 * Keeps the work of an evaluation in a folder, from the first batch on: a process that was killed goes on from there, and
 * ends with the same result. A report that is written into the folder takes the place of the state.
 */
export const folderState = (folder: string, options: FolderStateOptions = {}): EvaluationState => {
  checkKind("The folder", folder, ["a path", (value) => typeof value === "string"]);
  checkOptions("folderState", options, KINDS);
  return stateIn(folder, options);
};

const stateIn = (
  folder: string,
  { resume = false, words = null, warn = (message) => process.emitWarning(message) }: FolderStateOptions,
): EvaluationState => ({
  async open(ground) {
    requireUnlocked(folder);
    const heading = resume ? await readHeading(folder) : null;
    if (!heading && existsSync(join(folder, STATE)))
      warn(`${folder} holds a run that was not finished, and that this one replaces. To go on with it: ${RESUME}`);
    const { data, digest } = watched(ground.data);
    const { plan, batch, shard } = ground;
    const extent = extentOf(ground, ground.places);
    const known = await knownFacts(ground);
    if (shard) known.push([SHARD, shardText(shard)]);
    const facts = () => [...known, firstSamples(digest())];
    const options = { extent, warn };
    if (!heading)
      return withData(
        newJournal(folder, () => ({ words, facts: facts() }), options),
        data,
      );
    const { first, total } = extent;
    for await (const _ of data.batches({ batch, offset: plan.offset + first, limit: Math.min(batch, total - first) }))
      break;
    checkFacts(folder, heading.facts, facts());
    return withData(await resumedJournal(folder, heading, options), data);
  },
});

/** The getters of a journal tell how it stands: it is not copied. */
const withData = (journal: Omit<OpenState, "data">, data: OpenState["data"]): OpenState =>
  Object.defineProperty(journal, "data", { value: data }) as OpenState;

/** What the tallies of an evaluation, or of some places of it, hold. */
export const extentOf = (
  { model, plan, batch, total, data, until }: Ground,
  { first, last }: Places = { first: 0, last: total },
): Extent => ({
  ...countsOf(model, plan),
  first,
  total: last,
  batch,
  until,
  shape: model.inputShape,
  shapeAt: shapesFrom(data, plan.offset),
});

/** The fact that tells shards apart. */
export const SHARD = "the shard";

/** All that the result depends on, but for the samples and the shard. */
export async function knownFacts(ground: Ground): Promise<(readonly [string, string])[]> {
  const { model, surrogate } = ground;
  return [
    ...(await factsOf(ground)),
    ...(isGraphModel(model) ? await weightFacts("the model", model.file) : []),
    ...(surrogate && isGraphModel(surrogate) ? await weightFacts("the surrogate", surrogate.file) : []),
  ];
}

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import { placesOf, type Shard, shardText } from "../shard.ts";
import type { EvaluationState } from "../state.ts";
import { digestOf, firstSamples, type Ground } from "./facts.ts";
import { extentOf, knownFacts, SHARD } from "./folder.node.ts";
import { checkFacts, type ReadHeading, readHeading, STATE } from "./heading.node.ts";
import { requireUnlocked } from "./lock.node.ts";
import { readTallies } from "./read.node.ts";

/** What to do about a shard of another run. */
export const ADVICE =
  "Shards have to agree in all of this; files may have other names and places. Run the shard again like the others.";

interface KeptShard extends Shard {
  readonly folder: string;
  readonly heading: ReadHeading;
}

/**
 * The shards of one evaluation, each in its folder, as the state of the whole: nothing is left to be measured. They stay as they are.
 * Opening @throws not-found for a folder without a state; usage for a shard that is missing, doubled or not finished, or whose run is under way;
 * mismatch for one of another evaluation; invalid-file
 */
export const shardStates = (folders: readonly string[]): EvaluationState => ({
  async open(ground) {
    const shards = inOrder(await Promise.all(folders.map(keptShard)));
    const known = await knownFacts(ground);
    for (const { folder, heading, ...shard } of shards) {
      const facts = [...known, [SHARD, shardText(shard)] as const, await firstSamplesOf(ground, shard)];
      checkFacts(folder, heading.facts, facts, ADVICE);
    }
    let seconds = 0;
    return {
      data: ground.data,
      began: new Date(Math.min(...shards.map(({ heading }) => Date.parse(heading.began)))),
      get seconds() {
        return seconds;
      },
      saved: false,
      resumed: ground.total,
      async *done() {
        for (const shard of shards) {
          let spent = 0;
          for await (const { tally, ...kept } of talliesOf(shard, ground)) {
            spent = kept.seconds;
            yield tally;
          }
          seconds += spent;
        }
      },
      async keep() {
        throw new PerturbError("internal", "All batches of all shards were done. Report this.");
      },
      close: async () => undefined,
      release: () => undefined,
    };
  },
});

async function keptShard(folder: string): Promise<KeptShard> {
  await requireUnlocked(folder);
  const heading = await readHeading(folder);
  if (!heading)
    throw new PerturbError(
      "not-found",
      `${folder} holds no shard: there is no ${STATE} in it. Give the folders that runs with ${option("shard")} wrote.`,
      { data: { folder } },
    );
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(new Map(heading.facts).get(SHARD) ?? "") ?? [];
  if (index === undefined)
    throw new PerturbError(
      "usage",
      `${folder} holds a run of all samples, and no shard of one. Go on with it by itself, with ${option("resume")}.`,
      { data: { folder } },
    );
  return { folder, heading, index: Number(index), count: Number(count) };
}

/** @throws usage unless each shard is there, once */
export function inOrder<S extends Shard & { readonly folder: string }>(shards: readonly S[]): S[] {
  const [one] = shards;
  if (!one) throw new PerturbError("usage", "Give the folders of the shards that are to be merged.");
  const other = shards.find(({ count }) => count !== one.count);
  if (other)
    throw new PerturbError(
      "usage",
      `${one.folder} is shard ${shardText(one)}, and ${other.folder} is shard ${shardText(other)}: they are of runs that were split differently.`,
    );
  const sorted = [...shards].sort((a, b) => a.index - b.index);
  const twice = sorted.find(({ index }, k) => index === sorted[k + 1]?.index);
  if (twice)
    throw new PerturbError(
      "usage",
      `${twice.folder} and ${sorted[sorted.indexOf(twice) + 1]!.folder} are both shard ${shardText(twice)}. Give each shard once.`,
    );
  const given = new Set(sorted.map(({ index }) => index));
  const missing = Array.from({ length: one.count }, (_, k) => k + 1).filter((index) => !given.has(index));
  if (missing.length > 0)
    throw new PerturbError(
      "usage",
      `Of ${one.count} shards, ${missing.length === 1 ? "one is" : `${missing.length} are`} missing: ${missing
        .slice(0, 8)
        .map((index) => shardText({ index, count: one.count }))
        .join(", ")}${missing.length > 8 ? ", …" : ""}.`,
      { data: { missing } },
    );
  return sorted;
}

/** Of the samples that a shard begins with. */
async function firstSamplesOf({ data, plan, ...ground }: Ground, shard: Shard): Promise<readonly [string, string]> {
  const { first, last } = placesOf(shard, extentOf({ data, plan, ...ground }));
  const range = { batch: ground.batch, offset: plan.offset + first, limit: Math.min(ground.batch, last - first) };
  for await (const batch of data.batches(range)) return firstSamples(await digestOf(batch));
  return firstSamples(null);
}

/** The batches of a shard. @throws usage where some are not there; invalid-file */
async function* talliesOf({ folder, heading, ...shard }: KeptShard, ground: Ground) {
  const path = join(folder, STATE);
  const extent = extentOf(ground, placesOf(shard, extentOf(ground)));
  let file: FileHandle | undefined;
  let done = 0;
  try {
    file = await open(path);
    for await (const kept of readTallies(file, heading, extent, path)) {
      done += kept.tally.total;
      yield kept;
    }
  } finally {
    await file?.close();
  }
  if (done < extent.total - extent.first)
    throw new PerturbError(
      "usage",
      `Shard ${shardText(shard)} in ${folder} is not finished: ${done} of ${extent.total - extent.first} samples are done. Go on with it first (${option("resume", folder)}).`,
      { data: { folder, done } },
    );
}

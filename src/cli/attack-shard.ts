import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, PerturbError } from "../errors.ts";
import type { AdversarialExamples } from "../evaluate/adversarial.ts";
import { type Shard, shardText } from "../evaluate/shard.ts";
import type { AttackShard } from "../evaluate/state/decode.ts";
import type { Ground } from "../evaluate/state/facts.ts";
import { option } from "../option.ts";
import type { Count } from "./attack-counts.ts";
import type { OpenedModel } from "./opening/opened.ts";

/** Beside the examples of a shard: which part of which run they are. */
export const SHARD_FILE = "shard.json";

/** A part of the examples of `perturb attack`, in its folder. */
export interface KeptAttack extends AttackShard, Shard {
  readonly folder: string;
}

interface Part {
  readonly shard: Shard;
  readonly model: OpenedModel;
  readonly surrogate: Ground["surrogate"];
  readonly pictures: boolean;
}

/** Says beside the examples of a shard which part of which run they are. */
export async function keepShard(
  folder: string,
  examples: AdversarialExamples,
  counts: readonly Count[],
  { shard, model, surrogate, pictures }: Part,
): Promise<void> {
  const [{ knownFacts }, { digestOf, firstSamples }, { subjectOf }] = await Promise.all([
    import("../evaluate/state/folder.node.ts"),
    import("../evaluate/state/facts.ts"),
    import("../evaluate/results/subject.ts"),
  ]);
  const { data, plan, batch, places } = examples;
  const facts = await knownFacts({ ...examples, model, surrogate, subject: await subjectOf(model) });
  let digest: string | null = null;
  // Of the whole run, so that shards of other data differ in it.
  for await (const first of data.batches({ batch, offset: plan.offset, limit: batch })) {
    digest = await digestOf(first);
    break;
  }
  const kept = {
    "perturb attack": 1,
    shard: shardText(shard),
    samples: places.last - places.first,
    facts: [...facts, firstSamples(digest)].map(([name, value]) => [name, value]),
    epsilons: counts.map((count, k) => ({ epsilon: plan.epsilons[k]!, ...count })),
    pictures,
  } satisfies AttackShard;
  await writeFile(join(folder, SHARD_FILE), `${JSON.stringify(kept, null, 2)}\n`);
}

/** @throws not-found, invalid-file */
export async function readShard(folder: string): Promise<KeptAttack> {
  const path = join(folder, SHARD_FILE);
  const { attackShardSchema, prettify } = await import("../evaluate/state/decode.ts");
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw unfit(path, messageOf(cause));
    throw new PerturbError(
      "not-found",
      `${path} cannot be read: ${messageOf(cause)}. Give the folders that perturb attack --shard wrote.`,
      { data: { path }, cause },
    );
  }
  const parsed = attackShardSchema.safeParse(value);
  if (!parsed.success) throw unfit(path, prettify(parsed.error));
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(parsed.data.shard) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (!(shard.index >= 1 && shard.index <= shard.count)) throw unfit(path, `"${parsed.data.shard}" is no shard`);
  const { epsilons, facts } = parsed.data;
  if (epsilons.map(({ epsilon }) => epsilon).join(",") !== new Map(facts).get(option("epsilons")))
    throw unfit(path, "it has other ε than its run");
  return { ...parsed.data, ...shard, folder };
}

export const unfit = (path: string, problem: string): PerturbError =>
  new PerturbError(
    "invalid-file",
    `${path} is no part of what perturb attack --shard wrote: ${problem}. Run it anew.`,
    {
      data: { path },
    },
  );

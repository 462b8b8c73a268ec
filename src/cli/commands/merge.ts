import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import type { Count } from "../attack-counts.ts";
import { SHARD_FILE } from "../attack-shard.ts";
import { interruptible } from "../interrupt.ts";
import type { certifyOptions } from "../options/certify-options.ts";
import type { Given } from "../options/evaluate-options.ts";
import { group, withGroups } from "../options/group.ts";
import { outputOptions } from "../options/groups.ts";
import { helpText, prose } from "../output.ts";

type CertifyGiven = ReturnType<ReturnType<typeof certifyOptions>["opts"]>;

export const mergeCommand = withGroups(
  new Command("merge")
    .description(
      prose(`Makes one report of the shards of an evaluation, which perturb evaluate or certify wrote with --shard, in any place and order. It is the report that one
run of all samples writes, but for its times. A shard that is missing, given twice, not finished or of another evaluation is refused. The shards stay
as they are. The model is run for the checks that follow an evaluation, so it and the data have to be at hand. Of shards of perturb attack, it makes the
files that one run writes; model and data are not needed.`),
    )
    .addArgument(new Argument("<dir...>", "The folders of all shards."))
    .option(
      "--out <dir>",
      "The folder of the report, needed unless --json is given. Of perturb attack, a new folder or a .npz file.",
    )
    .addHelpText("after", () =>
      helpText(`
Without --model and --data, they are where the first shard found them.

Examples:
  perturb evaluate --model net.onnx --data images/ --attack autoattack --eps 8/255 --shard 1/2 --out runs/net-1
  perturb evaluate --model net.onnx --data images/ --attack autoattack --eps 8/255 --shard 2/2 --out runs/net-2
  perturb merge runs/net-1 runs/net-2 --out runs/net
  perturb merge adversarial-1 adversarial-2 --out adversarial.npz`),
    ),
  group("Model").option("--model <file|name>", "Where the model lies now."),
  group("Data")
    .option("--data <name|path>", "Where the data lie now.")
    .option("--labels <file>", "Where the file of labels lies now.")
    .option("--classes <file>", "Where the list of classes lies now."),
  outputOptions(),
).action(async (folders, given, command) =>
  interruptible(async (beforeExit) => {
    const { out, json } = given;
    if (existsSync(join(folders[0]!, SHARD_FILE))) return mergeExamples(folders, out, command);
    if (out === undefined && json === undefined)
      throw new PerturbError(
        "usage",
        "Give the folder of the report, --out DIR, or a file for the result, --json FILE.",
      );
    if (out !== undefined && folders.some((folder) => resolve(folder) === resolve(out)))
      throw new PerturbError("usage", `${out} holds one of the shards. Give another folder for the report.`);
    const [{ merging }, { commandOf, keptBatch, mergedOptions, takeUp }, { asEvaluation }] = await Promise.all([
      import("../evaluating.ts"),
      import("../resume.ts"),
      import("../options/certify-options.ts"),
    ]);
    const words = await wordsOf(folders[0]!, takeUp);
    const { shard: _, ...own }: Record<string, unknown> = { ...mergedOptions(command, given, words, folders[0]!) };
    const name = commandOf(words);
    // What the parsers of the two commands made of the words.
    const asked = name === "certify" ? asEvaluation(own as unknown as CertifyGiven) : (own as unknown as Given);
    const batch = asked.batch ?? (await keptBatch(folders[0]!));
    process.exitCode = await merging(
      { name, gate: name === "certify" ? "certified" : "robust" },
      { ...asked, ...(batch !== undefined && { batch }) },
      { words: withoutShard(words), folder: out, shards: folders },
      beforeExit,
    );
  }),
);

/** Of shards of `perturb attack`. @throws usage, mismatch, not-found, invalid-file */
async function mergeExamples(
  folders: readonly string[],
  out: string | undefined,
  command: CommandUnknownOpts,
): Promise<void> {
  const given = command.options.filter((one) => command.getOptionValueSource(one.attributeName()) === "cli");
  const idle = given.find(({ long }) => long !== "--out" && long !== "--quiet");
  if (idle)
    throw new PerturbError(
      "usage",
      `${idle.long} is for shards of an evaluation, and ${folders[0]} is one of perturb attack. Leave it out.`,
    );
  if (out === undefined)
    throw new PerturbError("usage", "Give the folder of the examples, --out DIR, or one file, --out FILE.npz.");
  const [{ mergeAttacks }, { printCounts }] = await Promise.all([
    import("../attack-merge.ts"),
    import("../attack-counts.ts"),
  ]);
  const shards = await mergeAttacks(folders, out);
  const counts = shards[0]!.epsilons.map((_, k) => {
    const sum = (name: keyof Count) => shards.reduce((total, { epsilons }) => total + epsilons[k]![name], 0);
    return { correct: sum("correct"), fooled: sum("fooled"), survived: sum("survived") };
  });
  const eps = shards[0]!.epsilons.map(({ epsilon }) => epsilon);
  await printCounts({ eps, png: shards[0]!.pictures || undefined }, counts, out);
}

/** The command line of a shard. @throws as `takeUp`; not-found and usage where there is no shard */
async function wordsOf(
  folder: string,
  takeUp: (folder: string) => Promise<readonly string[] | null>,
): Promise<readonly string[]> {
  const words = await takeUp(folder).catch((cause: unknown) => {
    if (!(cause instanceof PerturbError && cause.code === "not-found")) throw cause;
    throw new PerturbError("not-found", `${folder} holds no shard. Give the folders that --shard wrote.`, {
      cause,
      data: { folder },
    });
  });
  if (words) return words;
  throw new PerturbError("usage", `${folder} holds a report, and no shard. Give the folders that --shard wrote.`, {
    data: { folder },
  });
}

/** The command line that gives the same in one run. */
function withoutShard(words: readonly string[]): string[] {
  const left: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--shard" || word === "--out") i++;
    else if (!/^--(shard|out)=/.test(word)) left.push(word);
  }
  return left;
}

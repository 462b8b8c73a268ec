import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { epsilonText } from "../epsilons.ts";
import { messageOf, PerturbError } from "../errors.ts";
import type { Compared } from "../evaluate/compare.ts";
import type { HardenCheckpoint, HardenFacts } from "../harden/checkpoint.ts";
import { methods } from "../harden/methods/index.ts";
import type { Hardened } from "../harden/run.ts";
import { type HardenEpoch, usualNorm } from "../harden.ts";
import { quote } from "../report/files/command.ts";
import { sha256, sha256Each } from "../sha256.ts";
import { printComparison } from "./comparison.ts";
import { EXIT } from "./exit.ts";
import { compareHardened } from "./harden-comparison.ts";
import { type HardenAsked, type HardenGiven, openTraining } from "./opening/training.ts";
import { hardenOptions } from "./options/harden-options.ts";
import { complain, print, tell } from "./output.ts";
import { type ProgressLine, progressLine, silent } from "./progress.ts";
import { ownWords } from "./self.ts";
import { startRuntimes } from "./training-runtimes.ts";

/** Runs `perturb harden`. */
export async function hardening(
  model: string | undefined,
  given: HardenGiven,
  command: CommandUnknownOpts,
  signal: AbortSignal,
): Promise<void> {
  const { createHardening, modelPath, openHardening, saveHardening, writeModel, writeResult } = await import(
    "../harden/folder.node.ts"
  );
  const resumed = given.resume === undefined ? undefined : await openHardening(given.resume);
  const asked = resumed ? askedAgain(resumed, given, command, model) : askedNow(model, given);
  const words = resumed?.words ?? ownWords();
  const { folder } = asked;
  const opened = await openTraining(asked);
  const { LOCK, lock } = await import("../evaluate/state/lock.node.ts");
  let discard = (): void => undefined;
  if (resumed) (await import("../harden/checkpoint.ts")).checkFacts(resumed.facts, opened.facts);
  else {
    const { checkedNetwork } = await import("../harden/run.ts");
    const { others } = checkedNetwork({ ...opened.options, runtimes: [opened.runtime] });
    if (others.length > 0)
      complain(
        `warning: ${others.length} tensors that could be trained are inside of functions of the model, and stay as they are: ${others.slice(0, 3).join(", ")}${others.length > 3 ? ", …" : ""}. perturb inspect lists those that are trained.`,
      );
    discard = await createHardening(folder, opened.options.files, LOCK);
  }
  const own = await lock(folder);
  const progress = given.quiet ? silent : progressLine("hardening", "samples");
  const runtimes = await startRuntimes();
  let saved = resumed !== undefined;
  let told = resumed?.state.history.length ?? 0;
  try {
    const { runHardening } = await import("../harden/run.ts");
    const hardened = await runHardening({
      ...opened.options,
      runtimes,
      signal,
      resume: resumed?.state,
      onProgress: ({ done, total, epoch, epochs, score }) =>
        progress.update(done, total, `epoch ${epoch}/${epochs}, loss ${(score.loss / score.total).toFixed(4)}`),
      save: async (state) => {
        own.check();
        await saveHardening(folder, { words, facts: opened.facts, state });
        saved = true;
        if (!given.quiet) for (const epoch of state.history.slice(told)) sayEpoch(epoch, asked.given.epochs, progress);
        told = state.history.length;
      },
    });
    progress.finish();
    if (!saved) await saveHardening(folder, { words, facts: opened.facts, state: hardened.state });
    saved = true;
    await writeModel(folder, "best", hardened);
    await writeModel(folder, "last", { model: hardened.last, files: hardened.lastFiles });
    await writeResult(folder, "history.json", await historyOf(asked, opened.facts, hardened));
    print(`Model: ${folder}/model.onnx (epoch ${hardened.state.best.epoch} of ${asked.given.epochs})`, "");
    if (hardened.state.best.epoch === 0 && asked.given.epochs > 0)
      complain(
        `warning: No epoch was better than the model as it was given, so model.onnx is that model; ${modelPath("last", hardened.files)} is the last epoch. Train longer (--epochs), with another learning rate (--lr), or with another --method.`,
      );
    const { compared, answers } = await compareHardened(asked, opened.test, signal);
    const { comparison } = compared;
    const certified = certifiedOf(compared);
    await writeResult(folder, "comparison.json", { ...comparison, ...certified });
    await printComparison(comparison, "B - A");
    if (certified) print("", ...certifiedLines(certified));
    for (const { message } of comparison.warnings) complain(`warning: ${message}`);
    const { hardeningHtml } = await import("../report/files/hardening.ts");
    const { history, best } = hardened.state;
    const report = { name: asked.model, facts: opened.facts, history, best: best.epoch, compared, answers };
    await writeResult(folder, "report.html", await hardeningHtml(report));
    const attack = `perturb evaluate --model ${quote(`${folder}/model.onnx`)} --attack autoattack --eps ${epsilonText(asked.given.eps)}`;
    print(
      "",
      `Report: ${folder}/report.html`,
      `Under stronger attacks: ${attack} --norm ${asked.given.norm} --limit 200`,
    );
  } catch (error) {
    progress.finish();
    if (!saved || !(error instanceof PerturbError)) throw error;
    if (error.code !== "cancelled") {
      complain(`The state before is saved in ${folder}.`);
      throw error;
    }
    tell(`Stopped, and saved. Go on with: perturb harden --resume ${quote(folder)}`);
    process.exitCode = EXIT.saved;
  } finally {
    own.release();
    // Nothing is left of a training that ended before anything of it was saved.
    if (!saved) discard();
    for (const runtime of runtimes) await runtime.close();
  }
}

/** Certified accuracies of both at each ε, where they were asked for. */
function certifiedOf({ results }: Compared) {
  const [before, after] = results.map(({ evaluation }) =>
    evaluation.worst.flatMap(({ epsilon, certified }) => (certified ? [{ epsilon, ...certified }] : [])),
  );
  return before!.length > 0 ? { certified: { before: before!, after: after! } } : undefined;
}

const certifiedLines = ({ certified: { before, after } }: NonNullable<ReturnType<typeof certifiedOf>>): string[] =>
  after.map(({ epsilon, correct, total }, k) => {
    const share = (count: number): string => `${((100 * count) / total).toFixed(2)}%`;
    return `proven to stay correct at ε = ${epsilonText(epsilon)}: ${share(before[k]!.correct)} before, ${share(correct)} after`;
  });

function askedNow(model: string | undefined, given: HardenGiven): HardenAsked {
  const { eps, out } = given;
  if (model === undefined)
    throw new PerturbError(
      "usage",
      "Give the model to harden: perturb harden net.onnx --data train/ --eps 8/255 --out DIR.",
    );
  if (eps === undefined) throw new PerturbError("usage", "Give the ε to train for, such as --eps 0.1 or --eps 8/255.");
  if (out === undefined) throw new PerturbError("usage", "Give the folder of the result: --out DIR.");
  const norm = given.norm ?? usualNorm(methods[given.method]);
  return { model, given: { ...given, eps, norm }, folder: out };
}

/** What a saved run was asked for. @throws usage where more is given than where it lies; invalid-file */
function askedAgain(
  { words }: HardenCheckpoint,
  now: HardenGiven,
  command: CommandUnknownOpts,
  model: string | undefined,
): HardenAsked {
  const more = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map((option) => option.long)
    .filter((long) => long !== "--resume" && long !== "--quiet");
  if (model !== undefined || more.length > 0)
    throw new PerturbError(
      "usage",
      `A hardening goes on with its own options. Leave ${[...(model === undefined ? [] : ["the model"]), ...more].join(", ")} out, or start anew without --resume.`,
    );
  const silence = { writeErr: () => undefined, writeOut: () => undefined };
  const parsed = hardenOptions().exitOverride().configureOutput(silence);
  try {
    parsed.parse(words[0] === "harden" ? words.slice(1) : [...words], { from: "user" });
    return { ...askedNow(parsed.args[0], parsed.opts()), folder: now.resume! };
  } catch (cause) {
    throw new PerturbError(
      "invalid-file",
      `The hardening in ${now.resume} was begun with options that are unknown here: ${messageOf(cause)} Start anew without --resume.`,
      { cause, data: { words } },
    );
  }
}

async function historyOf(
  { model }: HardenAsked,
  facts: HardenFacts,
  { state, network, model: bytes, files }: Hardened,
) {
  return {
    schema: 1,
    name: model,
    hardened: await sha256(bytes),
    ...(files.size > 0 && { hardenedWeights: await sha256Each(files) }),
    ...facts,
    parameters: network.parameters.map(({ name, dims, type, role }) => ({ name, dims, type, role })),
    best: state.best.epoch,
    epochs: state.history,
  };
}

function sayEpoch(
  { epoch, training, validation, rolledBackTo }: HardenEpoch,
  epochs: number,
  line: ProgressLine,
): void {
  const percent = (count: number) => `${((100 * count) / validation.total).toFixed(1)} %`;
  const loss = training ? `loss ${training.loss.toFixed(4)}` : "as given";
  const { clean, fgsm, pgd, certified, smoothed } = validation;
  const proven = certified === undefined ? "" : `, by bounds ${percent(certified)}`;
  const noisy = smoothed === undefined ? "" : `, smoothed ${percent(smoothed)}`;
  line.finish();
  print(
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}: ${loss}; held out: clean ${percent(clean)}, FGSM ${percent(fgsm)}, PGD-10 ${percent(pgd)}${proven}${noisy}`,
  );
  if (rolledBackTo !== undefined)
    complain(
      `warning: catastrophic overfitting: FGSM no longer fools the model and PGD-10 does. The weights of epoch ${rolledBackTo} are taken back. Train with --method pgd or n-fgsm, or a lower --lr.`,
    );
}

import { Argument, Option } from "@commander-js/extra-typings";
import { type AttackName, attacks } from "../../attacks/index.ts";
import { didYouMean, PerturbError } from "../../errors.ts";
import type { NormName } from "../../norm.ts";
import type { Device } from "../../runtime.ts";
import { parseEpsilons, parseFailUnder, parseNumbers, parseShape, wholeNumber } from "./values.ts";

/** Options that several commands share, each defined once. */
export const options = {
  model: () =>
    new Option(
      "--model <file|name>",
      "the model: .onnx, weights with --arch, a bundled name, or http(s)://… of an inference server",
    ).default("lenet-mnist"),
  arch: () =>
    // Checked when the model is opened: to know the networks costs a third of the start-up time.
    new Option("--arch <name>", "the network that a file of weights belongs to, such as lenet"),
  inputName: () => new Option("--input-name <name>", "the input to perturb, where the model has several"),
  feed: () =>
    new Option("--feed <name=file.npy>", "what another input holds, the same for every sample; may be repeated")
      .default([] as string[], "none")
      .argParser((text: string, before: string[]) => [...before, text]),
  outputName: () =>
    new Option("--output-name <name>", "the output that holds the class scores, where there are several"),
  data: () => new Option("--data <name|path>", "the data: a known name, a folder, or a file").default("mnist"),
  labels: () => new Option("--labels <file>", "labels, where the data file has none"),
  attack: () =>
    new Option("--attack <names>", "attacks, separated by commas")
      .default(["fgsm"] as AttackName[], "fgsm")
      .argParser(parseAttacks),
  set: () =>
    new Option(
      "--set <attack.option=value>",
      "option of an attack, such as pgd.steps=100; lengths: pgd.stepSize=2/255 is absolute, 0.25eps relative to ε; may be repeated (perturb list attacks shows all)",
    )
      .default([] as string[], "none")
      .argParser((text: string, before: string[]) => [...before, text]),
  norm: () =>
    new Option("--norm <norm>", "what ε measures")
      .choices(["linf", "l2", "l1", "l0", "spatial"] as const satisfies readonly NormName[])
      .default("linf" as const),
  eps: () =>
    new Option("--eps <list|from:to:step>", "perturbation budgets; fractions such as 8/255 too")
      .argParser(parseEpsilons)
      .default([0.05, 0.1, 0.15, 0.2, 0.25, 0.3] as number[], "0.05,0.1,0.15,0.2,0.25,0.3"),
  target: () => new Option("--target <class>", "aim at this class instead of any wrong one").argParser(wholeNumber(0)),
  surrogate: () =>
    new Option("--surrogate <file|name>", "another model, which transfer attacks work on in place of the one attacked"),
  eot: () =>
    new Option("--eot <n>", "average the gradients and logits of a randomised model over n draws")
      .argParser(wholeNumber(1))
      .default(1),
  levels: () =>
    new Option("--levels <n>", "values that a pixel may take: 256 for what an 8-bit image can hold").argParser(
      wholeNumber(2),
    ),
  maxQueries: () =>
    new Option(
      "--max-queries <n>",
      "questions that each attack may ask about a sample; a gradient counts as one",
    ).argParser(wholeNumber(1)),
  certified: () =>
    new Option(
      "--certified <file>",
      "lines of INDEX,RADIUS: radii within which samples are certified, to be contradicted",
    ),
  header: () =>
    new Option("--header <name: value>", "sent with each request to a model behind an address; may be repeated")
      .default([] as string[], "none")
      .argParser((text: string, before: string[]) => [...before, text]),
  timeout: () =>
    new Option("--timeout <seconds>", "that a request to a model behind an address may take (default: 30)").argParser(
      wholeNumber(1),
    ),
  retries: () =>
    new Option("--retries <n>", "repetitions of a request that failed (default: 5)").argParser(wholeNumber(0)),
  junit: () => new Option("--junit <file|->", "write the result as JUnit XML, for build servers; - for stdout"),
  limit: () => new Option("--limit <n>", "use at most n samples").argParser(wholeNumber(1)),
  offset: () => new Option("--offset <n>", "skip the first n samples").argParser(wholeNumber(0)).default(0),
  batch: () => new Option("--batch <n>", "samples at a time; does not change the result").argParser(wholeNumber(1)),
  seed: () => new Option("--seed <n>", "seed of all randomness").argParser(wholeNumber(0)).default(0),
  device: () =>
    new Option("--device <device>", "where graphs run")
      .choices(["cpu", "webgpu", "cuda"] as const satisfies readonly Device[])
      .default("cpu" as const),
  mean: () =>
    new Option("--mean <values>", "subtracted from pixels before the model, one value or one a channel").argParser(
      parseNumbers,
    ),
  std: () => new Option("--std <values>", "pixels are divided by it after --mean").argParser(parseNumbers),
  shape: () =>
    new Option("--shape <c,h,w>", "shape of one sample, where model and data leave it open").argParser(parseShape),
  failUnder: () =>
    new Option("--fail-under <acc@eps>", "exit with 1 when accuracy at eps is below acc").argParser(parseFailUnder),
  json: () => new Option("--json <file|->", "write the result as JSON; - for stdout"),
  quiet: () => new Option("--quiet", "no progress"),
};

export const modelArgument = () => new Argument("<model>", "the model: .onnx, weights with --arch, or a bundled name");

function parseAttacks(text: string): AttackName[] {
  return text.split(",").map((name) => {
    if (Object.hasOwn(attacks, name)) return name as AttackName;
    throw new PerturbError(
      "usage",
      `There is no attack named "${name}". Known: ${Object.keys(attacks).join(", ")}.${didYouMean(name, Object.keys(attacks))}`,
    );
  });
}

import { basename, dirname, resolve } from "node:path";
import { Argument, Command } from "@commander-js/extra-typings";
import type { Answer } from "../../certify/verify/answer.ts";
import { PerturbError } from "../../errors.ts";
import { isBundled } from "../../models/bundled.ts";
import type { Graph } from "../../onnx/graph.ts";
import { EXIT } from "../exit.ts";
import { requireWritable, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { readNetwork, readText } from "../opening/network.ts";
import { commandWords } from "../option-words.ts";
import { isolateOption } from "../options/isolate-option.ts";
import { parseNumber } from "../options/values.ts";
import { complain, helpText, print, prose } from "../output.ts";

export const verifyCommand = new Command("verify")
  .description(
    prose(`Shows whether a network has a property: that no input in a box leads to certain outputs. The property is a VNN-LIB file
(1.0 or 2.0, also .gz), which describes a counterexample. Prints sat with a counterexample, unsat where there is none, unknown,
or timeout. The answer holds for the file as ONNX Runtime's CPU kernels compute it in float32.`),
  )
  .addArgument(new Argument("[model.onnx]", "The network, with one input and one output, or a bundled name."))
  .addArgument(new Argument("[spec.vnnlib]", "The property."))
  .option("--timeout <seconds>", "Give up after this many seconds.", parseNumber, 60)
  .option("--instances <file.csv>", "Answer each line: model, property, seconds. Paths are relative to the file.")
  .option("--out <results.csv>", "With --instances, write the answers as this file: model, property, answer, seconds.")
  .addOption(isolateOption())
  .addHelpText("after", () =>
    helpText(`
A sat answer is followed by the counterexample, as the competition of verifiers wants it. The exit code is 0 for every answer, and 2
where a model or a property cannot be handled.

Examples:
  perturb verify net.onnx property.vnnlib --timeout 116
  perturb verify --instances instances.csv --out results.csv`),
  )
  .action(async (model, spec, given) => interruptible(() => run(model, spec, given)));

interface Given {
  readonly timeout: number;
  readonly instances?: string | undefined;
  readonly out?: string | undefined;
  readonly isolate: boolean;
}

async function run(model: string | undefined, spec: string | undefined, given: Given): Promise<void> {
  if (given.instances !== undefined) {
    if (model !== undefined)
      throw new PerturbError("usage", "--instances names the models and properties. Leave the others out.");
    if (given.out !== undefined) await requireWritable(given.out);
    await runAll(given.instances, given);
    return;
  }
  if (model === undefined || spec === undefined)
    throw new PerturbError("usage", "Give a model and a property: perturb verify net.onnx property.vnnlib.");
  if (given.out !== undefined)
    throw new PerturbError("usage", "--out is for --instances. Redirect the answer instead.");
  const answer = await answerOf(model, spec, given.timeout, { isolate: given.isolate, tried: new Set() });
  print(answer.answer);
  if (answer.answer === "sat") print(...witnessLines(answer.witness));
  else complain(inWords(answer));
}

/** Each instance after the other: what one of them cannot do is its answer, and the others go on. */
async function runAll(file: string, { out, isolate }: Given): Promise<void> {
  const trials = { isolate, tried: new Set<string>() };
  const text = await readText(file);
  const rows: string[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const [model, spec, limit] = line.split(",").map((part) => part.trim());
    if (!model || !spec || !limit || !(Number(limit) > 0))
      throw new PerturbError(
        "invalid-file",
        `${file}, line ${i + 1}: model, property and seconds are expected, got "${line}".`,
      );
    const start = performance.now();
    const at = (path: string) => resolve(dirname(file), path);
    const answer = await answerOf(at(model), at(spec), Number(limit), trials).catch((error: unknown) => {
      if (!(error instanceof PerturbError) || error.code === "internal") throw error;
      complain(`perturb: ${commandWords(error.message)}`);
      process.exitCode = EXIT.usage;
      return { answer: "error" as const };
    });
    const row = [model, spec, answer.answer, ((performance.now() - start) / 1000).toFixed(3)].join(",");
    print(row);
    rows.push(row);
  }
  if (out !== undefined)
    await writeAtomically(out, async (f) => {
      await f.writeFile(`${rows.join("\n")}\n`);
    });
}

/** Whether models are tried in a process of their own, and which have been. */
interface Trials {
  readonly isolate: boolean;
  readonly tried: Set<string>;
}

async function answerOf(model: string, spec: string, timeout: number, trials: Trials): Promise<Answer> {
  const [{ verify }, { readVnnlib }, { nodeRuntime }] = await Promise.all([
    import("../../certify/verify/verify.ts"),
    import("../../certify/vnnlib/read.ts"),
    import("../../runtime/ort.node.ts"),
  ]);
  const property = readVnnlib(await readText(spec), basename(spec));
  const network = await readNetwork(model);
  await tried(network, model, trials);
  return verify(network, property, { runtime: nodeRuntime("cpu", 1), timeout });
}

/** @throws unsafe-file for a model that ends the process which runs it */
async function tried(network: Graph, model: string, { isolate, tried }: Trials): Promise<void> {
  if (!isolate || tried.has(model) || isBundled(model)) return;
  const [{ processTrial }, { tryGraph }] = await Promise.all([
    import("../../runtime/process.node.ts"),
    import("../../models/classifier/trial.ts"),
  ]);
  await processTrial()((runtime) => tryGraph(network, basename(model), runtime));
  tried.add(model);
}

/** ((X_0 0.5) … (Y_0 1)): float32 numbers in as few digits as tell them. */
function witnessLines({ input, output }: { input: Float32Array; output: Float32Array }): string[] {
  const lines = (letter: string, values: Float32Array) => Array.from(values, (v, i) => `(${letter}_${i} ${v})`);
  const all = [...lines("X", input), ...lines("Y", output)];
  return all.map((line, i) => `${i === 0 ? "(" : " "}${line}${i === all.length - 1 ? ")" : ""}`);
}

const inWords = (answer: Exclude<Answer, { answer: "sat" }>): string => {
  if (answer.answer === "unknown") return `perturb: ${answer.reason}.`;
  const boxes = `${answer.domains} ${answer.domains === 1 ? "box" : "boxes"}`;
  const empty =
    answer.answer === "unsat" && answer.empty
      ? ` ${answer.empty === 1 ? "One case has" : `${answer.empty} cases have`} no float32 number in the box, so that nothing had to be shown of it.`
      : "";
  return answer.answer === "unsat"
    ? `perturb: proven over ${boxes}.${empty}`
    : `perturb: ${boxes} were bounded when the time was over.`;
};

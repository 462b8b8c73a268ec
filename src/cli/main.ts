import { Command, type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import { didYouMean, PerturbError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { explain } from "./exit.ts";
import { fold } from "./layout.ts";
import { complain, helpText, toleratePipes, width } from "./output.ts";

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<CommandUnknownOpts>;
}

/** The commands: each a file, loaded when it is asked for, so that every one starts fast. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  evaluate: {
    summary: "measure accuracy under attack (the default command)",
    load: async () => (await import("./commands/evaluate.ts")).evaluateCommand,
  },
  merge: {
    summary: "make one result of the shards of an evaluation, or of an attack",
    load: async () => (await import("./commands/merge.ts")).mergeCommand,
  },
  worker: {
    summary: "work on evaluations that others put into a queue",
    load: async () => (await import("./commands/worker.ts")).workerCommand,
  },
  compare: {
    summary: "compare two models, or two runs, sample by sample",
    load: async () => (await import("./commands/compare.ts")).compareCommand,
  },
  attack: {
    summary: "write adversarial examples to a file, and as pictures",
    load: async () => (await import("./commands/attack.ts")).attackCommand,
  },
  gradient: {
    summary: "save a model's gradient as an ONNX graph, or compute its values",
    load: async () => (await import("./commands/gradient.ts")).gradientCommand,
  },
  inspect: {
    summary: "show what a model holds and whether it can be differentiated",
    load: async () => (await import("./commands/inspect.ts")).inspectCommand,
  },
  saliency: {
    summary: "show which pixels of an image speak for a class",
    load: async () => (await import("./commands/saliency.ts")).saliencyCommand,
  },
  certify: {
    summary: "prove which samples no attack can fool, and up to which ε",
    load: async () => (await import("./commands/certify.ts")).certifyCommand,
  },
  verify: {
    summary: "prove a property of a network, or find a counterexample",
    load: async () => (await import("./commands/verify.ts")).verifyCommand,
  },
  smooth: {
    summary: "write a smoothed classifier, which gives certified radii, as ONNX",
    load: async () => (await import("./commands/smooth.ts")).smoothCommand,
  },
  train: {
    summary: "train a built-in network and save it as ONNX",
    load: async () => (await import("./commands/train.ts")).trainCommand,
  },
  harden: {
    summary: "train a model to withstand attacks: the same ONNX file with better weights",
    load: async () => (await import("./commands/harden.ts")).hardenCommand,
  },
  defend: {
    summary: "put a defence in front of a model, as ONNX nodes that ship",
    load: async () => (await import("./commands/defend.ts")).defendCommand,
  },
  detect: {
    summary: "measure a detector of adversarial samples, also against attacks that know it",
    load: async () => (await import("./commands/detect.ts")).detectCommand,
  },
  calibrate: {
    summary: "mend a model's probabilities by a temperature, in the same ONNX file",
    load: async () => (await import("./commands/calibrate.ts")).calibrateCommand,
  },
  playground: {
    summary: "open a page that attacks a model in the browser",
    load: async () => (await import("./commands/playground.ts")).playgroundCommand,
  },
  list: {
    summary: "list the attacks, data sets, models or operators that are known",
    load: async () => (await import("./commands/list.ts")).listCommand,
  },
};
const DEFAULT = "evaluate";

/** The command line. Gives the exit code by process.exitCode. */
export async function main(argv: readonly string[]): Promise<void> {
  toleratePipes();
  try {
    await (await programFor(argv.slice(2))).parseAsync(argv);
  } catch (error) {
    const { code, text } = explain(error);
    if (text) complain(text);
    process.exitCode = code;
  }
}

/** The program with the one command that these words ask for; of the others, what help says. */
async function programFor([first, second]: readonly string[]): Promise<CommandUnknownOpts> {
  checkCommand(first);
  const wanted = first === "help" ? second : first && Object.hasOwn(COMMANDS, first) ? first : DEFAULT;
  const program: CommandUnknownOpts = new Command("perturb")
    .description("Measure, explain, prove and raise the adversarial robustness of any ONNX classifier.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(oneLine(text)),
      getOutHelpWidth: width,
      getErrHelpWidth: width,
    })
    .configureHelp({ subcommandTerm: (command) => command.name(), formatItem })
    .addHelpText("after", () => helpText(HELP));
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = name === wanted ? await load() : new Command(name);
    program.addCommand(command.summary(summary).copyInheritedSettings(program), { isDefault: name === DEFAULT });
  }
  return program;
}

/** Characters beside the names of options that are worth a column. */
const LEAST_COLUMN = 32;

/** An option and its description side by side; below each other in a narrow terminal. */
const formatItem: Help["formatItem"] = (term, termWidth, description, helper) => {
  const whole = helper.helpWidth ?? 80;
  if (!description || whole - termWidth - 4 >= LEAST_COLUMN)
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  return [`  ${term}`, ...fold(description, whole - 6).map((line) => `      ${line}`)].join("\n");
};

/** Without this, a mistyped command would be an argument too many of the default one. */
function checkCommand(word: string | undefined): void {
  const names = ["help", ...Object.keys(COMMANDS)];
  if (word === undefined || word.startsWith("-") || names.includes(word)) return;
  const hint = /[./\\]/.test(word) ? ` To measure a model: perturb evaluate --model ${word}.` : didYouMean(word, names);
  throw new PerturbError("usage", `There is no command "${word}". Commands: ${names.join(", ")}.${hint}`);
}

/** "perturb: unknown option '--modle' (Did you mean --model?)" */
const oneLine = (text: string): string =>
  `perturb: ${text
    .replace(/^error: /, "")
    .trim()
    .replaceAll(
      /\s*\n\s*/g,
      " ",
    )}${/unknown option '--(perturb|resize|crop|interpolation)'/.test(text) ? OF_PICTURES : ""}${/too many arguments for '(evaluate|attack|certify|smooth)'/.test(text) ? MODEL_BY_OPTION : ""}\n`;

/** Which commands make something of pictures. */
const OF_PICTURES = ". It is for evaluate, attack, compare, gradient and saliency.";

/** What most mean who name a model to a command that takes none by its place. */
const MODEL_BY_OPTION = " Name the model by --model.";

const HELP = `
Without a command, perturb evaluates: "perturb --eps 0.1" is "perturb evaluate --eps 0.1".

Examples:
  perturb                                  the FGSM experiment on LeNet and MNIST
  perturb --model net.onnx --data images/  another model, a folder of images with a sub-folder a class
  perturb inspect net.onnx                 what is in a model, and whether it can be differentiated
  perturb playground                       a page to try attacks by hand, in the browser
  perturb help evaluate                    all options of a command

PERTURB_DATASETS names the folder of the data sets that are installed with the system (/usr/share/datasets without it).

Exit codes: 0 done; 1 --fail-under not met; 2 wrong usage or bad input; 3 interrupted with its state saved;
70 a bug of ours; 130 interrupted.`;

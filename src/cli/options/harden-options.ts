import { Command, Option } from "@commander-js/extra-typings";
import { type MethodName, methods } from "../../harden/methods/index.ts";
import type { TrainingNorm } from "../../harden.ts";
import { columns, helpText, prose } from "../output.ts";
import { modelArgument } from "./definitions.ts";
import { group, only, withGroups } from "./group.ts";
import { dataOptions, graphOptions, outputOptions, pictureOptions, runOptions } from "./groups.ts";
import { namesOf, optimizerOption, rateOption, scheduleOption, weightDecayOption } from "./training.ts";
import { parseAugmentation, parseNumber, wholeNumber } from "./values.ts";

const patterns = (text: string, before: readonly string[]): string[] => [...before, ...text.split(",")];

/** The command without what it does, so that the words of a saved run can be read too. */
export const hardenOptions = () =>
  withGroups(
    new Command("harden")
      .description(
        prose(`Trains a model to withstand attacks, and writes the same ONNX file with better weights: nodes, names and metadata stay, only the
numbers of the weights change. Some samples are held out. After each epoch it measures on them the accuracy clean, under FGSM and under PGD-10,
and keeps the epoch that is best under PGD-10. In the end it attacks the model before and after with PGD, on samples that it never used.`),
      )
      .addArgument(modelArgument().argOptional())
      .addOption(
        new Option(
          "--eps <epsilon>",
          "The budget ε to train for, in units of the input, such as 0.1 or 8/255.",
        ).argParser(parseNumber),
      )
      .addOption(
        new Option(
          "--norm <norm>",
          "The norm that ε is measured in. (default: linf, and l2 of methods for smoothing)",
        ).choices(["linf", "l2", "l1"] as const satisfies readonly TrainingNorm[]),
      )
      .addOption(
        new Option("--method <name>", "How it trains; see below.")
          .choices(namesOf<MethodName>(methods))
          .default("fgsm-rs" as const),
      )
      .addOption(
        new Option("--set <option=value>", "Set an option of the method, such as steps=10 or beta=3. May be repeated.")
          .default([] as string[], "none")
          .argParser((text: string, before: string[]) => [...before, text]),
      )
      .addOption(new Option("--epochs <n>", "How often every sample is seen.").argParser(wholeNumber(0)).default(5))
      .addOption(optimizerOption())
      .addOption(rateOption())
      .addOption(scheduleOption())
      .addOption(weightDecayOption())
      .addOption(
        new Option(
          "--ema <share>",
          "Average the weights: at each step the average keeps this share of itself, such as 0.999. The average is what is measured and written.",
        )
          .argParser(parseNumber)
          .default(0, "no average"),
      )
      .addOption(
        new Option(
          "--augment <changes>",
          "Change pictures at random in each epoch, such as flip,shift=2,crop=4: mirrored left to right; moved by up to so many pixels, 0 coming in; padded by mirrored pixels and cropped.",
        ).argParser(parseAugmentation),
      )
      .addOption(
        new Option(
          "--bn <how>",
          "What becomes of the statistics that BatchNormalization stores: kept, or recomputed on training data after each epoch.",
        )
          .choices(["stored", "recalibrate"] as const)
          .default("stored" as const),
      )
      .addOption(
        new Option("--only <names>", "Train only these weights: names with * for any characters, separated by commas.")
          .default([] as string[], "all")
          .argParser(patterns),
      )
      .addOption(
        new Option("--freeze <names>", "Leave these weights as they are: names with * for any characters.")
          .default([] as string[], "none")
          .argParser(patterns),
      )
      .addOption(
        new Option("--validation <n>", "Hold out n samples to choose the epoch by.")
          .argParser(wholeNumber(1))
          .default(1000),
      )
      .addOption(
        new Option(
          "--test <name|path>",
          "The data of the comparison in the end. (default: the test set of a known data set; of other data, as many samples again are held out)",
        ),
      )
      .addOption(
        new Option("--test-limit <n>", "Compare on at most n samples.").argParser(wholeNumber(1)).default(1000),
      )
      .option("--certify", "Prove, too, how many samples keep their class, before and after: see perturb certify.")
      .option("--out <dir>", "The folder of the result. Needed, unless --resume names one.")
      .option("--resume <dir>", "Go on with a hardening that was interrupted, with its own options.")
      .addHelpText("after", () =>
        helpText(`
Methods (--method), and what each costs in forward-and-backward passes a sample:

${methodTable()}

Which one? fgsm-rs first: it is the cheapest, and gets most of the robustness. pgd or trades where the last points count, or where fgsm-rs
overfits (FGSM stops fooling the model and PGD does not: then it says so, and takes the weights of the best epoch back); n-fgsm and grad-align
are made against that. ibp, crown-ibp or sabr where the result is
to be proven by perturb certify: it needs more epochs, and the best one is that with most samples that bounds certify. A large ε costs
clean accuracy. gaussian, smooth-adv and consistency train the classifier that perturb certify --smoothing proves, with --set sigma=0.5 as there,
in L2: --eps is the radius that the best epoch holds most samples at. ε = 0.1 on MNIST and 2/255 to 8/255 on photos are common.

warmup and ramp are shares of the training, from 0 to 1: ε is 0 for the first, and then rises along a line. docs/hardening.md says more of the methods.

The folder gets model.onnx (the weights of the best epoch), last.onnx (of the last one), history.json (accuracies after each epoch),
comparison.json (before against after, with McNemar's test), report.html (all of it as a page, with what no longer fools), and checkpoint.safetensors, from which --resume goes on after Ctrl-C or a crash.
Weights that the model keeps in other files are copied beside it; last/ then holds the last epoch, with its own.
The same options give the same files, byte for byte, interrupted or not. --epochs 0 gives the file back as it is.

Which weights can be trained, perturb inspect tells, and perturb inspect --json lists. Integer-quantised models are refused:
harden the float model, and quantise the result.

Examples:
  perturb harden lenet-mnist --data mnist --eps 0.1 --lr 0.01 --epochs 3 --out runs/hard
  perturb harden net.onnx --data train/ --eps 8/255 --method trades --set beta=3 --out runs/trades
  perturb harden net.onnx --data train/ --eps 4/255 --only "head.*" --lr 0.0005 --out runs/head
  perturb harden net.onnx --data mnist --eps 0.1 --method ibp --set radius=1.2eps --epochs 8 --certify --out runs/ibp
  perturb harden --resume runs/trades                   after Ctrl-C
  perturb evaluate --model runs/hard/model.onnx --attack autoattack --eps 0.1 --limit 1000`),
      ),
    only(
      graphOptions(),
      "arch",
      "inputName",
      "outputName",
      "head",
      "preprocess",
      "mean",
      "std",
      "scale",
      "channels",
      "bounds",
      "shape",
    ),
    only(dataOptions(), "data", "labels", "classes", "limit"),
    pictureOptions(),
    group("Run").addOption(
      new Option("--batch <n>", "Samples a step: another number is another training.")
        .argParser(wholeNumber(1))
        .default(128),
    ),
    only(runOptions(), "seed"),
    only(outputOptions(), "quiet"),
  );

function methodTable(): string {
  const rows = namesOf<MethodName>(methods).map((name) => {
    const { title, passes, defaults } = methods[name];
    const set = Object.entries(defaults).map(([option, value]) => `${option}=${value}`);
    return [name, title, passes, set.join(", ")];
  });
  return columns([["method", "what it is", "passes", "options"], ...rows])
    .map((line) => `  ${line}`)
    .join("\n");
}

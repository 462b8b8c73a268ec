import { Command, Option } from "@commander-js/extra-typings";
import { prose } from "../output.ts";
import { options } from "./options.ts";

/** `perturb evaluate`, without what it does: also for reading the options of a run that goes on. */
export const evaluateOptions = () =>
  new Command("evaluate")
    .description(
      prose(`Measures the accuracy of a classifier, clean and under attack, with 95 % intervals. Only samples that are right
when clean are attacked, and accuracy counts over all samples. With several attacks, each sample meets them in order until
it falls, and the worst case for each sample is the headline. Without any option: the FGSM experiment, LeNet on the
MNIST test set, L-infinity, ε from 0.05 to 0.3.

ε, bounds and pictures are in pixels from 0 to 1. A model that wants them normalized gets --mean and --std.`),
    )
    .addOption(options.model())
    .addOption(options.arch())
    .addOption(options.inputName())
    .addOption(options.feed())
    .addOption(options.outputName())
    .addOption(options.data())
    .addOption(options.labels())
    .addOption(options.attack())
    .addOption(options.set())
    .addOption(options.norm())
    .addOption(options.eps())
    .addOption(options.target())
    .addOption(options.surrogate())
    .addOption(options.eot())
    .addOption(options.levels())
    .addOption(options.maxQueries())
    .addOption(options.certified())
    .addOption(options.limit())
    .addOption(options.offset())
    .addOption(options.batch())
    .addOption(options.seed())
    .addOption(options.device())
    .addOption(options.mean())
    .addOption(options.std())
    .addOption(options.shape())
    .addOption(options.header())
    .addOption(options.timeout())
    .addOption(options.retries())
    .option("--out <dir>", "folder of the report (default: runs/MODEL-DATA-ATTACK-NORM; none with --json)")
    .addOption(
      new Option("--resume <dir>", "go on with the run that was ended in this folder, with its own options").conflicts(
        "out",
      ),
    )
    .addOption(options.json())
    .addOption(options.junit())
    .addOption(options.failUnder())
    .addOption(options.quiet())
    .addHelpText(
      "after",
      `
Examples:
  perturb evaluate                                      the FGSM experiment on MNIST
  perturb evaluate --model net.onnx --data images/ --eps 1/255,2/255,4/255,8/255
  perturb evaluate --model net.pth --arch lenet --data mnist --json -
  perturb evaluate --model net.onnx --data test.npz --fail-under 50%@8/255 --quiet
  perturb evaluate --model net.onnx --data images/ --attack autoattack --eps 8/255
  perturb evaluate --model http://localhost:8000/v2/models/net --data images/ --attack square,hopskipjump
  perturb evaluate --resume runs/net                    after Ctrl-C, a power cut, a full disk

A run keeps its work in the folder of its report until that is written.`,
    );

export type Given = ReturnType<ReturnType<typeof evaluateOptions>["opts"]>;

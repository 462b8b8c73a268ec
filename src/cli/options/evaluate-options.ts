import { Command, Option } from "@commander-js/extra-typings";
import { helpText, prose } from "../output.ts";
import { options } from "./definitions.ts";
import { group, withGroups } from "./group.ts";
import {
  attackOptions,
  dataOptions,
  endpointOptions,
  graphOptions,
  modelOptions,
  outputOptions,
  pictureOptions,
  runOptions,
} from "./groups.ts";
import { perturbOption } from "./perturb-option.ts";
import { parseHalfWidth, parseShard } from "./values.ts";

const certifiedOption = () =>
  group("Certificates")
    .addOption(options.certify())
    .addOption(options.largest())
    .addOption(options.splits())
    .addOption(options.certified());
export const resumeOption = () =>
  group("Run").addOption(
    new Option("--resume <dir>", "Go on with the run that stopped in this folder, with its own options.").conflicts(
      "out",
    ),
  );
export const untilOption = () =>
  group("Run").addOption(
    new Option(
      "--until <±share>",
      "End once the interval of every accuracy is this short, such as ±1%, or 0.01. Samples come in a random order, drawn by --seed; --limit is the most. The intervals hold whenever a run ends (a confidence sequence).",
    ).argParser(parseHalfWidth),
  );
export const shardOption = () =>
  group("Run").addOption(
    new Option(
      "--shard <i/n>",
      "Work on the i-th of n parts of the samples, on this machine or another, and keep it in the folder of --out. perturb merge makes the report of all. Give --batch where machines differ.",
    )
      .argParser(parseShard)
      .conflicts(["json", "junit", "failUnder"]),
  );
export const queueOption = () => group("Run").addOption(options.queue().conflicts("shard"));
export const reportOption = () =>
  group("Output").option(
    "--out <dir>",
    "The folder of the report. (default: runs/MODEL-DATA-ATTACK-NORM; none with --json)",
  );

/** `perturb evaluate`, without what it does: also for reading the options of a run that goes on. */
export const evaluateOptions = () =>
  withGroups(
    new Command("evaluate")
      .description(
        prose(`Measures the clean and the robust accuracy of a classifier, with 95 % intervals. Only samples that are correct are
attacked; accuracy is a share of all samples. With several attacks, every sample is attacked by one after the other until
one succeeds. Robust accuracy counts the samples that none could fool. Without any option, it runs the FGSM experiment: LeNet
on the MNIST test set, L-infinity, ε from 0.05 to 0.3.

ε and the bounds are in units of pixels from 0 to 1. If the model wants normalized pixels, give --mean and --std.`),
      )
      .addHelpText("after", () =>
        helpText(`
Examples:
  perturb evaluate                                      the FGSM experiment on MNIST
  perturb evaluate --model net.onnx --data images/ --eps 1/255,2/255,4/255,8/255
  perturb evaluate --model net.pth --arch lenet --data mnist --json -
  perturb evaluate --model net.onnx --data test.npz --fail-under 50%@8/255 --quiet
  perturb evaluate --model net.onnx --data images/ --attack autoattack --eps 8/255
  perturb evaluate --model http://localhost:8000/v2/models/net --data images/ --attack square,hopskipjump
  perturb evaluate --model net.onnx --data images/ --attack autoattack --until ±1%
  perturb evaluate --resume runs/net                    after Ctrl-C, a power cut, a full disk
  perturb evaluate --model net.onnx --data images/ --shard 1/2 --out runs/net-1
  perturb merge runs/net-1 runs/net-2 --out runs/net     one report of both parts
  perturb evaluate --model net.onnx --data images/ --queue redis://queue.example:6379

A run saves its work in the folder of its report until the report is written.`),
      ),
    modelOptions(),
    graphOptions(),
    endpointOptions(),
    dataOptions(),
    pictureOptions(),
    perturbOption(),
    attackOptions(),
    certifiedOption(),
    runOptions(),
    untilOption(),
    resumeOption(),
    shardOption(),
    queueOption(),
    reportOption(),
    outputOptions(),
  );

export type Given = ReturnType<ReturnType<typeof evaluateOptions>["opts"]>;

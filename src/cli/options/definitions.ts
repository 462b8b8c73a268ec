import { Argument, Option } from "@commander-js/extra-typings";
import type { AttackName } from "../../attacks/index.ts";
import { headChoices } from "../../autodiff/reading.ts";
import type { Order } from "../../evaluate/opening.ts";
import type { EpsilonUnit } from "../../models/classifier/bounds.ts";
import type { ChannelOrder } from "../../models/classifier/preprocess.ts";
import type { Interpolation } from "../../models/preprocessing/preprocessing.ts";
import type { NormName } from "../../norm.ts";
import type { Device } from "../../runtime.ts";
import { parseAttacks } from "./attack-options.ts";
import { certificateDefinitions } from "./certificate-definitions.ts";
import { dataDefinitions } from "./data-definitions.ts";
import {
  parseBounds,
  parseEpsilons,
  parseFailUnder,
  parseMemory,
  parseNumber,
  parseNumbers,
  parsePool,
  parseShape,
  parseSides,
  wholeNumber,
} from "./values.ts";

/** Options that several commands share, each defined once. */
export const options = {
  ...dataDefinitions,
  ...certificateDefinitions,
  model: () =>
    new Option(
      "--model <file|name>",
      "The model to attack: an .onnx file, weights with --arch, a bundled name, or http(s)://… of an inference server.",
    ).default("lenet-mnist"),
  arch: () =>
    // Checked when the model is opened: to know the networks costs a third of the start-up time.
    new Option(
      "--arch <name>",
      "The network that a file of weights belongs to, such as lenet. An .onnx file needs none.",
    ),
  inputName: () =>
    new Option(
      "--input-name <name>",
      "The input to perturb, or a value inside the graph such as an embedding. Needed where the model has several inputs.",
    ),
  feed: () =>
    new Option(
      "--feed <name=file>",
      "The value of another input, in .npy or .npz: the same for every sample, or with a row for each. May be repeated.",
    )
      .default([] as string[], "none")
      .argParser((text: string, before: string[]) => [...before, text]),
  outputName: () =>
    new Option("--output-name <name>", "The output with the class scores. Needed where the model has several."),
  head: () =>
    new Option(
      "--head <kind>",
      "What the output holds. auto finds a softmax or a sigmoid in the graph; one output is read as the score of class 1 against class 0. multi-label: a sample may have several labels, which --data or --labels gives as a matrix [N, labels] of 0 and 1.",
    )
      .choices(headChoices)
      .default("auto" as const),
  pool: () =>
    new Option(
      "--pool <mean|max:axis>",
      "Bring one axis of the output, such as time or anchors, to its mean or largest value: mean:1 makes [N, T, C] to [N, C].",
    ).argParser(parsePool),
  threshold: () =>
    new Option(
      "--threshold <value>",
      "Of a model with one output: class 1 is above it. With --head multi-label: a label is predicted above it. (default: 0.5 of a sigmoid, 0 of a logit)",
    ).argParser(parseNumber),
  attack: () =>
    new Option("--attack <names>", "The attacks, separated by commas.")
      .default(["fgsm"] as AttackName[], "fgsm")
      .argParser(parseAttacks),
  set: () =>
    new Option(
      "--set <attack.option=value>",
      "Set an option of an attack, such as pgd.steps=100. A length is absolute (pgd.stepSize=2/255) or a share of ε (0.25eps). Of an ensemble's member: autoattack.square.queries=1000. May be repeated; perturb list attacks shows all options.",
    )
      .default([] as string[], "none")
      .argParser((text: string, before: string[]) => [...before, text]),
  norm: () =>
    new Option(
      "--norm <norm>",
      "The norm that ε is measured in. l0 counts the pixels that change: whatever their channels in images, single values in other data.",
    )
      .choices(["linf", "l2", "l1", "l0", "spatial"] as const satisfies readonly NormName[])
      .default("linf" as const),
  eps: () =>
    new Option(
      "--eps <list|from:to:step>",
      "The budgets ε, in units of the input. Fractions such as 8/255 are understood.",
    )
      .argParser(parseEpsilons)
      .default([0.05, 0.1, 0.15, 0.2, 0.25, 0.3] as number[], "0.05,0.1,0.15,0.2,0.25,0.3"),
  target: () =>
    new Option("--target <class>", "Aim at this class. Without it, any class but the label will do.").argParser(
      wholeNumber(0),
    ),
  flip: () =>
    new Option(
      "--flip <labels>",
      "With --head multi-label: only these labels count, numbered from 0 and separated by commas. Without it, a sample is fooled when any label flips.",
    ).argParser((text: string) => text.split(",").map(wholeNumber(0))),
  surrogate: () => new Option("--surrogate <file|name>", "Another model. Transfer attacks make their examples on it."),
  surrogateMean: () =>
    new Option(
      "--surrogate-mean <values>",
      "--mean for the surrogate. Without this and --surrogate-std, it takes --mean and --std as the model does; 0 and 1 leave pixels as they are.",
    ).argParser(parseNumbers),
  surrogateStd: () => new Option("--surrogate-std <values>", "--std for the surrogate.").argParser(parseNumbers),
  eot: () =>
    new Option(
      "--eot <n>",
      "Run a model that uses random numbers n times and average its gradients and logits. (default: 1; 20 where perturb defend made it so)",
    ).argParser(wholeNumber(1)),
  levels: () =>
    new Option(
      "--levels <n>",
      "How many values a pixel may take, such as 256 for 8-bit images. Without it, any value within the bounds.",
    ).argParser(wholeNumber(2)),
  maxQueries: () =>
    new Option(
      "--max-queries <n>",
      "The most queries that each attack may make for a sample. A gradient counts as one. Without it, there is no limit.",
    ).argParser(wholeNumber(1)),
  header: () =>
    new Option("--header <name: value>", "A header to send with each request to an inference server. May be repeated.")
      .default([] as string[], "none")
      .argParser((text: string, before: string[]) => [...before, text]),
  timeout: () =>
    new Option(
      "--timeout <seconds>",
      "How many seconds a request to an inference server may take. (default: 30)",
    ).argParser(wholeNumber(1)),
  retries: () =>
    new Option("--retries <n>", "How often a failed request is repeated. (default: 5)").argParser(wholeNumber(0)),
  junit: () => new Option("--junit <file|->", "Write the result as JUnit XML for build servers; - is stdout."),
  limit: () =>
    new Option("--limit <n>", "Use at most n samples: those that --order names. Without it, all are used.").argParser(
      wholeNumber(1),
    ),
  offset: () => new Option("--offset <n>", "Skip the first n samples.").argParser(wholeNumber(0)).default(0),
  order: () =>
    new Option(
      "--order <order>",
      "Which samples --limit takes. file: the first ones. seed: a draw by --seed from all, of each class its share. (default: file for MNIST, Fashion-MNIST and other IDX files, and with --offset; seed for folders and arrays)",
    ).choices(["file", "seed"] as const satisfies readonly Order[]),
  batch: () =>
    new Option("--batch <n>", "Work on n samples at a time. This does not change the result.").argParser(
      wholeNumber(1),
    ),
  memory: () =>
    new Option(
      "--memory <size>",
      "Stay below this much memory, such as 500MB or 8GB: threads and batch follow it. This does not change the result. (default: 2GB)",
    ).argParser(parseMemory),
  seed: () => new Option("--seed <n>", "The seed of all random numbers.").argParser(wholeNumber(0)).default(0),
  device: () =>
    new Option("--device <device>", "The device that runs the model.")
      .choices(["cpu", "webgpu", "cuda"] as const satisfies readonly Device[])
      .default("cpu" as const),
  mean: () =>
    new Option(
      "--mean <values>",
      "Subtract this from the pixels before the model: one value, or one for each channel.",
    ).argParser(parseNumbers),
  std: () =>
    new Option(
      "--std <values>",
      "Divide the pixels by this, after --mean: one value, or one for each channel.",
    ).argParser(parseNumbers),
  preprocess: () =>
    // Checked when it is followed.
    new Option(
      "--preprocess <name|file>",
      "The model's own preprocessing: imagenet, timm, clip, keras-caffe, keras-tf, keras-torch, or its preprocessor_config.json or timm config.json. One that lies beside the model is followed, unless this is none. Its parts can be changed one by one.",
    ),
  resize: () =>
    new Option(
      "--resize <n|hxw>",
      "Resize the pictures of a folder: the shorter side to n, as torchvision does, or to height x width.",
    ).argParser(parseSides),
  interpolation: () =>
    new Option("--interpolation <filter>", "How --resize finds values between pixels. (default: bilinear)").choices([
      "nearest",
      "bilinear",
      "bicubic",
      "lanczos",
    ] as const satisfies readonly Interpolation[]),
  antialias: () =>
    new Option(
      "--no-antialias",
      "Resize without antialias, as torchvision does tensors. With it, as Pillow does pictures.",
    ),
  crop: () =>
    new Option("--crop <n|hxw>", "Cut the middle out of the pictures of a folder, after --resize.").argParser(
      parseSides,
    ),
  scale: () =>
    new Option(
      "--scale <number>",
      "Multiply the pixels by this, before --mean: 255 for a model of pixels from 0 to 255.",
    ).argParser(parseNumber),
  channels: () =>
    new Option(
      "--channels <order>",
      "The order of colours that the model wants. With bgr, --mean and --std are in that order too. (default: rgb)",
    ).choices(["rgb", "bgr"] as const satisfies readonly ChannelOrder[]),
  bounds: () =>
    new Option(
      "--bounds <lo,hi|file>",
      "The least and the largest value of the input, or a .npy or .csv file with one pair for each feature. (default: 0,1)",
    ).argParser(parseBounds),
  epsUnit: () =>
    new Option(
      "--eps-unit <unit>",
      "What ε is measured in: the units of the input, or shares of the range that --bounds gives each feature.",
    )
      .choices(["input", "range"] as const satisfies readonly EpsilonUnit[])
      .default("input" as const),
  shape: () =>
    new Option("--shape <c,h,w>", "The shape of one sample. Needed where model and data leave it open.").argParser(
      parseShape,
    ),
  straightThrough: () =>
    new Option(
      "--straight-through <ops>",
      "Let the gradient pass unchanged through these operators (Round, Floor, Ceil, Sign, Cast) or nodes by name, separated by commas.",
    ).argParser((text: string) => text.split(",").map((word) => word.trim())),
  failUnder: (accuracy: "robust" | "certified" = "robust") =>
    new Option(
      "--fail-under <acc@eps>",
      `Exit with 1 if ${accuracy} accuracy at eps is below acc, such as 50%@8/255.`,
    ).argParser(parseFailUnder),
  // Read by whoever opens it: what is wrong with it is said without repeating it, since it may hold a password.
  queue: () =>
    new Option(
      "--queue <url>",
      "A queue in Redis or Valkey: redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS. PERTURB_QUEUE_PASSWORD may hold the password.",
    ),
  json: () => new Option("--json <file|->", "Write the result as JSON; - is stdout."),
  quiet: () => new Option("--quiet", "Show no progress."),
};

export const modelArgument = () =>
  new Argument("<model>", "The model: an .onnx file, weights with --arch, or a bundled name.");

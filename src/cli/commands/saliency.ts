import { basename } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { didYouMean, PerturbError } from "../../errors.ts";
import type { DifferentiableModel } from "../../model.ts";
import { pictureSteps } from "../../models/preprocessing/preprocessing.ts";
import { ownInputs } from "../../onnx/graph.ts";
import type { SaliencyStrip } from "../../report/pictures/saliency.ts";
import { completeness, type SaliencyName, saliencyMethods } from "../../saliency.ts";
import type { FloatTensor, Tensor } from "../../tensor.ts";
import { requireOutputs, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { widest } from "../opening/bounds.ts";
import { openGraph, openModelFile, openSizes } from "../opening/model.ts";
import { checkPicture, ofAnySize } from "../opening/picture.ts";
import { preprocessingGiven, withOwnConfiguration } from "../opening/preprocessing.ts";
import { sayNotes } from "../opening/say-notes.ts";
import { modelArgument } from "../options/definitions.ts";
import { only, withGroups } from "../options/group.ts";
import { graphOptions, outputOptions, pictureOptions, runOptions } from "../options/groups.ts";
import { perturbOption } from "../options/perturb-option.ts";
import { parseNumber, wholeNumber } from "../options/values.ts";
import { complain, helpText, print, prose } from "../output.ts";
import { progressLine, silent } from "../progress.ts";

const BATCH = 10;
/** Off by more than this share, integrated gradients want more steps (Sundararajan et al. 2017, §5). */
const COMPLETE = 0.05;

const NAMES = Object.keys(saliencyMethods) as SaliencyName[];
const DEFAULT: SaliencyName[] = ["gradient", "smoothgrad", "integrated-gradients"];

export const saliencyCommand = withGroups(
  new Command("saliency")
    .description(
      prose(`Draws which pixels of an image speak for a class, and which against it. The picture holds the original and, for each
method, a signed map with its scale, alone and over the image. Red raises the score of the class, blue lowers it. The score is
the logit of the class, also where the model ends in a softmax. Of a colour image, the sum over the channels is shown.`),
    )
    .addArgument(modelArgument())
    .requiredOption("--image <file>", "The image: PNG, JPEG, WebP, GIF or TIFF, or .npy with one sample.")
    .option("--out <file.png|file.svg>", "The file of the picture.", "saliency.png")
    .option("--values <file.npz>", "Also save the maps as arrays, in the shape of the sample.")
    .option("--class <n>", "The class to explain. Without it, the one that the model predicts.", wholeNumber(0))
    .addOption(
      new Option("--method <names>", `The methods, separated by commas: ${NAMES.join(", ")}.`)
        .argParser(parseMethods)
        .default(DEFAULT, DEFAULT.join(",")),
    )
    .option("--samples <n>", "SmoothGrad: how many noisy copies of the image are used.", wholeNumber(1), 50)
    .option(
      "--noise <share>",
      "SmoothGrad: the standard deviation of the noise, as a share of the image's range.",
      parseNumber,
      0.15,
    )
    .option(
      "--steps <n>",
      "Integrated gradients: how many points between the baseline and the image are used.",
      wholeNumber(1),
      50,
    )
    .option(
      "--baseline <value>",
      "Integrated gradients: the grey level of the baseline, from 0 (black) to 1.",
      parseNumber,
      0,
    )
    .addHelpText("after", () =>
      helpText(`
The methods: gradient (Simonyan et al. 2014) is the derivative of the score by each pixel. gradient-x-input multiplies it
with the pixel. smoothgrad (Smilkov et al. 2017) averages it over noisy copies. integrated-gradients (Sundararajan et al.
2017) averages it on the way from a black image, times the pixel: the values add up to what the image adds to the score,
and the sum is printed beside it.

Examples:
  perturb saliency lenet-mnist --image seven.png
  perturb saliency net.onnx --image cat.jpg --class 281 --out cat.png
  perturb saliency net.onnx --image cat.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --shape 3,224,224
  perturb saliency net.onnx --image x.npy --method integrated-gradients --steps 200 --values maps.npz`),
    ),
  graphOptions(),
  pictureOptions(),
  perturbOption(),
  only(runOptions({ batch: BATCH }), "batch", "seed", "device"),
  only(outputOptions(), "quiet"),
).action(async (model, given) => interruptible(() => run(model, given)));

type Given = ReturnType<typeof saliencyCommand.opts>;

function parseMethods(text: string): SaliencyName[] {
  return text.split(",").map((name) => {
    const known = NAMES.find((method) => method === name);
    if (known) return known;
    throw new PerturbError(
      "usage",
      `There is no method named "${name}". Known: ${NAMES.join(", ")}.${didYouMean(name, NAMES)}`,
    );
  });
}

async function run(modelName: string, asked: Given): Promise<void> {
  const { given, notes } = await withOwnConfiguration(modelName, asked);
  if (!/\.(png|svg)$/i.test(given.out))
    throw new PerturbError("usage", `--out ${given.out} is neither .png nor .svg. Name a picture.`);
  await requireOutputs(given.out, given.values);

  if (given.head === "multi-label")
    throw new PerturbError(
      "usage",
      "saliency explains one class, and --head multi-label has sets. Leave it out: --class then takes the number of a label.",
    );
  const opened = await openGraph(modelName, given);
  const [{ readImage }, { openClassifier }, { nodeRuntime }] = await Promise.all([
    import("../../datasets/image.node.ts"),
    import("../../models/classifier/graph-model.ts"),
    import("../../runtime/ort.node.ts"),
  ]);
  const inputs = ownInputs(opened.graph);
  const sizes = openSizes(inputs.length === 1 ? inputs[0]!.dims : null);
  const isPicture = given.perturb === "picture";
  if (isPicture) checkPicture(given);
  const { x, stretchedFrom } = await readImage(
    given.image,
    isPicture ? ofAnySize(sizes) : (given.shape ?? opened.shape ?? sizes),
    {
      range: await widest(given.bounds),
      steps: isPicture ? undefined : pictureSteps(await preprocessingGiven(given)),
    },
  );
  const shape = x.dims.slice(1);
  if (stretchedFrom)
    complain(
      `${given.image} is ${stretchedFrom[1]} × ${stretchedFrom[0]} pixels: stretched to the model's [${shape.join(", ")}].`,
    );
  const model = openClassifier(await openModelFile(opened, shape, given), nodeRuntime(given.device));
  sayNotes([...(model.notes ?? []), ...notes]);
  try {
    if (model.samples !== undefined)
      throw new PerturbError(
        "usage",
        `--feed gives rows for ${model.samples} samples, and saliency explains one image. Give the row of this image alone.`,
      );
    await explain(model, x, given);
  } finally {
    await model.release();
  }
}

async function explain(model: DifferentiableModel, x: FloatTensor, given: Given): Promise<void> {
  const [{ predict }, { explanationOf }] = await Promise.all([
    import("../../attack.ts"),
    import("../../report/pictures/saliency.ts"),
  ]);
  const logits = await model.logits(x);
  const predicted = predict(logits)[0]!;
  if (predicted < 0)
    throw new PerturbError("runtime", `${model.name} answers ${given.image} with logits that are not finite.`);
  const chosen = given.class ?? predicted;
  const task = { model: counting(model, given), x, classes: Int32Array.of(chosen), batch: given.batch };
  const { samples, noise, seed, steps } = given;
  const { lower, upper } = model.bounds;
  const baseline = lower + given.baseline * (upper - lower);
  const maps = new Map<SaliencyName, FloatTensor>();
  for (const name of new Set(given.method)) {
    const map = await saliencyMethods[name].map(task, { samples, noise, seed, steps, baseline });
    checkMap(map, saliencyMethods[name].title, chosen);
    maps.set(name, map);
  }

  const { heading, details } = explanationOf(model, basename(given.image), logits.data, chosen, predicted);
  await save(given, x, chosen, maps, {
    heading,
    details,
    shape: x.dims.slice(1),
    bounds: model.bounds,
    values: x.data,
    maps: Array.from(maps, ([name, { data }]) => ({ title: saliencyMethods[name].title, values: data })),
  });
  print(`${heading}: ${details}`);
  const integrated = maps.get("integrated-gradients");
  if (integrated) reportSum((await completeness(task, integrated, baseline))[0]!);
  print(`Written: ${[given.out, given.values].filter((path) => path !== undefined).join(", ")}`);
}

/** The model, with a progress line that counts its gradients. */
function counting(model: DifferentiableModel, { method, samples, steps, quiet }: Given): DifferentiableModel {
  const counts = { gradient: 1, "gradient-x-input": 1, smoothgrad: samples, "integrated-gradients": steps };
  const total = [...new Set(method)].reduce((sum, name) => sum + counts[name], 0);
  const progress = quiet ? silent : progressLine("explaining", "gradients");
  let done = 0;
  return {
    ...model,
    async gradient(x, goal, loss) {
      const result = await model.gradient(x, goal, loss);
      done += x.dims[0]!;
      progress.update(done, total);
      if (done === total) progress.finish();
      return result;
    },
  };
}

/** @throws runtime for values that are not finite; warns where all are 0 */
function checkMap({ data }: FloatTensor, title: string, chosen: number): void {
  if (!data.every(Number.isFinite))
    throw new PerturbError(
      "runtime",
      `The map of ${title} for class ${chosen} has values that are not finite: the gradient overflows or is not defined at this image.`,
    );
  if (data.every((v) => v === 0))
    complain(
      `warning: The map of ${title} is 0 everywhere: no pixel moves the score of class ${chosen} here (perturb inspect shows what stands in the way).`,
    );
}

async function save(
  { out, values }: Given,
  x: FloatTensor,
  chosen: number,
  maps: ReadonlyMap<SaliencyName, FloatTensor>,
  strip: SaliencyStrip,
): Promise<void> {
  const [{ saliencySvg }, { svgToPng }, { writeNpz }] = await Promise.all([
    import("../../report/pictures/saliency.ts"),
    import("../../report/pictures/png.node.ts"),
    import("../../datasets/npz.ts"),
  ]);
  const svg = saliencySvg(strip);
  const picture = /\.svg$/i.test(out) ? svg : await svgToPng(svg, 2);
  await writeAtomically(out, (file) => file.writeFile(picture));
  if (values === undefined) return;
  const arrays: Record<string, Tensor> = { x, class: { type: "int32", dims: [1], data: Int32Array.of(chosen) } };
  for (const [name, map] of maps) arrays[name.replaceAll("-", "_")] = map;
  const bytes = writeNpz(arrays);
  await writeAtomically(values, (file) => file.writeFile(bytes));
}

function reportSum({ sum, rise }: { readonly sum: number; readonly rise: number }): void {
  const off = Math.abs(sum - rise) / Math.max(Math.abs(rise), 1e-12);
  print(
    `Integrated gradients add up to ${sum.toPrecision(4)} of ${rise.toPrecision(4)}, the rise of the score from the baseline.`,
  );
  if (off > COMPLETE)
    complain(`warning: That is ${(100 * off).toFixed(0)} % off. Raise --steps until it is under 5 %.`);
}

import { predict } from "../../attack.ts";
import type { Batch, ClassFolders } from "../../dataset.ts";
import type { Warning } from "../../evaluate.ts";
import { channelAxis, channelOf, layoutOf } from "../../layout.ts";
import type { Model } from "../../model.ts";
import type { Normalization } from "../../models/classifier/preprocess.ts";
import { option } from "../../option.ts";
import { type FloatTensor, product } from "../../tensor.ts";
import { accuracyOf } from "../results/statistics.ts";
import { labelCauses } from "./label-order.ts";

const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const ZERO_TO_255: Normalization = { mean: [0], std: [1 / 255] };
const CAFFE: Normalization = { mean: [103.939, 116.779, 123.68], std: [1], scale: 255, channels: "bgr" };
const AS_PIXELS: Normalization = { mean: [0], std: [1] };

/** What a network may expect in place of what it was given. */
interface Suspicion {
  readonly name: string;
  readonly wanted: Normalization;
}

/** Likely ways in which a network wants its values, and its pixels. Those in colour are for samples with three channels. */
const SUSPICIONS: readonly Suspicion[] = [
  { name: "values from 0 to 255", wanted: ZERO_TO_255 },
  { name: "values from -1 to 1", wanted: { mean: [0.5], std: [0.5] } },
];
const OF_PIXELS: readonly Suspicion[] = [
  { name: "pixels from 0 to 255", wanted: ZERO_TO_255 },
  { name: "pixels from -1 to 1", wanted: { mean: [0.5], std: [0.5] } },
  { name: "MNIST's normalization", wanted: { mean: [0.1307], std: [0.3081] } },
];
const IN_COLOUR: readonly Suspicion[] = [
  { name: "ImageNet's normalization", wanted: IMAGENET },
  { name: "the channels in reverse order (BGR) from 0 to 255", wanted: { ...ZERO_TO_255, channels: "bgr" } },
  { name: "what Keras calls caffe: BGR from 0 to 255 less ImageNet's mean", wanted: CAFFE },
];

interface Cause {
  readonly cause: string;
  readonly correct: number;
  readonly accuracy: number;
  readonly ci95: readonly [number, number];
  /** The lower end of the interval that the samples confirm. */
  readonly least: number;
  /** Whether it is told only where no other numbering of the classes says as much. */
  readonly isLast?: true | undefined;
}

/**
 * For a model that does worse than it should: the changes of scale, channels or labels that give a higher accuracy on one
 * batch beyond doubt (95 % intervals that do not meet), the best first, with all that cannot be told apart from it. Each
 * names the options that give just that accuracy. Null when there is none.
 */
export async function diagnose(
  model: Model,
  { x, labels, indices }: Batch,
  normalization?: Normalization,
  folders?: ClassFolders,
): Promise<Warning | null> {
  const scored = (predictions: Int32Array) =>
    accuracyOf(predictions.filter((p, i) => p === labels[i]).length, labels.length);
  const asItIs = predict(await model.logits(x, indices));
  // Of a multi-label model there is only one right class.
  const numberings = model.head === "multi-label" ? [] : labelCauses(asItIs, labels, folders);
  const found: Cause[] = numberings.map(({ cause, correct, confirmed }) => ({
    cause,
    ...accuracyOf(correct, labels.length),
    least: accuracyOf(confirmed, labels.length).ci95[0],
  }));
  const labelled = found.length;
  for (const { cause, change, isLast } of suspicions(model, normalization)) {
    const one = scored(predict(await model.logits(change(x), indices)));
    found.push({ cause, ...one, least: one.ci95[0], isLast });
  }
  const { accuracy, ci95 } = scored(asItIs);
  const isLikely = ({ least }: Cause) => least > ci95[1];
  const numbered = found.slice(0, labelled).filter(isLikely);
  // Swapped classes look like inverted pixels.
  const likely = found.filter(
    (one) => isLikely(one) && !(one.isLast && numbered.some((other) => other.ci95[1] >= one.ci95[0])),
  );
  if (likely.length === 0) return null;
  const best = likely.reduce((a, b) => (b.correct > a.correct ? b : a));
  const alike = likely.filter((other) => other.ci95[1] >= best.ci95[0]).sort((a, b) => b.correct - a.correct);
  return {
    code: "likely-cause",
    message:
      alike.length === 1
        ? `The likely cause: ${best.cause}. With that, ${percent(best.accuracy)} of ${labels.length} samples are correct. As given, ${percent(accuracy)} are.`
        : `The likely cause: ${alike.map((one) => `${one.cause} (${percent(one.accuracy)} of ${labels.length} samples are then correct)`).join("; or ")}. These samples cannot tell ${alike.length === 2 ? "the two" : "these"} apart: look up how the network was trained. As given, ${percent(accuracy)} are correct.`,
  };
}

interface Change {
  readonly cause: string;
  readonly change: (x: FloatTensor) => FloatTensor;
  readonly isLast?: true;
}

/** Rows and columns of the smallest pictures that are told from a table by their number of values alone. */
const LEAST_SIDE = 8;

/** Whether samples can be pictures: in planes, or as rows of pixels. */
function canBePictures(shape: readonly number[]): boolean {
  if (shape.length !== 1) return layoutOf(shape) !== null || (shape.length === 2 && Math.min(...shape) >= LEAST_SIDE);
  const side = Math.sqrt(shape[0]!);
  return Number.isInteger(side) && side >= LEAST_SIDE;
}

/** What else the network may be given, each in front of the preprocessing that there is. */
function suspicions({ inputShape, bounds, levels }: Model, given: Normalization | undefined): Change[] {
  const isColour = layoutOf(inputShape) !== null && inputShape[channelAxis(inputShape)] === 3;
  const instead = ({ name, wanted }: Suspicion): Change => ({
    cause: `the model expects ${name} (${words(wanted, given)})`,
    change: (x) => undone(applied(x, inputShape, wanted), inputShape, given),
  });
  const changes: Change[] = [];
  // In other bounds, and for a network of whole numbers, values are no pixels of 0 to 1.
  if (bounds.lower === 0 && bounds.upper === 1 && levels === undefined) {
    const arePictures = canBePictures(inputShape);
    changes.push(...(arePictures ? OF_PIXELS : SUSPICIONS).map(instead), ...(isColour ? IN_COLOUR : []).map(instead));
    if (arePictures)
      changes.push({
        cause:
          "the model expects inverted pixels (white for black; no option inverts them: write 1 less each value into the files of the data)",
        change: (x) => ({ ...x, data: x.data.map((v) => 1 - v) }),
        isLast: true,
      });
  }
  if (isColour && given?.channels !== "bgr")
    changes.push(
      instead({ name: "the channels in reverse order (BGR)", wanted: { ...(given ?? AS_PIXELS), channels: "bgr" } }),
    );
  if (given)
    changes.unshift({
      cause: `the model normalizes its input by itself, and does so twice with ${given.scale === undefined ? "" : `${option("preprocessing.scale")}, `}${option("normalization.mean")} and ${option("normalization.std")}; leave them out`,
      change: (x) => undone(x, inputShape, given),
    });
  return changes;
}

/** The options that give a preprocessing, where another one was given. */
function words({ mean, std, scale = 1, channels = "rgb" }: Normalization, given: Normalization | undefined): string {
  const plain = scale === 1 && mean.every((v) => v === 0) && std.every((v) => v === 1);
  return [
    ...(channels === (given?.channels ?? "rgb") ? [] : [option("preprocessing.channels", channels)]),
    ...(scale === (given?.scale ?? 1) ? [] : [option("preprocessing.scale", scale)]),
    ...(plain && !given ? [] : [option("normalization.mean", mean), option("normalization.std", std)]),
  ].join(" ");
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** What a preprocessing makes of samples. */
function applied(
  x: FloatTensor,
  shape: readonly number[],
  { mean, std, scale = 1, channels }: Normalization,
): FloatTensor {
  const from = channels === "bgr" ? reversed(x, shape) : x;
  return map(from, shape, (v, c) => (scale * v - mean[c % mean.length]!) / std[c % std.length]!);
}

/** The samples of which the preprocessing in front of the model makes these. */
function undone(x: FloatTensor, shape: readonly number[], given: Normalization | undefined): FloatTensor {
  if (!given) return x;
  const { mean, std, scale = 1, channels } = given;
  const pixels = map(x, shape, (v, c) => (v * std[c % std.length]! + mean[c % mean.length]!) / scale);
  return channels === "bgr" ? reversed(pixels, shape) : pixels;
}

function map(x: FloatTensor, shape: readonly number[], f: (value: number, channel: number) => number): FloatTensor {
  const channel = channelOf(shape);
  const size = product(shape);
  return { ...x, data: x.data.map((v, i) => f(v, channel(i % size))) };
}

/** The channels in reverse order. */
function reversed(x: FloatTensor, shape: readonly number[]): FloatTensor {
  const channel = channelOf(shape);
  const axis = channelAxis(shape);
  const step = product(shape.slice(axis + 1));
  const size = product(shape);
  return { ...x, data: x.data.map((_, i) => x.data[i + (shape[axis]! - 1 - 2 * channel(i % size)) * step]!) };
}

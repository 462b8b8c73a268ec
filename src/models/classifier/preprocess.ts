import { PerturbError } from "../../errors.ts";
import { channelAxis, isAmbiguous, layoutOf } from "../../layout.ts";
import type { Bounds } from "../../model.ts";
import type { Graph } from "../../onnx/graph.ts";
import { type Note, option } from "../../option.ts";
import { tensor } from "../../tensor.ts";
import { inFront } from "./front.ts";

/** The order of colours that a network wants; pixels themselves are RGB. */
export type ChannelOrder = "rgb" | "bgr";

/** What stands between pixels in [0, 1] and the network: (scale · x - mean) / std, one value each, or one a channel. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** By default 1; 255 for a network of pixels from 0 to 255. */
  readonly scale?: number;
  /** `bgr` reverses the channels first: mean and std are then in the order of the network. */
  readonly channels?: ChannelOrder;
}

/**
 * The classifier graph (input `x`) with its preprocessing in front, so that ε and bounds stay in pixel space.
 * @throws usage when the numbers do not fit the channels, are not finite, or std is not positive
 */
export function normalizeInput(graph: Graph, normalization: Normalization): Graph {
  const { mean, std, scale = 1, channels = "rgb" } = normalization;
  const sample = graph.inputs[0]!.dims!.slice(1) as number[];
  const axis = channelAxis(sample);
  checkNumbers(normalization, sample[axis]!);
  requireClear(sample, normalization);
  if (channels === "bgr") requireColour(sample);
  const isAll = (values: readonly number[], number: number) => values.every((v) => v === number);
  return inFront(graph, "normalized", (b, input) => {
    const spread = (values: readonly number[]) =>
      b.constant(tensor("float32", [values.length, ...sample.slice(axis + 1).map(() => 1)], Float32Array.from(values)));
    let x = input;
    if (channels === "bgr") x = b.add("Gather", [x, b.int64([2, 1, 0])], { axis: axis + 1 });
    if (scale !== 1) x = b.mul(x, b.scalar(scale, x));
    // What changes nothing is left out, but for a normalization that was asked for.
    if ((scale === 1 && channels === "rgb") || !isAll(mean, 0) || !isAll(std, 1))
      x = b.div(b.sub(x, spread(mean)), spread(std));
    return x;
  });
}

/** @throws usage */
function checkNumbers({ mean, std, scale = 1 }: Normalization, channels: number): void {
  for (const [name, values] of Object.entries({ mean, std }) as ["mean" | "std", readonly number[]][])
    if (values.length !== 1 && values.length !== channels)
      throw new PerturbError(
        "usage",
        `${option(`normalization.${name}`)} has ${values.length} values, and the model has ${channels} channels. Give one value, or one a channel.`,
      );
  // As float32, which is what the graph holds.
  if ([...mean, ...std].some((v) => !Number.isFinite(Math.fround(v))) || std.some((s) => !(Math.fround(s) > 0)))
    throw new PerturbError(
      "usage",
      `${option("normalization.std")} takes positive numbers and ${option("normalization.mean")} any, all finite in float32; got mean ${mean.join(",")} and std ${std.join(",")}.`,
    );
  if (!(Number.isFinite(Math.fround(scale)) && Math.fround(scale) > 0))
    throw new PerturbError("usage", `${option("preprocessing.scale")} takes a positive number, got ${scale}.`);
}

/**
 * Numbers that were probably meant for pixels in other units, from 0 to 255 or from 0 to 1: with what was probably meant.
 * Null where they may be right.
 */
export function unitsNote({ mean, std, scale = 1 }: Normalization, { lower, upper }: Bounds): Note | null {
  const most = Math.max(Math.abs(lower), Math.abs(upper));
  const code = "normalization-units";
  const numbers = `${option("normalization.mean", mean)} ${option("normalization.std", std)}`;
  if (scale === 1 && most <= 1 && (mean.some((v) => v > 2) || std.some((v) => v > 4))) {
    const [means, stds] = [mean, std].map((values) => values.map((v) => Number((v / 255).toPrecision(4))));
    return {
      code,
      message: `${numbers} look like those of pixels from 0 to 255, and these pixels lie between ${lower} and ${upper}. If they are, add ${option("preprocessing.scale", 255)}, or divide them by 255: ${option("normalization.mean", means!)} ${option("normalization.std", stds!)}.`,
    };
  }
  const isSet = mean.some((v) => v !== 0) || std.some((v) => v !== 1);
  if (scale * most > 100 && isSet && [...mean, ...std].every((v) => v <= 1) && mean.some((v) => v !== 0))
    return {
      code,
      message: `${numbers} look like those of pixels from 0 to 1, and the model's pixels go up to ${scale * most}. If they are, leave out ${option("preprocessing.scale", scale)}, or multiply them by ${scale}.`,
    };
  return null;
}

/** @throws usage where values for each channel are for channels that may stand at either end */
function requireClear(sample: readonly number[], { mean, std, channels }: Normalization): void {
  if (!isAmbiguous(sample) || (channels !== "bgr" && mean.length === 1 && std.length === 1)) return;
  throw new PerturbError(
    "usage",
    `The model takes samples of shape [${sample.join(", ")}], which can be [channels, height, width] or [height, width, channels], so that it cannot be told which of them are the channels of the preprocessing. Give one value for all channels (${option("normalization.mean")}, ${option("normalization.std")}), or put the preprocessing into the model or the data.`,
  );
}

/** @throws usage */
function requireColour(sample: readonly number[]): void {
  if (layoutOf(sample) !== null && sample[channelAxis(sample)] === 3) return;
  throw new PerturbError(
    "usage",
    `${option("preprocessing.channels", "bgr")} reverses red, green and blue, and the model takes samples of shape [${sample}]. Leave it out.`,
  );
}

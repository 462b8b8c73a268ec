import { type Batch, type BatchOptions, type Dataset, withShape } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import type { ElementBounds, Model } from "../model.ts";
import { type Note, option } from "../option.ts";
import { product } from "../tensor.ts";

/** How far a value may lie beyond its bounds by rounding alone, as a share of their range. */
const ROUNDING = 1e-6;

/** Data in the shape and the units of a model. */
export interface FittingData {
  readonly data: Dataset;
  /** What was done to the samples that were read so far. */
  readonly notes: () => readonly Note[];
}

/**
 * Data as a model takes it: in its shape, 8-bit pixels spread over its bounds, values that lie beyond the bounds by rounding
 * alone moved to them, and shares of each range where the model takes these. What lies farther beyond is left for the check
 * of each batch, but for bounds of single elements. @throws mismatch; out-of-bounds while it is read
 */
export function fitting(
  given: Dataset,
  model: Pick<Model, "name" | "inputShape" | "bounds" | "elements">,
): FittingData {
  const shaped = withShape(given, model.inputShape);
  const { elements } = model;
  const size = product(model.inputShape);
  const [lower, upper] = elements
    ? [elements.lower, elements.upper]
    : [Float32Array.of(model.bounds.lower), Float32Array.of(model.bounds.upper)];
  const spread =
    shaped.pixels !== undefined && (elements !== undefined || model.bounds.lower !== 0 || model.bounds.upper !== 1);
  if (spread && elements && !isUniform(elements))
    throw new PerturbError(
      "usage",
      `${given.name} holds 8-bit pixels, and ${option("bounds")} gives each element bounds of its own, in which units pixels have none. Give an array of floats, or one pair of bounds for all.`,
    );
  const isFine = elements === undefined && !spread;
  const [least, most] = [lower[0]!, upper[0]!];
  if (spread && shaped.pixels === "array" && most > 1 && !(least === 0 && most === 255))
    throw new PerturbError(
      "usage",
      `${given.name} holds bytes (uint8), and within the bounds [${least}, ${most}] they may be pixels or numbers of their own. Save them as floats in the units of the bounds.`,
    );
  const seen = { largest: 0 };
  const rounded = { values: 0, samples: 0, most: 0 };
  const batches = async function* (options: BatchOptions): AsyncGenerator<Batch> {
    for await (const batch of shaped.batches(options)) {
      if (shaped.pixels === "array" && !spread) for (const v of batch.x.data) if (v > seen.largest) seen.largest = v;
      if (isFine && batch.x.data.every((v) => v >= lower[0]! && v <= upper[0]!)) {
        yield batch;
        continue;
      }
      const data = batch.x.data.slice();
      for (let row = 0; row < batch.labels.length; row++) {
        let found = 0;
        for (let i = 0; i < size; i++) {
          const at = row * size + i;
          const [low, high] = [lower[i % lower.length]!, upper[i % upper.length]!];
          let v = data[at]!;
          if (spread) v = Math.fround(low + v * (high - low));
          const beyond = v < low ? low - v : v > high ? v - high : 0;
          if (beyond > 0 && beyond <= ROUNDING * Math.max(high - low, Math.abs(low), Math.abs(high))) {
            v = v < low ? low : high;
            found++;
            rounded.most = Math.max(rounded.most, beyond);
          }
          if (shaped.whole && !(v >= low && v <= high)) throw beyondWhole(batch, shaped.whole, row, v, low, high);
          if (elements && !(v >= low && v <= high)) throw outside(batch, row, i, v, low, high);
          data[at] = elements?.unit === "range" ? shareOf(v, low, high) : v;
        }
        rounded.values += found;
        rounded.samples += Number(found > 0);
      }
      yield { ...batch, x: { ...batch.x, data } };
    }
  };
  const notes = (): readonly Note[] => [
    ...(elements ? [elementNote(elements)] : []),
    ...(spread
      ? [
          {
            code: "pixels-in-bounds",
            message: `${given.name} holds 8-bit pixels: 0 was taken for ${lower[0]} and 255 for ${upper[0]}, the bounds of the model.`,
          },
        ]
      : []),
    ...(seen.largest === BIT
      ? [
          {
            code: "faint-pixels",
            message: `${given.name} holds bytes of 0 and 1 alone, which were divided by 255 as pixels are. If they are numbers of their own, save them as floats.`,
          },
        ]
      : []),
    ...(rounded.values > 0
      ? [
          {
            code: "rounded-into-bounds",
            message: `${rounded.values} values of ${rounded.samples} samples lay beyond their bounds by at most ${rounded.most.toPrecision(2)}, which is rounding. They were moved to the bounds.`,
          },
        ]
      : []),
  ];
  return { data: { ...shaped, batches }, notes };
}

/** What a byte of 1 becomes. */
const BIT = Math.fround(1 / 255);

/** Whole numbers mean what whoever saved them knows. */
function beyondWhole(
  { indices }: Batch,
  type: string,
  row: number,
  v: number,
  low: number,
  high: number,
): PerturbError {
  return new PerturbError(
    "out-of-bounds",
    `The samples are ${type}, taken as they are, and sample ${indices[row]} holds ${v}, outside the model's bounds [${low}, ${high}]. Save 8-bit pixels as uint8, which are divided by 255; or give the bounds of the numbers (${option("bounds")}, such as 0 and 255), in whose units ε then is, and what the network wants in their place (${option("preprocessing.scale", "1/255")}).`,
    { data: { sample: indices[row], value: v, bounds: [low, high], type } },
  );
}

const isUniform = ({ lower, upper }: ElementBounds): boolean =>
  lower.every((v) => v === lower[0]) && upper.every((v) => v === upper[0]);

/** An element without room is 0. */
const shareOf = (v: number, low: number, high: number): number => (high > low ? (v - low) / (high - low) : 0);

/** Samples of shares in the units of the data again; others are as they are. */
export function inDataUnits(values: Float32Array, { elements }: Pick<Model, "elements">): Float32Array {
  if (elements?.unit !== "range") return values;
  const { lower, upper } = elements;
  return values.map((v, i) => {
    const [low, high] = [lower[i % lower.length]!, upper[i % upper.length]!];
    return low + v * (high - low);
  });
}

function elementNote({ lower, upper, unit }: ElementBounds): Note {
  const widths = Array.from(upper, (high, i) => high - lower[i]!).filter((width) => width > 0);
  const [least, most] = [widths, widths.map((width) => -width)].map((list) =>
    Math.abs(list.reduce((a, b) => Math.min(a, b))),
  ) as [number, number];
  const ranges = least === most ? `${least}` : `from ${Number(least.toPrecision(4))} to ${Number(most.toPrecision(4))}`;
  const still = upper.length - widths.length;
  return {
    code: "epsilon-unit",
    message: `${unit === "range" ? "ε, distances and pictures are in shares of the range between the bounds of each element" : "ε and distances are in the units of the input, and each element has bounds of its own"} (ranges ${ranges}).${still > 0 ? ` ${still} of ${upper.length} elements have no room, and stay as they are.` : ""}`,
  };
}

function outside(
  { indices, x }: Batch,
  row: number,
  i: number,
  value: number,
  low: number,
  high: number,
): PerturbError {
  return new PerturbError(
    "out-of-bounds",
    `Sample ${indices[row]} holds the value ${value} in element ${i} of [${x.dims.slice(1)}], outside its bounds [${low}, ${high}]. Widen ${option("bounds")}, or leave the sample out.`,
    { data: { sample: indices[row], element: i, value, bounds: [low, high] } },
  );
}

import type { EvaluationResult, Picture } from "../../evaluate.ts";
import { normFor, norms } from "../../norm.ts";
import { product } from "../../tensor.ts";
import { round, type SampleTable } from "../files/sample-table.ts";
import { className, printable, seriesOf } from "../format.ts";
import { fromBase64, toBase64 } from "../pictures/base64.ts";
import type { ExampleRow } from "../pictures/examples.ts";
import { layoutOf, shrink, toPixels } from "../pictures/picture.ts";

/** What the script of report.html works with. */
export interface ReportData {
  readonly bounds: Bounds;
  /** Cut to a length that fits. */
  readonly classNames: readonly string[];
  /** Those of the page, in its order. */
  readonly examples: readonly ExampleData[];
  readonly values: ValueData;
  readonly samples: SampleTable | null;
}

type Bounds = EvaluationResult["evaluation"]["model"]["bounds"];

/** An example; `original` and `adversarial` are places in `ValueData`, the same for a clean one. */
export interface ExampleData {
  readonly index: number;
  readonly label: number;
  readonly prediction: number;
  readonly confidence: number;
  readonly epsilon: number;
  readonly attack: string;
  /** Of the samples as they were, before any rounding. */
  readonly distances: Readonly<Record<"linf" | "l2" | "l1" | "l0", number>>;
  readonly original: number;
  readonly adversarial: number;
  /** The file of the sample. */
  readonly source?: string;
}

/** Samples as base64. */
export interface ValueData {
  /** Of what is held. */
  readonly shape: readonly number[];
  /** 32: float32, little-endian. 8: pixels, channels last, 0 the lower and 255 the upper bound. */
  readonly bits: 8 | 32;
  /** How many pixels of the sample are one pixel here, along a side. */
  readonly factor: number;
  readonly base64: readonly string[];
}

// A sample of more values than this is held as pixels of 8 bits, and smaller where all of them would be more than so many bytes.
const FEW = 4096;
const MOST_BYTES = 2 ** 23;
const NAME = 40;

/** The examples with the values of their pixels, and the records of the samples. */
export function reportData(
  { evaluation }: EvaluationResult,
  rows: readonly ExampleRow[],
  samples: SampleTable | null,
): ReportData {
  const { bounds, classes } = evaluation.model;
  const [only] = seriesOf(evaluation);
  const held: Float32Array[] = [];
  const shapes = rows.flatMap(({ cells }) => cells.map(({ picture }) => picture.shape));
  const shape = common(shapes) ?? evaluation.model.inputShape;
  // A sample is held once, whatever the number of rows that show it.
  const originals = new Map<number, number>();
  const hold = (values: Float32Array, own: readonly number[]): number =>
    held.push(framed(values, own, shape, bounds.lower)) - 1;
  const examples = rows.flatMap(({ series, epsilon, cells }, row) =>
    cells.map(({ example, picture }): ExampleData => {
      const { index, label, prediction, confidence, source } = example;
      const original = originals.get(index) ?? hold(picture.original, picture.shape);
      originals.set(index, original);
      return {
        index,
        label,
        prediction,
        confidence: round(confidence),
        epsilon: round(epsilon),
        attack: row === 0 ? "" : series || only!.name,
        distances: distancesOf(picture),
        original,
        adversarial: row === 0 ? original : hold(picture.adversarial, picture.shape),
        ...(source !== undefined && { source: printable(source) }),
      };
    }),
  );
  return {
    bounds,
    // Numbers name themselves.
    classNames: evaluation.data.classNames
      ? Array.from({ length: classes }, (_, c) => className(evaluation, c, NAME))
      : [],
    examples,
    values: encode(shape, held, bounds),
    samples,
  };
}

/** The shape that all pictures fit into; undefined without any. */
const common = (shapes: readonly (readonly number[])[]): readonly number[] | undefined =>
  shapes[0]?.map((_, axis) => Math.max(...shapes.map((shape) => shape[axis]!)));

/** A picture at the top left of one of another shape: the script holds all in one. */
function framed(values: Float32Array, own: readonly number[], shape: readonly number[], empty: number): Float32Array {
  if (String(own) === String(shape)) return values;
  const [, , c] = own;
  const [, middle, last] = shape as [number, number, number];
  const framed = new Float32Array(product(shape)).fill(empty);
  for (let i = 0; i < values.length; i += c!)
    framed.set(
      values.subarray(i, i + c!),
      (Math.floor(i / c! / own[1]!) * middle + (Math.floor(i / c!) % own[1]!)) * last,
    );
  return framed;
}

const distancesOf = ({ shape, original, adversarial }: Picture): ExampleData["distances"] => ({
  linf: round(norms.linf.distance(original, adversarial)),
  l2: round(norms.l2.distance(original, adversarial)),
  l1: round(norms.l1.distance(original, adversarial)),
  l0: normFor("l0", shape).distance(original, adversarial),
});

function encode(shape: readonly number[], samples: readonly Float32Array[], bounds: Bounds): ValueData {
  if (product(shape) <= FEW) {
    const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { shape, bits: 32, factor: 1, base64: samples.map((values) => toBase64(bytes(values))) };
  }
  const { width, height, channels } = layoutOf(shape);
  const factor = Math.max(1, Math.ceil(Math.sqrt((width * height * channels * samples.length) / MOST_BYTES)));
  const base64 = samples.map((values) => {
    const pixels = toPixels(shape, values, bounds);
    return toBase64((factor > 1 ? shrink(pixels, factor) : pixels).data);
  });
  return { shape: [Math.ceil(height / factor), Math.ceil(width / factor), channels], bits: 8, factor, base64 };
}

/** The values of a sample that is held, in `shape`. */
export function decode({ bits, base64 }: ValueData, place: number, { lower, upper }: Bounds): Float32Array {
  const bytes = fromBase64(base64[place]!);
  if (bits === 32) return new Float32Array(bytes.buffer);
  return Float32Array.from(bytes, (byte) => lower + (byte / 255) * (upper - lower));
}

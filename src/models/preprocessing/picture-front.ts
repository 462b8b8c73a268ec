import { straightThroughName } from "../../autodiff/straight-through.ts";
import { PerturbError } from "../../errors.ts";
import { channelAxis, layoutOf } from "../../layout.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { option } from "../../option.ts";
import { tensor } from "../../tensor.ts";
import { inFront, takenBy } from "../classifier/front.ts";
import { type CropRounding, type PictureSteps, pictureWords } from "./preprocessing.ts";
import {
  BITS,
  cropStart,
  FILTERS,
  fixedWeights,
  isHeightFirst,
  POINTWISE,
  places,
  pointWeights,
  resizedTo,
  type Size,
  type Weights,
} from "./resampling.ts";

const STEM = "picture";
/** What the network gets, in the graph of a picture. */
export const BEHIND_PICTURE = takenBy(STEM);

/** The shape that pictures of this shape have after their steps, with the channels at the same end. @throws usage */
export function preparedPicture(shape: readonly number[], { resize, crop }: PictureSteps): readonly number[] {
  const own = sizeOf(shape);
  const [width, height] = resize === undefined ? [own.width, own.height] : resizedTo(own, resize);
  const [tall, wide] = crop === undefined ? [height, width] : typeof crop === "number" ? [crop, crop] : crop;
  return layoutOf(shape) === "channels-last" ? [tall, wide, shape[2]!] : [shape[0]!, tall, wide];
}

/** @throws usage for samples that are no pictures */
function sizeOf(shape: readonly number[]): Size {
  const layout = layoutOf(shape);
  const channels = shape[channelAxis(shape)];
  if (layout === null || (channels !== 1 && channels !== 3))
    throw new PerturbError(
      "usage",
      `Pictures are perturbed at their own size where samples have the shape [1, H, W], [3, H, W], [H, W, 1] or [H, W, 3], and these have [${shape}]. Leave out ${option("perturb", "picture")}.`,
      { data: { shape } },
    );
  const [height, width] = (layout === "channels-last" ? shape : shape.slice(1)) as [number, number];
  return { height, width };
}

/**
 * The classifier graph with what is done to pictures in front, for pictures of this shape: they are rounded to 8 bits, resized and
 * cropped by sums that float32 holds exactly, as Pillow does it, bit by bit. The gradient passes straight through the rounding.
 * Without antialias the sums are those of float32, and a value that lies between two bytes may be the other one.
 */
export function pictureInFront(graph: Graph, steps: PictureSteps, shape: readonly number[]): Graph {
  const own = sizeOf(shape);
  const [, ...network] = graph.inputs[0]!.dims as number[];
  const wanted = sizeOf(network);
  const [width, height] = steps.resize === undefined ? [own.width, own.height] : resizedTo(own, steps.resize);
  const between = { width, height };
  const isLast = layoutOf(shape) === "channels-last";
  const make = (b: Ops, x: string): string => {
    const planes = isLast ? b.transpose(x, [0, 3, 1, 2]) : x;
    const bytes = floor(b, b.plus(b.mul(planes, b.scalar(255, x)), b.scalar(0.5, x)));
    const made = b.div(resized(b, bytes, steps, { own, between, wanted }), b.scalar(255, x));
    return isLast ? b.transpose(made, [0, 2, 3, 1]) : made;
  };
  return inFront(graph, STEM, make, shape);
}

/** The sizes of a picture as it is, resized, and cropped. */
interface Sizes {
  readonly own: Size;
  readonly between: Size;
  readonly wanted: Size;
}
type Axis = "width" | "height";

function resized(b: Ops, x: string, steps: PictureSteps, { own, between, wanted }: Sizes): string {
  const { interpolation = "bilinear", antialias = true, cropRounding } = steps;
  const matrixFor = (axis: Axis, weights: (size: number, wanted: number) => Weights) =>
    croppedMatrix(
      own[axis],
      between[axis],
      wanted[axis],
      own[axis] === between[axis] ? selected : weights,
      cropRounding,
    );
  if (interpolation === "nearest" || (own.width === between.width && own.height === between.height)) {
    const down = product(b, x, "height", matrixFor("height", nearest), own.height);
    return whole(b, product(b, down, "width", matrixFor("width", nearest), own.width));
  }
  if (antialias) {
    const first = isHeightFirst(own, between) ? "height" : "width";
    return [first, first === "height" ? "width" : "height"].reduce((values, name) => {
      const axis = name as Axis;
      if (own[axis] === between[axis]) return whole(b, product(b, values, axis, matrixFor(axis, selected), own[axis]));
      const matrix = matrixFor(axis, (size, to) => fixedWeights(size, to, FILTERS[interpolation]));
      return inBytes(b, inFixedPoint(b, values, axis, matrix, own[axis]), interpolation !== "bilinear");
    }, x);
  }
  if (b.opset < 11)
    throw new PerturbError(
      "unsupported",
      `Pictures ${pictureWords(steps)} are rounded by an operator of operator set 11, and this model has ${b.opset}. Export it with a newer one.`,
    );
  const filter = POINTWISE[interpolation];
  const points = (size: number, to: number) => pointWeights(size, to, filter);
  const across = product(b, x, "width", matrixFor("width", points), own.width);
  const sums = product(b, across, "height", matrixFor("height", points), own.height);
  return inBytes(b, marked(b, "Round", sums), interpolation !== "bilinear");
}

const selected = (size: number): Weights => ({
  from: Int32Array.from({ length: size }, (_, k) => k),
  values: Array.from({ length: size }, () => Float64Array.of(1)),
});
const nearest = (size: number, wanted: number): Weights => ({ ...selected(wanted), from: places(size, wanted) });

/** [own, wanted] by rows: what each place of the cropped line takes of each pixel; nothing beyond the picture, which is black. */
function croppedMatrix(
  own: number,
  between: number,
  wanted: number,
  weightsOf: (size: number, wanted: number) => Weights,
  rounding: CropRounding | undefined,
): Float64Array {
  const { from, values } = weightsOf(own, between);
  const start = cropStart(between, wanted, rounding);
  const matrix = new Float64Array(own * wanted);
  for (let k = 0; k < wanted; k++)
    for (const [i, weight] of (values[k + start] ?? []).entries()) matrix[(from[k + start]! + i) * wanted + k] = weight;
  return matrix;
}

/** One axis of [N, C, H, W] by a matrix [own, wanted]. */
function product(b: Ops, x: string, axis: Axis, matrix: Float64Array, own: number): string {
  const wanted = matrix.length / own;
  if (wanted === own && matrix.every((v, i) => v === Number(Math.floor(i / own) === i % own))) return x;
  if (axis === "width") return b.matmul(x, b.constant(tensor("float32", [own, wanted], Float32Array.from(matrix))));
  const turned = Float32Array.from(matrix, (_, i) => matrix[(i % own) * wanted + Math.floor(i / own)]!);
  return b.matmul(b.constant(tensor("float32", [wanted, own], turned)), x);
}

/** Bits of the lower part of a weight: float32 holds the sums of either part, up to 500 pixels wide, as whole numbers. */
const LOW = 8;

/** floor(sum / 2^BITS + 1/2) of bytes with whole weights, exactly: the sums of the higher and of the lower bits are added last. */
function inFixedPoint(b: Ops, x: string, axis: Axis, matrix: Float64Array, own: number): string {
  const wanted = matrix.length / own;
  const unit = 2 ** (LOW - BITS);
  // Both parts in one product, of which the scale is a part.
  const parts = new Float64Array(2 * matrix.length);
  for (const [i, weight] of matrix.entries()) {
    const at = Math.floor(i / wanted) * 2 * wanted + (i % wanted);
    const high = Math.round(weight / 2 ** LOW);
    parts[at] = high * unit;
    parts[at + wanted] = weight / 2 ** LOW - high;
  }
  const sums = product(b, x, axis, parts, own);
  const part = (start: number) => b.slice(sums, [axis === "width" ? 3 : 2], [start], [start + wanted]);
  const carried = b.mul(floor(b, part(wanted)), b.scalar(unit, x));
  return floor(b, b.plus(b.plus(part(0), carried), b.scalar(0.5, x)));
}

/** Weights below 0 lead beyond 0 and 255. */
function inBytes(b: Ops, x: string, isBeyond: boolean): string {
  if (!isBeyond) return x;
  return b.opset >= 11
    ? b.add("Clip", [x, b.scalar(0, x), b.scalar(255, x)])
    : b.add("Clip", [x], { min: { float: 0 }, max: { float: 255 } });
}

const marked = (b: Ops, op: "Floor" | "Round", x: string): string => b.named(straightThroughName(b.fresh(op)), op, [x]);
/** Keeps the division that follows out of a product of matrices: ONNX Runtime would multiply by 1/255 there. */
const whole = (b: Ops, x: string): string => floor(b, x);
const floor = (b: Ops, x: string): string => marked(b, "Floor", x);

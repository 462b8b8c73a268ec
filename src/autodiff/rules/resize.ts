import { UNKNOWN } from "../../onnx/facts.ts";
import type { Ops } from "../../onnx/ops.ts";
import {
  type ResizedAxis,
  type ResizeInputs,
  resizeAxes,
  resizedAxes,
  resizeInputs,
} from "../../onnx/shape-rules/resize.ts";
import { tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { constants, unsupported } from "./constants.ts";
import { type Resampling, resizeMatrix, resizeRows } from "./resize-weights.ts";
import { asTypeOf, contract, MAX_SELECTION } from "./selection.ts";

/** Resizing multiplies each axis by a matrix of its own; the gradient is multiplied by their transposes. */
function resizeGradient(rule: RuleContext): string[] {
  const { node, x, b, g } = rule;
  const context = { node, opset: b.opset, input: (i: number) => (x[i] ? b.fact(x[i]) : UNKNOWN) };
  const inputs = resizeInputs(context);
  b.dims(x[0]!);
  const axes = resizedAxes(context)!;
  for (const [i, axis] of axes.entries()) checkKnown(rule, inputs, axis, i);
  // Where no size changes, ONNX Runtime copies, whatever the scales and the region.
  if (axes.every(({ size, output }) => size === output)) return [g];
  const changed = axes.flatMap((axis, i) => (axis.scale === 1 ? [] : [resamplingOf(rule, inputs, axes, i)]));
  const blocks = changed.filter(copiesBlocks);
  const summed = sumBlocks(b, g, blocks);
  return [
    changed.filter((axis) => !blocks.includes(axis)).reduce((gradient, axis) => multiply(rule, gradient, axis), summed),
  ];
}

function checkKnown(
  { node, x: [x], b }: RuleContext,
  { scales, sizes }: ResizeInputs,
  axis: ResizedAxis,
  i: number,
): void {
  if (axis.scale === 1 || (axis.scale !== null && typeof axis.output === "number")) return;
  constants(node, sizes ? "sizes" : "scales", sizes ? sizes.values : scales?.floats);
  b.size(x!, i);
  throw unsupported(node, `a resized axis ${i} of an unknown size`);
}

interface ResampledAxis extends Resampling {
  readonly axis: number;
}

function resamplingOf(
  { node, b }: RuleContext,
  { roi }: ResizeInputs,
  resized: readonly ResizedAxis[],
  i: number,
): ResampledAxis {
  const { attributes } = node;
  const { size, output, scale } = resized[i]!;
  const mode = attributes.string("mode", "nearest");
  const old = b.opset < 11;
  const coordinates = old ? "asymmetric" : attributes.string("coordinate_transformation_mode", "half_pixel");
  // With channels last, ONNX Runtime has cubic only as an antialiased one, and only enlarges by it.
  const channelsLast = resized.length === 4 && resized[1]!.scale !== 1;
  const antialias = attributes.int("antialias", 0) !== 0 || (mode === "cubic" && channelsLast);
  const axes = resizeAxes(node, resized.length);
  const crops = coordinates === "tf_crop_and_resize";
  // There it fills what is outside as if channels came first.
  if (crops && antialias && channelsLast) throw unsupported(node, "a region of an image with channels last");
  const bounds = crops && roi ? constants(node, "regions", roi.floats) : undefined;
  const at = axes.indexOf(i);
  return {
    axis: i,
    mode,
    coordinates,
    nearest: old ? "" : attributes.string("nearest_mode", "round_prefer_floor"),
    input: size as number,
    output: output as number,
    scale: scale!,
    roi: bounds ? [bounds[at]!, bounds[at + axes.length]!] : [0, 1],
    cubicCoefficient: attributes.float("cubic_coeff_a", -0.75),
    excludeOutside: attributes.int("exclude_outside", 0) !== 0,
    antialias,
  };
}

/** Whether each element becomes as many as the scale says, side by side. */
const copiesBlocks = (axis: ResampledAxis): boolean =>
  axis.mode === "nearest" &&
  Number.isInteger(axis.scale) &&
  axis.output === axis.input * axis.scale &&
  axis.output <= MAX_SELECTION &&
  resizeRows(axis).every((row, o) => row[0]?.[0] === Math.floor(o / axis.scale));

/** Sums those elements, of all such axes at once: less than half the time of products. */
function sumBlocks(b: Ops, g: string, blocks: readonly ResampledAxis[]): string {
  const first = blocks[0]?.axis;
  if (first === undefined) return g;
  const shape: number[] = [];
  const summed: number[] = [];
  for (const [i, d] of b.dims(g).entries()) {
    const block = blocks.find(({ axis }) => axis === i);
    if (block) shape.push(block.input, block.scale);
    else shape.push(i < first ? 0 : typeof d === "number" ? d : -1);
    if (block) summed.push(shape.length - 1);
  }
  return b.reduceSum(b.reshape(g, shape), summed, false);
}

function multiply({ node, b }: RuleContext, g: string, resampled: ResampledAxis): string {
  const { axis, input, output, antialias } = resampled;
  // With antialiasing, ONNX Runtime copies each axis whose size stays.
  if (antialias && input === output) return g;
  if (input * output > MAX_SELECTION) throw unsupported(node, `an axis of ${input} resized to ${output}`);
  const matrix = tensor("float32", [output, input], Float32Array.from(resizeMatrix(resampled)));
  return contract(b, g, axis, asTypeOf(b, b.constant(matrix), g));
}

export const resizeRules = {
  Resize: resizeGradient,
  Upsample: resizeGradient,
} satisfies Rules;

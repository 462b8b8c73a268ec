import { normalizeAxis } from "../../onnx/dims.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product, tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { constants, unsupported } from "./constants.ts";
import { asTypeOf, MAX_SELECTION, sizesOf } from "./selection.ts";

/** The sum of the copies. */
function tileGradient({ x: [x, repeats], g, b }: RuleContext): string[] {
  const dims = b.dims(x!);
  const times = b.fact(repeats!).values;
  const open = dims.filter((d) => typeof d !== "number").length;
  if (open > 1 || !times?.every((r) => typeof r === "number"))
    return [b.reshapeLike(sumOfTurns(b, g, x!, repeats!), x!)];
  const axes = dims.flatMap((d, i) => {
    const axis = { size: typeof d === "number" ? d : -1, copies: false };
    return times[i] === 1 ? [axis] : [{ size: times[i] as number, copies: true }, axis];
  });
  const copies = axes.flatMap((axis, i) => (axis.copies ? [i] : []));
  if (copies.length === 0) return [g];
  const shape = axes.map(({ size }) => size);
  const total = b.reduceSum(b.reshape(g, shape), copies, false);
  return [open === 0 ? total : b.reshapeLike(total, x!)];
}

/** The same where the sizes are told by the run: repeats and sizes in turn. */
function sumOfTurns(b: Ops, g: string, x: string, repeats: string): string {
  const columns = [repeats, sizesOf(b, x, 0)].map((list) => b.unsqueeze(list, [1]));
  const rank = b.dims(x).length;
  const turns = b.reshape(b.add("Concat", columns, { axis: 1 }), [2 * rank]);
  const copies = Array.from({ length: rank }, (_, i) => 2 * i);
  return b.reduceSum(b.add("Reshape", [g, turns]), copies, false);
}

/** Each block of pixels back to the channels that it was made of. */
function depthToSpaceGradient({ node, x: [x], g, b }: RuleContext): string[] {
  const block = node.attributes.int("blocksize", 1);
  const [channels, height, width] = b.sizes(x!, 1) as [number, number, number];
  const blocks = b.reshape(g, [-1, channels / block ** 2, height, block, width, block]);
  const byColumn = node.attributes.string("mode", "DCR") === "CRD";
  return [b.reshapeLike(b.transpose(blocks, byColumn ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]), x!)];
}

/** Zeros where it was cropped; what was padded is cut off. */
function centerCropPadGradient({ node, x: [x, shape], g, b }: RuleContext): string[] {
  const dims = b.dims(x!);
  const { values } = b.fact(shape!);
  const [before, after] = [dims.map(() => 0), dims.map(() => 0)];
  (node.attributes.ints("axes", undefined) ?? [...dims.keys()]).forEach((given, i) => {
    const axis = normalizeAxis(given, dims.length);
    if (typeof values?.[i] === "string" && values[i] === dims[axis]) return;
    const [size] = constants(node, "shape", values?.slice(i, i + 1));
    const missing = b.size(x!, axis) - size!;
    before[axis] = missing < 0 ? -Math.floor(-missing / 2) : Math.floor(missing / 2);
    after[axis] = missing - before[axis]!;
  });
  return [b.pad(g, before, after)];
}

/** Takes the blocks out of the image again: a convolution with one filter for each place in a block. */
function col2ImGradient({ node, x: [x, imageShape, blockShape], g, b }: RuleContext): string[] {
  const image = constants(node, "image_shape", b.fact(imageShape!).values);
  const block = constants(node, "block_shape", b.fact(blockShape!).values);
  const ones = block.map(() => 1);
  const places = product(block);
  if (places ** 2 > MAX_SELECTION) throw unsupported(node, `blocks of ${places} elements`);
  const filters = new Float32Array(places ** 2);
  for (let i = 0; i < places; i++) filters[i * places + i] = 1;
  const weights = asTypeOf(b, b.constant(tensor("float32", [places, 1, ...block], filters)), g);
  const taken = b.add("Conv", [b.reshape(g, [-1, 1, ...image]), weights], {
    kernel_shape: block,
    dilations: node.attributes.ints("dilations", ones),
    strides: node.attributes.ints("strides", ones),
    pads: node.attributes.ints("pads", [...ones, ...ones].fill(0)),
  });
  return [b.reshapeLike(taken, x!)];
}

/** Elements in other places, in copies, or with zeros instead of some. */
export const rearrangementRules = {
  CenterCropPad: centerCropPadGradient,
  Col2Im: col2ImGradient,
  DepthToSpace: depthToSpaceGradient,
  SpaceToDepth: ({ node, g, b }) => [b.add("DepthToSpace", [g], { blocksize: node.attributes.int("blocksize", 1) })],
  // Reversing twice changes nothing.
  ReverseSequence: ({ node, x: [, lengths], g, b }) => {
    const [batch, time] = [node.attributes.int("batch_axis", 1), node.attributes.int("time_axis", 0)];
    return [b.add("ReverseSequence", [g, lengths!], { batch_axis: batch, time_axis: time })];
  },
  Tile: tileGradient,
  Trilu: ({ node, x: [, k], g, b }) => [b.add("Trilu", k ? [g, k] : [g], { upper: node.attributes.int("upper", 1) })],
} satisfies Rules;

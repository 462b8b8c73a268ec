import { normalizeAxis } from "../../onnx/dims.ts";
import { isFloat } from "../../onnx/facts.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { product, tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { asTypeOf, fromStart, joinAxes, MAX_SELECTION, scatterBack, sendBack, sizesOf } from "./selection.ts";

/**
 * Sends g[…, j, …] to the place indices[…, j, …] along an axis of x: the transpose of GatherElements.
 * @param unique whether no place is named twice
 */
function placeAlong(node: Node, b: Ops, g: string, axis: number, indices: string, x: string, unique = false): string {
  if (b.opset >= (unique ? 11 : 16))
    return b.add("ScatterElements", [b.full(0, x), indices, g], { axis, ...(!unique && { reduction: "add" }) });
  // Each place of the axis against each index: [..., place, index, ...].
  const size = b.size(x, axis);
  if (size > MAX_SELECTION) throw unsupported(node, `an axis of ${size}, below opset ${unique ? 11 : 16},`);
  const dims = b.dims(x);
  const places = b.reshape(b.int64([...Array(size).keys()]), [size, ...dims.slice(axis).map(() => 1)]);
  const at = fromStart(b, asInt64(b, indices), b.int64([size]));
  const here = asTypeOf(b, b.add("Equal", [b.unsqueeze(at, [axis]), places]), g);
  const placed = b.reduceSum(b.mul(here, b.unsqueeze(g, [axis])), [axis + 1], false);
  const missing = dims.map((d, i) => {
    const from = b.dims(placed)[i]!;
    if (typeof d === "number" && typeof from === "number") return d - from;
    if (d !== null && d === from) return 0;
    throw unsupported(node, "indices over axes of open sizes, below opset 16,");
  });
  return b.pad(
    placed,
    dims.map(() => 0),
    missing,
  );
}

const asInt64 = (b: Ops, a: string): string => (b.fact(a).type === "int64" ? a : b.cast(a, "int64"));

function gatherElementsGradient({ node, x: [x, indices], g, b }: RuleContext): (string | null)[] {
  const axis = normalizeAxis(node.attributes.int("axis", 0), b.dims(x!).length);
  return [placeAlong(node, b, g, axis, indices!, x!), null];
}

function gatherNdGradient({ node, x: [x, indices], g, b }: RuleContext): (string | null)[] {
  const batch = node.attributes.int("batch_dims", 0);
  const at = batch === 0 ? indices! : b.add("Concat", [...batchPlaces(b, indices!, batch), indices!], { axis: -1 });
  if (b.opset >= 16) return [b.add("ScatterND", [b.full(0, x!), at, g], { reduction: "add" }), null];
  // The indexed axes as one, and one index into it.
  const last = b.dims(at).length - 1;
  const sizes = Array.from({ length: batch + b.size(indices!, last) }, (_, i) => b.size(x!, i));
  const strides = sizes.map((_, i) => product(sizes.slice(i + 1)));
  const flat = b.reduceSum(b.mul(fromStart(b, at, b.int64(sizes)), b.int64(strides)), [last], false);
  return [b.reshapeLike(scatterBack(node, b, g, 0, flat, b.int64([product(sizes)])), x!), null];
}

/** For each batch axis, the place of each index along it: [..., 1]. */
function batchPlaces(b: Ops, indices: string, batch: number): string[] {
  const rank = b.dims(indices).length;
  const sizes = b.add("Concat", [sizesOf(b, indices, 0, rank - 1), b.int64([1])], { axis: 0 });
  const scalar = (value: number) => b.squeeze(b.int64([value]), [0]);
  return Array.from({ length: batch }, (_, axis) => {
    const size = b.squeeze(sizesOf(b, indices, axis, axis + 1), [0]);
    const places = b.add("Range", [scalar(0), size, scalar(1)]);
    const shape = Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1));
    return b.add("Expand", [b.reshape(places, shape), sizes]);
  });
}

/** The condition only chooses; what it leaves out gets zeros. */
function compressGradient({ node, x: [x, condition], g, b }: RuleContext): (string | null)[] {
  const { values } = b.fact(condition!);
  const given = node.attributes.int("axis", undefined);
  const rank = b.dims(x!).length;
  const axis = given === undefined ? 0 : normalizeAxis(given, rank);
  const dims = b.dims(x!).slice(...(given === undefined ? [] : [axis, axis + 1]));
  if (values?.every((v) => typeof v === "number") && dims.every((d) => typeof d === "number")) {
    const taken = values.flatMap((v, i) => (v ? [i] : []));
    return [b.reshapeLike(sendBack(node, b, g, axis, taken, product(dims)), x!), null];
  }
  const taken = b.squeeze(b.add("NonZero", [condition!]), [0]);
  const size = given === undefined ? b.reshape(b.add("Size", [x!]), [1]) : sizesOf(b, x!, axis, axis + 1);
  return [b.reshapeLike(scatterBack(node, b, g, axis, taken, size, true), x!), null];
}

/** One constant index along an axis: zeros around it. Several, or computed ones: each back to its place. */
function gatherGradient({ node, x: [x, indices], g, b }: RuleContext): (string | null)[] {
  const { values, dims } = b.fact(indices!);
  const rank = b.dims(x!).length;
  const axis = normalizeAxis(node.attributes.int("axis", 0), rank);
  const size = b.dims(x!)[axis];
  if (typeof size !== "number" || !dims || !values?.every((v) => typeof v === "number"))
    return [scatterBack(node, b, g, axis, indices!, sizesOf(b, x!, axis, axis + 1)), null];
  const at = values.map((index) => normalizeAxis(index as number, size));
  if (dims.length > 0) return [sendBack(node, b, joinAxes(b, g, axis, dims.length), axis, at, size), null];
  const only = (amount: number) => Array.from({ length: rank }, (_, i) => (i === axis ? amount : 0));
  return [b.pad(b.unsqueeze(g, [axis]), only(at[0]!), only(size - 1 - at[0]!)), null];
}

/** What is hot gets one value, all else the other; the indices and the depth choose in steps. */
function oneHotGradient({ node, x: [indices, depth], g, b, wants }: RuleContext): (string | null)[] {
  const none = (input: string) => (isFloat(b.fact(input).type) ? b.full(0, input) : null);
  if (!wants(2)) return [none(indices!), none(depth!)];
  const zeroOne = b.constant(tensor("float32", [2], Float32Array.of(0, 1)));
  const axis = node.attributes.int("axis", -1);
  const hot = asTypeOf(b, b.add("OneHot", [indices!, depth!, zeroOne], { axis }), g);
  const total = (value: string) => b.unsqueeze(b.reduceSum(value, b.axesFrom(value, 0), false), [0]);
  const on = total(b.mul(g, hot));
  return [none(indices!), none(depth!), b.add("Concat", [b.sub(total(g), on), on], { axis: 0 })];
}

/** What is taken out of a value by indices. */
export const indexingRules = {
  Compress: compressGradient,
  Gather: gatherGradient,
  GatherElements: gatherElementsGradient,
  GatherND: gatherNdGradient,
  OneHot: oneHotGradient,
  // To the elements that were taken; their order among equals is ONNX Runtime's.
  TopK: ({ node, x: [x], g, b }) => {
    const axis = normalizeAxis(node.attributes.int("axis", -1), b.dims(x!).length);
    return [placeAlong(node, b, g, axis, b.extraOutput(node, 1), x!, true), null];
  },
} satisfies Rules;

import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { Lowering, LoweringContext } from "../lowering.ts";
import { constants, unsupported } from "../rules/constants.ts";
import { asTypeOf } from "../rules/selection.ts";

/** Where a bin is read along one axis. */
interface Sampling {
  /** Points a bin. */
  readonly count: number;
  /** Each point, in parts of the region: [regions or 1, bins · count]. */
  readonly parts: string;
  /** How much each counts in the mean of its bin, of the same shape. */
  readonly shares: string;
}

/** The regions along one axis of the image. */
interface Extent {
  readonly start: string;
  readonly size: string;
  readonly bins: number;
  /** Pixels of the image. */
  readonly length: number;
  /** How many points a bin each region has. */
  readonly counts: readonly number[];
}

/** Elements of a table beyond which regions are not spelled out: its sizes come from a file that may be hostile. */
const MAX_ELEMENTS = 2 ** 25;

/**
 * RoiAlign (https://arxiv.org/abs/1703.06870): each bin of a region is the mean, or the largest, of points between pixels.
 * What a point reads is separable, so that all is a product with one matrix for the rows and one for the columns. The
 * largest is that of each pixel times its weight, as ONNX Runtime has it.
 */
export const roiAlign: Lowering = (context) => {
  const { node, x, b } = context;
  const mode = node.attributes.string("mode", "avg");
  if (mode !== "avg" && mode !== "max") throw unsupported(node, `mode "${mode}"`);
  const [channels] = b.sizes(x[0]!, 1);
  const extents = [extentOf(context, 0), extentOf(context, 1)];
  if (mode === "max" && extents.some(({ counts }) => counts.includes(0)))
    throw unsupported(node, 'mode "max" and empty regions');
  const matrices = extents.map((extent) => {
    const sampling = samplingOf(node, b, extent, x[0]!);
    return b.unsqueeze(mode === "avg" ? means(b, extent, sampling) : taps(b, extent, sampling), [1]);
  });
  const images = b.add("Gather", [x[0]!, x[2]!], { axis: 0 });
  const read = b.matmul(b.matmul(matrices[0]!, images), b.swap(matrices[1]!));
  if (mode === "avg") return [read];
  const apart = extents.flatMap(({ bins, counts }) => [bins, 2 * Math.max(...counts)]);
  return [b.reduceMax(b.reshape(read, [-1, channels!, ...apart]), [3, 5], false)];
};

/** The regions along the rows (0) or columns (1) of the image, in pixels. */
function extentOf({ node, x: [x, regions], b }: LoweringContext, axis: 0 | 1): Extent {
  const { attributes } = node;
  const half = attributes.string("coordinate_transformation_mode", b.opset < 16 ? "output_half_pixel" : "half_pixel");
  const [scale, offset] = [attributes.float("spatial_scale", 1), half === "half_pixel" ? 0.5 : 0];
  const [bins, ratio] = [
    attributes.int(axis === 0 ? "output_height" : "output_width", 1),
    attributes.int("sampling_ratio", 0),
  ];
  const pixels = (column: number) => {
    const scaled = b.mul(b.slice(regions!, [1], [column], [column + 1]), b.scalar(scale, regions!));
    return offset === 0 ? scaled : b.sub(scaled, b.scalar(offset, scaled));
  };
  const [first, last] = [1 - axis, 3 - axis];
  const start = pixels(first);
  const between = b.sub(pixels(last), start);
  const size = offset === 0 ? b.add("Max", [between, b.scalar(1, between)]) : between;
  const counts = (): number[] => {
    const known = constants(node, "a sampling_ratio of 0 and regions", b.fact(regions!).floats);
    const round = b.fact(x!).type === "float64" ? Number : Math.fround;
    const at = (i: number) => round(round(known[i]! * scale) - offset);
    return Array.from({ length: known.length / 4 }, (_, r) => {
      const pixels = round(at(4 * r + last) - at(4 * r + first));
      return Math.max(0, Math.ceil(round((offset === 0 ? Math.max(pixels, 1) : pixels) / bins)));
    });
  };
  return { start, size, bins, length: b.size(x!, axis + 2), counts: ratio > 0 ? [ratio] : counts() };
}

/** The points of each bin. A region of fewer than others has its last one several times, one of none counts nothing. */
function samplingOf(node: Node, b: Ops, { bins, length, counts }: Extent, like: string): Sampling {
  const count = Math.max(1, ...counts);
  if (counts.length * bins * count * length > MAX_ELEMENTS) throw unsupported(node, "so many points");
  const table = (at: (bin: number, point: number, points: number) => number) => {
    const values = counts.flatMap((points) =>
      Array.from({ length: bins * count }, (_, i) => at(Math.floor(i / count), i % count, points)),
    );
    return asTypeOf(b, b.constant(tensor("float64", [counts.length, bins * count], Float64Array.from(values))), like);
  };
  return {
    count,
    parts: table((bin, point, points) => (bin + (Math.min(point, points - 1) + 0.5) / Math.max(points, 1)) / bins),
    shares: table((_, point, points) => (point < points ? 1 / points : 0)),
  };
}

/** Where each point lies in the image, [regions, points, 1], and whether it does: beyond one pixel around it all is 0. */
function placed(b: Ops, { start, size, length }: Extent, { parts }: Sampling) {
  const at = b.plus(start, b.mul(size, parts));
  const outside = b.add("Or", [b.add("Less", [at, b.scalar(-1, at)]), b.add("Greater", [at, b.scalar(length, at)])]);
  const inside = asTypeOf(b, b.add("Not", [outside]), at);
  const clamped = b.add("Max", [b.add("Min", [at, b.scalar(length - 1, at)]), b.scalar(0, at)]);
  const pixels = asTypeOf(b, b.constant(tensor("float64", [length], Float64Array.from(Array(length).keys()))), at);
  return { at: b.unsqueeze(clamped, [2]), inside, pixels };
}

/** What each bin takes of each pixel: [regions, bins, pixels]. */
function means(b: Ops, extent: Extent, sampling: Sampling): string {
  const { at, inside, pixels } = placed(b, extent, sampling);
  const distance = b.add("Abs", [b.sub(at, pixels)]);
  const weights = b.add("Relu", [b.sub(b.scalar(1, distance), distance)]);
  const shares = b.mul(weights, b.unsqueeze(b.mul(inside, sampling.shares), [2]));
  return b.reduceSum(b.reshape(shares, [-1, extent.bins, sampling.count, extent.length]), [2], false);
}

/** For each point the pixel before it with its weight, and the one after it: [regions, bins · points · 2, pixels]. */
function taps(b: Ops, extent: Extent, sampling: Sampling): string {
  const { at, inside, pixels } = placed(b, extent, sampling);
  const low = b.add("Floor", [at]);
  const part = b.sub(at, low);
  const one = b.scalar(1, at);
  const [before, after] = [low, b.plus(low, one)].map((place) => asTypeOf(b, b.equal(place, pixels), at));
  const weighted = [b.mul(before!, b.sub(one, part)), b.mul(after!, part)];
  const counted = weighted.map((weights) => b.unsqueeze(b.mul(weights, b.unsqueeze(inside, [2])), [2]));
  const rows = 2 * extent.bins * sampling.count;
  return b.reshape(b.add("Concat", counted, { axis: 2 }), [-1, rows, extent.length]);
}

import type { Ops } from "../../onnx/ops.ts";
import { product, tensor } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { KERNELS, NEAREST, type Sampling, tapsOf } from "./grid-taps.ts";
import { asTypeOf, scatterBack, sizesOf } from "./selection.ts";

/**
 * The image gets what its pixels gave, added at their places; the grid gets the slope of the image. At kinks (pixels, the
 * border, where it reflects) as PyTorch: the slope of the cell that begins there, and none on the border itself.
 */
function gridSampleGradient({ node, x: [x, grid], g, b, wants }: RuleContext): (string | null)[] {
  const [channels, ...sizes] = b.sizes(x!, 1);
  const sampling = samplingOf(node, sizes);
  const points = b.reshape(grid!, [0, -1, sizes.length]);
  // The last coordinate of a point is that of the first axis.
  const taps = sizes.map((size, i) =>
    tapsOf(b, b.slice(points, [2], [sizes.length - 1 - i], [sizes.length - i]), size, sampling),
  );
  const strides = sizes.map((_, i) => product(sizes.slice(i + 1)));
  const flat = combine(
    b,
    taps.map(({ pixels }, i) => b.mul(b.cast(pixels, "int64"), b.int64([strides[i]!]))),
    b.plus,
  );
  const places = b.plus(flat, firstPixels(b, x!, product(sizes)));
  const gradients = b.transpose(b.reshape(g, [0, channels!, -1]), [0, 2, 1]);
  const byImage = () => {
    const weights = combine(
      b,
      taps.map((t) => t.weights),
      b.mul,
    );
    const given = b.mul(b.unsqueeze(gradients, [2]), b.unsqueeze(weights, [3]));
    const count = b.mul(sizesOf(b, x!, 0, 1), b.int64([product(sizes)]));
    const rows = scatterBack(node, b, given, 0, places, count);
    const perSample = b.transpose(b.reshape(rows, [-1, product(sizes), channels!]), [0, 2, 1]);
    return b.reshape(perSample, [-1, channels!, ...sizes]);
  };
  const byGrid = () => {
    if (sampling.kernel === NEAREST) return b.full(0, grid!);
    const rows = b.reshape(b.transpose(b.reshape(x!, [0, channels!, -1]), [0, 2, 1]), [-1, channels!]);
    const taken = b.add("Gather", [rows, places], { axis: 0 });
    const slopes = b.squeeze(b.matmul(taken, b.unsqueeze(gradients, [3])), [3]);
    const byAxis = taps.map((_, axis) => {
      const factors = taps.map((t, i) => (i === axis ? t.derivatives : t.weights));
      return b.reduceSum(b.mul(combine(b, factors, b.mul), slopes), [2], true);
    });
    return b.reshapeLike(b.add("Concat", byAxis.reverse(), { axis: 2 }), grid!);
  };
  return [wants(0) ? byImage() : null, wants(1) ? byGrid() : null];
}

function samplingOf(node: RuleContext["node"], sizes: readonly number[]): Sampling {
  const mode = node.attributes.string("mode", "linear");
  const padding = node.attributes.string("padding_mode", "zeros");
  const alignCorners = node.attributes.int("align_corners", 0) !== 0;
  const kernel = Object.hasOwn(KERNELS, mode) ? KERNELS[mode] : undefined;
  if (!kernel) throw unsupported(node, `mode "${mode}"`);
  if (padding === "reflection" && alignCorners && sizes.includes(1))
    throw unsupported(node, "reflection in an axis of one pixel");
  return { kernel, padding, alignCorners };
}

/** The number of the first pixel of each sample, as [N, 1, 1]. */
function firstPixels(b: Ops, x: string, pixels: number): string {
  const scalar = (value: number) => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
  const samples = b.add("Range", [scalar(0), b.squeeze(sizesOf(b, x, 0, 1), [0]), scalar(1)]);
  return b.mul(b.reshape(samples, [-1, 1, 1]), scalar(pixels));
}

/** Every choice of one pixel an axis, from [N, points, pixels] each: their values joined by `join`. */
function combine(b: Ops, values: readonly string[], join: (a: string, c: string) => string): string {
  const spread = values.map((value, i) => {
    const others = values.map((_, j) => j).filter((j) => j !== i);
    return others.length === 0
      ? value
      : b.unsqueeze(
          value,
          others.map((j) => j + 2),
        );
  });
  return b.reshape(spread.reduce(join), [0, 0, -1]);
}

/** Each point is linear in the matrix of its sample. */
function affineGridGradient({ node, x: [theta, size], g, b }: RuleContext): string[] {
  const values = b.fact(size!).values?.slice(2) ?? [];
  if (values.length === 0 || !values.every((v) => typeof v === "number"))
    throw unsupported(node, "sizes that are not constant");
  b.room(product(values) * (values.length + 1), size!);
  const points = basePoints(values, node.attributes.int("align_corners", 0) !== 0);
  const base = b.constant(tensor("float64", [product(values), values.length + 1], points));
  const byPoint = b.transpose(b.reshape(g, [0, -1, values.length]), [0, 2, 1]);
  return [b.matmul(byPoint, asTypeOf(b, base, theta!))];
}

/** The points of the unit grid with a 1 after their coordinates, that of the last axis first; row-major. */
function basePoints(sizes: readonly number[], alignCorners: boolean): Float64Array {
  const rank = sizes.length;
  const coordinate = (i: number, size: number): number => {
    // A lone point of an aligned grid is at 1 in ONNX Runtime, at 0 in PyTorch.
    const even = size === 1 ? 1 : (2 * i) / (size - 1) - 1;
    return alignCorners ? even : (even * (size - 1)) / size;
  };
  return Float64Array.from({ length: product(sizes) * (rank + 1) }, (_, at) => {
    const axis = rank - 1 - (at % (rank + 1));
    if (axis < 0) return 1;
    const point = Math.floor(at / (rank + 1));
    return coordinate(Math.floor(point / product(sizes.slice(axis + 1))) % sizes[axis]!, sizes[axis]!);
  });
}

export const gridSampleRules = {
  GridSample: gridSampleGradient,
  AffineGrid: affineGridGradient,
} satisfies Rules;

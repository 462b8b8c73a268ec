import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Dim } from "../../../src/onnx/graph.ts";
import { product } from "../../../src/tensor.ts";
import { numbers, type Sample, type SampleInput } from "../gradient-check.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

const PADDINGS = ["zeros", "border", "reflection"];

interface Case {
  readonly dims: readonly number[];
  readonly points: readonly number[];
  readonly opsets: readonly number[];
  readonly declared?: readonly Dim[];
}

const image: Case = { dims: [2, 3, 4, 5], points: [2, 3, 4, 2], opsets: [16, 18] };
const newer = { ...image, opsets: [20, 22] };
const volume = { dims: [2, 2, 3, 4, 2], points: [2, 2, 3, 2, 3], opsets: [20, 22] };

/** Points in and beyond the image, away from pixels and the middles between them: no step reaches a kink or a jump. */
function between({ dims, points }: Case, alignCorners: boolean): number[] {
  const sizes = dims.slice(2).reverse();
  return Array.from({ length: product(points) }, (_, i) => {
    const size = sizes[i % sizes.length]!;
    const position = ((i * 7 + 3) % (size + 4)) - 2 + [0.23, 0.73, 0.3, 0.76, 0.27][i % 5]!;
    return alignCorners ? (2 * position) / (size - 1) - 1 : (2 * position + 1) / size - 1;
  });
}

const sample = (mode: string, attributes: Attributes, given: Case): Sample => {
  const { dims, points, opsets, declared = dims } = given;
  const values = between(given, attributes["align_corners"] === 1);
  // ONNX Runtime's first GridSample is for float32 only, whose differences are too coarse for cubics of the grid.
  const type = opsets.every((opset) => opset >= 20) ? "float64" : "float32";
  const fixed = mode === "bicubic";
  const grid: SampleInput = { dims: points, declared: [declared[0]!, ...points.slice(1)], values };
  return {
    name: `${mode}, ${JSON.stringify(attributes)}, ${declared}`,
    opsets,
    type,
    inputs: { x: { dims, declared }, ...(!fixed && { grid }) },
    build: (b, v) => {
      const at = v["grid"] ?? b.constant(numbers(type, points, values));
      return b.add("GridSample", [v["x"]!, at], { mode, ...attributes });
    },
  };
};

const sampled = (mode: string, given: Case): Sample[] =>
  PADDINGS.flatMap((padding_mode) =>
    [0, 1].map((align_corners) => sample(mode, { padding_mode, align_corners }, given)),
  );

const named = { ...image, declared: ["N", 3, 4, 5] };

const affine = (name: string, size: readonly number[], attributes: Attributes = {}): Sample => {
  const rank = size.length - 2;
  return {
    name,
    opsets: [20, 22],
    inputs: { theta: { dims: [size[0]!, rank, rank + 1], declared: ["N", rank, rank + 1] } },
    build: (b, { theta }) => b.add("AffineGrid", [theta!, b.int64(size)], attributes),
  };
};

interface Deformed {
  readonly channels?: number;
  readonly kernel?: readonly number[];
  readonly group?: number;
  readonly parts?: number;
  readonly output: readonly number[];
  readonly optional?: readonly ("bias" | "mask")[];
  readonly batch?: string;
  readonly attributes?: Attributes;
}

/** The lowering needs GridSample, which ONNX Runtime has for float64 from opset 20 on. */
const deformed = (name: string, given: Deformed): Sample[] => [
  deformedAt(19, "float32", name, given),
  deformedAt(22, "float64", name, given),
];

const deformedAt = (opset: number, type: "float32" | "float64", name: string, given: Deformed): Sample => {
  const { channels = 2, kernel = [2, 3], group = 1, parts = 1, output, optional = [], batch = 2, attributes } = given;
  const taps = product(kernel);
  const offsets = [2, 2 * parts * taps, ...output];
  // Between pixels, so that no step reaches a kink.
  const values = Array.from({ length: product(offsets) }, (_, i) => ((i * 5) % 7) / 2 - 1.73);
  const mask = [2, parts * taps, ...output];
  return {
    name,
    opsets: [opset],
    type,
    inputs: {
      x: { dims: [2, channels, 4, 5], declared: [batch, channels, 4, 5] },
      w: { dims: [4, channels / group, ...kernel] },
      offset: { dims: offsets, declared: [batch, ...offsets.slice(1)], values },
      ...(optional.includes("bias") && { bias: { dims: [4] } }),
      ...(optional.includes("mask") && { mask: { dims: mask, declared: [batch, ...mask.slice(1)] } }),
    },
    build: (b, { x, w, offset, bias = "", mask: m = "" }) =>
      b.add("DeformConv", [x!, w!, offset!, bias, m], { group, offset_group: parts, ...attributes }),
  };
};

export const gridSampleSamples = {
  GridSample: [
    ...["bilinear", "nearest", "bicubic"].flatMap((mode) => sampled(mode, image)),
    ...["linear", "nearest", "cubic"].flatMap((mode) => sampled(mode, newer)),
    ...["linear", "nearest"].flatMap((mode) => sampled(mode, volume)),
    sample("bilinear", {}, named),
    sample("bicubic", { padding_mode: "reflection" }, named),
    sample("nearest", { padding_mode: "border" }, named),
    {
      name: "a spatial transformer",
      opsets: [20, 22],
      inputs: { x: { dims: [2, 3, 4, 5], declared: ["N", 3, 4, 5] }, w: { dims: [60, 6] } },
      build: (b, { x, w }) => {
        const scaled = b.mul(b.matmul(b.add("Flatten", [x!]), w!), b.scalar(1 / 16, x!));
        const theta = b.reshape(scaled, [-1, 2, 3]);
        const size = b.add("Concat", [b.slice(b.shape(x!), [0], [0], [2]), b.int64([3, 4])], { axis: 0 });
        return b.add("GridSample", [x!, b.add("AffineGrid", [theta, size])], { mode: "cubic" });
      },
    },
  ],
  AffineGrid: [
    affine("an image", [2, 3, 4, 5]),
    affine("an image, aligned", [2, 3, 4, 5], { align_corners: 1 }),
    affine("a volume", [2, 3, 4, 5, 2]),
    affine("a volume, aligned", [2, 3, 4, 5, 2], { align_corners: 1 }),
    affine("one pixel", [2, 3, 1, 1]),
    affine("one pixel, aligned", [2, 3, 1, 4], { align_corners: 1 }),
  ],
  DeformConv: [
    ...deformed("alone", { output: [3, 3] }),
    ...deformed("a bias", { output: [3, 3], optional: ["bias"], batch: "N" }),
    ...deformed("a mask", { output: [3, 3], optional: ["mask"], batch: "N" }),
    ...deformed("groups", { channels: 4, group: 2, output: [3, 3], optional: ["bias", "mask"] }),
    ...deformed("groups of offsets", { channels: 4, parts: 2, output: [3, 3], optional: ["mask"], batch: "N" }),
    ...deformed("groups of both", { channels: 4, group: 2, parts: 4, output: [3, 3], optional: ["mask"] }),
    ...deformed("a window", {
      kernel: [3, 2],
      output: [3, 2],
      attributes: { pads: [2, 1, 1, 0], strides: [1, 2], dilations: [2, 3], kernel_shape: [3, 2] },
    }),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

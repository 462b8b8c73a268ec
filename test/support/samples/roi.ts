import type { Ops } from "../../../src/onnx/ops.ts";
import type { ElementType } from "../../../src/tensor.ts";
import { numbers, type Sample, type SampleInput } from "../gradient-check.ts";

type Attributes = NonNullable<Parameters<Ops["add"]>[2]>;

/** Two images of 6 by 5 pixels. */
const image: SampleInput = { dims: [2, 2, 6, 5] };
/** Regions [x1, y1, x2, y2] within an image, across its border, and beyond it, none at a pixel's edge. */
const regions = [
  [0.3, 0.7, 3.6, 4.9],
  [-2.35, 1.15, 2.45, 8.65],
  [1.4, -3.3, 1.9, -2.1],
];
const images = [1, 0, 1];

interface Options {
  readonly constant?: boolean;
  readonly opsets?: readonly number[];
  readonly type?: "float32" | "float64";
  readonly x?: SampleInput;
  readonly at?: readonly (readonly number[])[];
}

/** Regions that are inputs are differentiated too. */
const align = (name: string, attributes: Attributes, options: Options = {}): Sample => {
  const { constant = true, opsets = [10, 13, 16, 20], type = "float64", x = image, at = regions } = options;
  const places = { dims: [3, 4], declared: ["R", 4], values: at.flat() };
  return {
    name: `${name}, ${constant ? "constant" : "other"} regions`,
    opsets,
    type,
    inputs: {
      x,
      ...(!constant && { places, images: { dims: [3], declared: ["R"], values: images, type: "int64" as const } }),
    },
    build(b, v) {
      const given = v["places"] ?? b.constant(numbers(type, [3, 4], at.flat()));
      const of = v["images"] ?? b.int64(images);
      return b.add("RoiAlign", [v["x"]!, given, of], { output_height: 3, output_width: 2, ...attributes });
    },
  };
};

const modern = [16, 20];
const unaligned = { coordinate_transformation_mode: "output_half_pixel" };
const named: SampleInput = { ...image, declared: ["N", 2, 6, 5] };
const spaced: SampleInput = { ...image, values: "spaced" };

/** Regions [image, x1, y1, x2, y2]: in steps of halves where they are computed, so that they are no inputs of floats. */
const pooled = (
  name: string,
  rows: readonly (readonly number[])[],
  attributes: Attributes,
  computed = false,
): Sample => ({
  name,
  opsets: computed ? [16, 18] : [9, 11, 13, 17, 18],
  type: "float32",
  inputs: {
    x: computed ? { ...spaced, declared: ["N", 2, 6, 5] } : spaced,
    ...(computed && {
      places: { dims: [rows.length, 5], declared: ["R", 5], values: rows.flat(), type: "int32" as ElementType },
    }),
  },
  build(b, v) {
    const given = computed
      ? b.cast(v["places"]!, "float32")
      : b.constant(numbers("float32", [rows.length, 5], rows.flat()));
    return b.add("MaxRoiPool", [v["x"]!, given], attributes);
  },
});

export const roiSamples = {
  RoiAlign: [
    align("mean of 2 by 2 points", { sampling_ratio: 2 }),
    align("as many points as a bin has pixels", {}),
    align("an empty region, and one of less", {}, { at: [regions[0]!, [2, 1, 2, 3], [3, 3, 1, 1]], opsets: modern }),
    align("half the size", { spatial_scale: { float: 0.5 }, sampling_ratio: 3 }),
    align("half the size, as many points as pixels", { spatial_scale: { float: 0.75 } }),
    align("not aligned", { ...unaligned, sampling_ratio: 2 }, { opsets: modern }),
    align("not aligned, as many points as pixels", unaligned, { opsets: modern, type: "float32" }),
    align("mean of 2 by 2 points", { sampling_ratio: 2 }, { constant: false }),
    align("a mean, not aligned", { ...unaligned, sampling_ratio: 1 }, { constant: false, opsets: modern }),
    align("named batch", { sampling_ratio: 2 }, { constant: false, opsets: modern, x: named }),
    align("named batch", { sampling_ratio: 2 }, { x: named, opsets: modern, type: "float32" }),
    align("largest of 2 by 2 points", { mode: "max", sampling_ratio: 2 }, { x: spaced }),
    align("largest, as many points as a bin has pixels", { mode: "max" }, { x: spaced }),
    align("largest, not aligned", { ...unaligned, mode: "max", sampling_ratio: 2 }, { x: spaced, opsets: modern }),
    align("largest of 2 by 2 points", { mode: "max", sampling_ratio: 2 }, { x: spaced, constant: false }),
  ],
  MaxRoiPool: [
    pooled("within the image", [[0, 0, 1, 3, 4], [1, 1, 0, 4, 5], [0, 2, 2, 2, 2]], { pooled_shape: [2, 2] }), // biome-ignore format: rows
    pooled("across the border", [[1, -2, -3, 2, 4], [0, 3, 4, 9, 7]], { pooled_shape: [3, 2] }), // biome-ignore format: rows
    pooled("scaled", [[1, 1, 3, 7, 11], [0, -1, -3, 5, 9]], { pooled_shape: [2, 3], spatial_scale: { float: 0.5 } }), // biome-ignore format: rows
    pooled("computed regions", [[1, 0, 1, 3, 4], [0, 1, 0, 6, 5]], { pooled_shape: [2, 2] }, true), // biome-ignore format: rows
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

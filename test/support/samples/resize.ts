import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Dim } from "../../../src/onnx/graph.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import type { Sample } from "../gradient-check.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

interface Case {
  readonly dims?: readonly number[];
  readonly declared?: readonly Dim[];
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly roi?: readonly number[];
  readonly opsets?: readonly number[];
}

const image = [2, 2, 4, 5];
const named = { dims: image, declared: ["N", 2, 4, 5] };
const floats = (b: Ops, values: readonly number[]) =>
  b.constant(tensor("float32", [values.length], Float32Array.from(values)));

/** Resize of opset 11 and newer; ONNX Runtime has it for float32 only. */
const resize = (name: string, attributes: Attributes, given: Case = {}): Sample => {
  const { dims = image, declared = dims, sizes, roi, opsets = [11, 13, 18, 19] } = given;
  const scales = given.scales ?? (sizes ? [] : [1, 1, 1.75, 0.6]);
  return {
    name,
    opsets,
    type: "float32",
    inputs: { x: { dims, declared } },
    build: (b, { x }) => {
      const none = b.opset >= 13 ? "" : floats(b, []);
      const region = roi ? floats(b, roi) : none;
      const rest = sizes ? [none, b.int64(sizes)] : [floats(b, scales)];
      return b.add("Resize", [x!, region, ...rest], attributes);
    },
  };
};

const upsample = (
  name: string,
  mode: string,
  scales: readonly number[],
  dims = image,
  declared: readonly Dim[] = dims,
) => [
  {
    name: `${name}, an attribute`,
    opsets: [7, 8],
    type: "float32" as const,
    inputs: { x: { dims, declared } },
    build: (b: Ops, { x }: Readonly<Record<string, string>>) =>
      b.add("Upsample", [x!], { mode, scales: { floats: scales } }),
  },
  {
    name,
    opsets: [9],
    type: "float32" as const,
    inputs: { x: { dims, declared } },
    build: (b: Ops, { x }: Readonly<Record<string, string>>) => b.add("Upsample", [x!, floats(b, scales)], { mode }),
  },
];

const COORDINATES: readonly (readonly [mode: string, opsets: readonly number[]])[] = [
  ["half_pixel", [11, 13, 18, 19]],
  ["pytorch_half_pixel", [11, 13, 18, 19]],
  ["align_corners", [11, 13, 18, 19]],
  ["asymmetric", [11, 13, 18, 19]],
  ["half_pixel_symmetric", [19]],
  ["tf_half_pixel_for_nn", [11]],
];

const coordinates = COORDINATES.flatMap(([coordinate_transformation_mode, opsets]) =>
  ["nearest", "linear", "cubic"].map((mode) =>
    resize(`${mode}, ${coordinate_transformation_mode}`, { mode, coordinate_transformation_mode }, { opsets }),
  ),
);

const crops = ["nearest", "linear", "cubic"].flatMap((mode) => {
  const attributes = {
    mode,
    coordinate_transformation_mode: "tf_crop_and_resize",
    extrapolation_value: { float: 3 },
  };
  return [
    resize(`${mode}, a region inside`, attributes, { roi: [0, 0, 0.2, 0.1, 1, 1, 0.7, 0.8] }),
    resize(`${mode}, a region beyond`, attributes, { roi: [0, 0, -0.2, 0.5, 1, 1, 0.9, 1.6], ...named }),
    resize(
      `${mode}, a region of two axes`,
      { ...attributes, axes: [3, 2] },
      {
        roi: [-0.2, 0.5, 0.9, 1.6],
        scales: [1.6, 0.75],
        opsets: [18, 19],
      },
    ),
    resize(`${mode}, a region for an axis that keeps its size`, attributes, {
      roi: [0, 0, 0.2, 0.1, 1, 1, 0.7, 0.8],
      sizes: [2, 2, 4, 3],
    }),
    resize(`${mode}, a region of what keeps all sizes`, attributes, {
      roi: [0, 0, 0.2, 0.1, 1, 1, 0.7, 0.8],
      scales: [1, 1, 1.1, 1],
    }),
  ];
});

const antialiased = ["linear", "cubic"].flatMap((mode) => {
  const some = { mode, antialias: 1 };
  const opsets = [18, 19];
  return [
    resize(`${mode}, antialiased`, some, { scales: [1, 1, 0.6, 0.5], opsets, ...named }),
    resize(`${mode}, antialiased, larger`, some, { sizes: [2, 2, 9, 4], opsets }),
    resize(`${mode}, antialiased, nothing outside`, { ...some, exclude_outside: 1 }, { sizes: [2, 2, 3, 7], opsets }),
    resize(`${mode}, antialiased, one size kept`, some, { scales: [1, 1, 1.1, 0.5], opsets }),
    resize(`${mode}, antialiased, channels last`, some, { dims: [2, 4, 5, 2], scales: [1, 0.6, 0.5, 1], opsets }),
  ];
});

const aspect = ["not_larger", "not_smaller", "stretch"].flatMap((keep_aspect_ratio_policy) =>
  ["nearest", "linear"].map((mode) =>
    resize(
      `${mode}, ${keep_aspect_ratio_policy}`,
      { mode, keep_aspect_ratio_policy, axes: [2, 3] },
      {
        sizes: [7, 6],
        opsets: [18, 19],
        ...named,
      },
    ),
  ),
);

export const resizeSamples = {
  Resize: [
    ...coordinates,
    ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].flatMap((nearest_mode) => [
      resize(nearest_mode, { mode: "nearest", nearest_mode }, { scales: [1, 1, 2, 0.5] }),
      resize(`${nearest_mode}, asymmetric`, {
        mode: "nearest",
        nearest_mode,
        coordinate_transformation_mode: "asymmetric",
      }),
    ]),
    resize("by default", {}, { scales: [1, 1, 2, 3] }),
    resize(
      "blocks, of a named batch",
      { nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
      {
        scales: [1, 1, 2, 3],
        ...named,
      },
    ),
    resize("every axis", { mode: "nearest" }, { dims: [2, 3, 4], scales: [2, 0.7, 1.5] }),
    resize("a list", { mode: "nearest" }, { dims: [5], scales: [1.7] }),
    resize("rank 5", { mode: "nearest" }, { dims: [1, 2, 3, 2, 3], scales: [1, 1, 2, 1.5, 0.7] }),
    resize("sizes", { mode: "nearest" }, { sizes: [2, 2, 3, 9] }),
    resize("a named batch", { mode: "linear" }, named),
    resize("open channels", { mode: "linear" }, { dims: image, declared: ["N", "C", 4, 5] }),
    resize("two axes", { mode: "linear" }, { dims: [3, 4], scales: [2, 0.7] }),
    resize("three axes", { mode: "linear" }, { dims: [3, 4, 3], scales: [2, 0.7, 1.5] }),
    resize("three axes of five", { mode: "linear" }, { dims: [1, 2, 3, 2, 3], sizes: [1, 2, 4, 5, 2] }),
    resize("channels last", { mode: "linear" }, { dims: [2, 4, 5, 2], scales: [1, 2, 0.7, 1] }),
    resize("cubic, channels last", { mode: "cubic" }, { dims: [2, 4, 5, 2], scales: [1, 2, 1.5, 1] }),
    resize(
      "cubic, channels last, one size kept",
      { mode: "cubic", exclude_outside: 1 },
      {
        dims: [2, 4, 5, 2],
        scales: [1, 2, 1.1, 1],
      },
    ),
    resize(
      "a region, channels last",
      { mode: "linear", coordinate_transformation_mode: "tf_crop_and_resize" },
      { dims: [2, 4, 5, 2], scales: [1, 2, 1.5, 1], roi: [0, -0.2, 0.5, 0, 1, 0.9, 1.6, 1] },
    ),
    resize(
      "a region of three axes",
      { mode: "linear", coordinate_transformation_mode: "tf_crop_and_resize" },
      { dims: [3, 4, 3], scales: [2, 0.7, 1.5], roi: [-0.2, 0.5, 0.1, 0.9, 1.6, 0.8] },
    ),
    resize("some axes", { mode: "cubic", axes: [2, 3] }, { sizes: [6, 3], opsets: [18, 19], ...named }),
    resize("cubic, a coefficient", { mode: "cubic", cubic_coeff_a: { float: -0.5 } }, named),
    resize("cubic, nothing outside", { mode: "cubic", exclude_outside: 1 }),
    resize("cubic, two axes", { mode: "cubic" }, { dims: [3, 4], scales: [2, 0.7] }),
    resize("nothing", { mode: "linear" }, { sizes: image }),
    ...crops,
    ...antialiased,
    ...aspect,
    {
      name: "to a computed size",
      opsets: [11, 13, 19],
      type: "float32",
      inputs: { x: named },
      build: (b, { x }) => {
        const none = b.opset >= 13 ? "" : floats(b, []);
        const sizes = b.add("Concat", [b.slice(b.shape(x!), [0], [0], [2]), b.int64([7, 3])], { axis: 0 });
        return b.add("Resize", [x!, none, none, sizes], { mode: "linear" });
      },
    },
    {
      name: "scales put together",
      opsets: [11, 13, 19],
      type: "float32",
      inputs: { x: named },
      build: (b, { x }) => {
        const scales = b.add("Concat", [floats(b, [1, 1]), floats(b, [2, 0.5])], { axis: 0 });
        return b.add("Resize", [x!, b.opset >= 13 ? "" : floats(b, []), scales], { mode: "linear" });
      },
    },
    ...["nearest", "linear"].flatMap((mode) =>
      [
        [1, 1, 2, 3],
        [1, 1, 1.75, 0.6],
      ].map(
        (scales): Sample => ({
          name: `the first, ${mode}, ${scales}`,
          opsets: [10],
          type: "float32",
          inputs: { x: named },
          build: (b, { x }) => b.add("Resize", [x!, floats(b, scales)], { mode }),
        }),
      ),
    ),
  ],
  Upsample: [
    ...upsample("nearest", "nearest", [1, 1, 2, 3], image, ["N", 2, 4, 5]),
    ...upsample("nearest, in parts", "nearest", [1, 1, 1.5, 2.3]),
    ...upsample("linear", "linear", [1, 1, 2, 1.7], image, ["N", 2, 4, 5]),
    ...upsample("linear, two axes", "linear", [1.4, 3], [3, 4]),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

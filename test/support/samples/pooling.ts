import type { Ops } from "../../../src/onnx/ops.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

type Attributes = NonNullable<Parameters<Ops["add"]>[2]>;

const pool =
  (op: string, values: "any" | "spaced") =>
  (name: string, x: SampleInput, attributes: Attributes, opsets: readonly number[] = [11, 17]): Sample => ({
    name,
    opsets,
    type: "float32",
    inputs: { x: { ...x, values } },
    build: (b, v) => b.add(op, [v["x"]!], attributes),
  });

const image = { dims: [2, 2, 7, 6] };
const named = { ...image, declared: ["N", 2, 7, 6] };

/** The windows that every pool has. */
const windows = (sample: ReturnType<typeof pool>): Sample[] => [
  sample("apart", { dims: [2, 2, 6, 8] }, { kernel_shape: [2, 2], strides: [2, 2] }, [9, 11, 13, 17]),
  sample("apart, rows left over", image, { kernel_shape: [2, 4], strides: [2, 4] }),
  sample("stride 1 by default", image, { kernel_shape: [2, 3] }),
  sample("overlapping", image, { kernel_shape: [3, 3], strides: [2, 2] }),
  sample("overlapping a lot", image, { kernel_shape: [5, 4], strides: [1, 2] }),
  sample("stride above the kernel", image, { kernel_shape: [2, 2], strides: [3, 4] }),
  sample("one window", image, { kernel_shape: [7, 6] }),
  sample("1 by 1", image, { kernel_shape: [1, 1] }),
  sample("1 by 1, strided", image, { kernel_shape: [1, 1], strides: [2, 3] }),
  sample("padded", image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  sample("padded unevenly", image, { kernel_shape: [3, 2], strides: [2, 1], pads: [0, 1, 2, 0] }),
  sample("ceil mode", image, { kernel_shape: [2, 4], strides: [2, 4], ceil_mode: 1 }),
  sample("ceil mode, overlapping", image, { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  sample("ceil mode, padded", image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }),
  sample(
    "ceil mode, a window in the padding dropped",
    { dims: [1, 1, 5, 5] },
    { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 },
  ),
  sample("SAME_UPPER", image, { kernel_shape: [3, 2], auto_pad: "SAME_UPPER" }),
  sample("SAME_LOWER", image, { kernel_shape: [3, 2], auto_pad: "SAME_LOWER" }),
  sample("SAME_UPPER, strided", image, { kernel_shape: [4, 3], strides: [3, 2], auto_pad: "SAME_UPPER" }),
  sample("SAME_LOWER, strided", image, { kernel_shape: [4, 3], strides: [3, 2], auto_pad: "SAME_LOWER" }),
  sample("VALID", image, { kernel_shape: [3, 3], strides: [3, 2], auto_pad: "VALID" }),
  sample("named batch", named, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [10, 13, 17]),
  sample("1-d", { dims: [2, 3, 9] }, { kernel_shape: [3], strides: [2] }),
  sample(
    "1-d, padded, ceil mode",
    { dims: [2, 3, 8] },
    { kernel_shape: [3], strides: [2], pads: [1, 0], ceil_mode: 1 },
  ),
  sample("3-d", { dims: [2, 2, 4, 4, 4] }, { kernel_shape: [2, 2, 2], strides: [2, 2, 2] }),
  sample(
    "3-d, overlapping, padded",
    { dims: [1, 2, 4, 5, 4] },
    { kernel_shape: [3, 2, 3], strides: [2, 1, 2], pads: [1, 0, 1, 1, 1, 0] },
  ),
];

const max = pool("MaxPool", "spaced");
const average = pool("AveragePool", "any");

const globalPool = (op: string, values: "any" | "spaced"): Sample[] => {
  const sample = pool(op, values);
  return [
    sample("2-d", named, {}, [9, 11, 13, 17]),
    sample("1-d", { dims: [2, 3, 5] }, {}),
    sample("3-d", { dims: [2, 2, 3, 2, 3] }, {}),
  ];
};

/** A model that pools, works on the maxima, and puts them back. */
const unpool = (name: string, x: SampleInput, attributes: Attributes, shape?: readonly number[]): Sample => ({
  name,
  opsets: [9, 11, 17, 22],
  type: "float32",
  inputs: { x: { ...x, values: "spaced" } },
  build(b, v) {
    const [maxima, indices] = b.addMany("MaxPool", [v["x"]!], 2, attributes);
    const given = shape ? [b.int64(shape)] : [];
    return b.add("MaxUnpool", [b.mul(maxima!, maxima!), indices!, ...given], attributes);
  },
});

const lp = (name: string, x: SampleInput, attributes: Attributes, opsets: readonly number[] = [7, 11, 17]): Sample => ({
  name,
  opsets,
  type: "float32",
  // Windows that stand apart leave elements out, and none may be at the kink.
  inputs: { x: { ...x, values: "away" } },
  build: (b, v) => b.add("LpPool", [v["x"]!], attributes),
});

/** ceil_mode came with opset 18. */
const windowsOfLp = windows((name, x, attributes) =>
  lp(name, x, attributes, "ceil_mode" in attributes ? [18, 22] : [7, 11, 18, 22]),
);

const globalLp = (name: string, x: SampleInput, p: number): Sample => ({
  name,
  opsets: [7, 11, 17],
  type: "float32",
  inputs: { x: { ...x, values: "away" } },
  build: (b, v) => b.add("GlobalLpPool", [v["x"]!], { p }),
});

export const poolingSamples = {
  MaxPool: [
    ...windows(max),
    max("dilated", image, { kernel_shape: [2, 3], dilations: [3, 2] }),
    max("dilated, strided, padded", image, {
      kernel_shape: [3, 2],
      dilations: [2, 3],
      strides: [2, 2],
      pads: [1, 1, 2, 0],
    }),
    max("dilated, ceil mode", image, { kernel_shape: [2, 2], dilations: [2, 2], strides: [2, 2], ceil_mode: 1 }),
    max(
      "long tiles",
      { dims: [2, 2, 6, 11], declared: ["N", 2, 6, 11] },
      { kernel_shape: [1, 5], strides: [1, 5] },
      [7, 11, 17],
    ),
    max("long kernel, 1-d, one window", { dims: [2, 3, 9] }, { kernel_shape: [8] }, [9, 12]),
    max("column-major indices", image, { kernel_shape: [3, 3], strides: [2, 2], storage_order: 1 }),
    max("at opset 7", image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [7, 9]),
    max("padded by more than the image needs", { dims: [1, 2, 3, 3] }, { kernel_shape: [3, 3], pads: [2, 2, 2, 2] }),
    max(
      "strided by more than the kernel, 3-d",
      { dims: [1, 2, 5, 4, 7] },
      { kernel_shape: [1, 2, 2], strides: [2, 1, 4] },
    ),
    {
      ...max("float64", image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [11, 22]),
      type: "float64",
    },
    { ...max("float64, apart", { dims: [2, 2, 6, 8] }, { kernel_shape: [2, 2], strides: [2, 2] }), type: "float64" },
    {
      name: "with its indices wanted",
      opsets: [11, 17],
      type: "float32",
      inputs: { x: { dims: [1, 2, 4, 4], values: "spaced" } },
      build: (b, { x }) => b.addMany("MaxPool", [x!], 2, { kernel_shape: [2, 2], strides: [2, 2] })[0]!,
    },
  ],
  MaxUnpool: [
    unpool("of a pool", { dims: [2, 2, 6, 6] }, { kernel_shape: [2, 2], strides: [2, 2] }),
    unpool("named batch", { dims: [2, 2, 6, 6], declared: ["N", 2, 6, 6] }, { kernel_shape: [2, 2], strides: [2, 2] }),
    unpool("1-d", { dims: [2, 3, 8] }, { kernel_shape: [2], strides: [2] }),
    unpool("to a shape given", { dims: [1, 2, 7, 7] }, { kernel_shape: [2, 2], strides: [2, 2] }, [1, 2, 7, 7]),
  ],
  LpPool: [
    ...windowsOfLp,
    ...[1, 3, 4].flatMap((p) => [
      lp(`p ${p}`, image, { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 0, 1], p }, [7, 11, 18, 22]),
      lp(`p ${p}, unpadded`, image, { kernel_shape: [2, 2], p }, [8, 18]),
    ]),
    lp("dilated", image, { kernel_shape: [2, 3], dilations: [3, 2] }, [18, 22]),
    lp(
      "dilated, strided, ceil mode",
      image,
      { kernel_shape: [2, 2], dilations: [2, 2], strides: [2, 3], ceil_mode: 1 },
      [18, 22],
    ),
  ],
  GlobalLpPool: [1, 2, 3, 4].flatMap((p) => [
    globalLp(`p ${p}`, { dims: [2, 2, 3, 4], declared: ["N", 2, 3, 4] }, p),
    globalLp(`p ${p}, 1-d`, { dims: [2, 3, 4] }, p),
    globalLp(`p ${p}, 3-d`, { dims: [1, 2, 2, 3, 2] }, p),
  ]),
  AveragePool: [
    ...windows(average),
    average("padding counted", image, {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      count_include_pad: 1,
    }),
    average("padding counted, uneven", image, {
      kernel_shape: [3, 2],
      strides: [2, 1],
      pads: [0, 1, 2, 0],
      count_include_pad: 1,
    }),
    average("padding counted, ceil mode", image, {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      count_include_pad: 1,
      ceil_mode: 1,
    }),
    average(
      "padding counted, ceil mode, beyond the padding",
      { dims: [1, 1, 6, 6] },
      { kernel_shape: [3, 3], strides: [2, 2], count_include_pad: 1, ceil_mode: 1 },
    ),
    average("padding counted, SAME_UPPER", image, {
      kernel_shape: [3, 3],
      strides: [2, 2],
      auto_pad: "SAME_UPPER",
      count_include_pad: 1,
    }),
    average("at opset 7", image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [7]),
    average("dilated", image, { kernel_shape: [2, 3], dilations: [3, 2] }, [19, 21]),
    average(
      "dilated, padded, strided",
      image,
      { kernel_shape: [3, 2], dilations: [2, 2], strides: [2, 2], pads: [1, 1, 1, 1] },
      [19, 21],
    ),
  ],
  GlobalAveragePool: globalPool("GlobalAveragePool", "any"),
  GlobalMaxPool: globalPool("GlobalMaxPool", "spaced"),
} satisfies Readonly<Record<string, readonly Sample[]>>;

import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import { contrib, type Sample, type SampleInput } from "../gradient-check.ts";
import {
  fromBytes,
  grid,
  held,
  heldBetween,
  type Integers,
  identity,
  type Named,
  real,
  reals,
  rounding,
  SCALE,
  toBytes,
  whole,
  zeroOf,
} from "./quantization-grid.ts";

export const wide: SampleInput = { dims: [2, 3], declared: ["N", 3], values: [-20, -0.75, 0.5, 3, 14.5, 40] };
export const pair =
  (zero: number | null, type: Integers, domain = "") =>
  (b: Ops, x: string) => {
    const tail = [real(b, SCALE), ...(zero === null ? [] : [zeroOf(b, type, zero)])];
    const apply = (op: string, inputs: string[]) => (domain === "" ? b.add(op, inputs) : contrib(b, op, inputs)[0]!);
    return apply("DequantizeLinear", [apply("QuantizeLinear", [x, ...tail]), ...tail]);
  };

const BYTE_OPSETS = [10, 13, 17, 19, 21, 23];
export const perTensor = (op: string, domain: string, opsets: readonly number[]): Sample[] => [
  rounding(`${op} of int8`, opsets, wide, pair(-120, "int8", domain), heldBetween(-0.5, 247 / 16)),
  rounding(`${op} of uint8`, opsets, wide, pair(8, "uint8", domain), heldBetween(-0.5, 247 / 16)),
];

/** One scale and zero point for each place of an axis. */
export const perAxis = (axis: number, count: number, shape: readonly number[], domain = ""): Sample =>
  rounding(
    `axis ${axis}`,
    domain === "" ? [13, 17, 21] : [17],
    { dims: [3, 2, 2], values: [-20, -2.5, 0.5, 1, 1.5, 2, 2.5, 3, 30, -3, 0.25, 100] },
    (b, x) => {
      const [scales, zeros] = [
        reals(b, [0.25, 0.125, 0.25].slice(0, count)),
        whole(b, "uint8", [20, 30, 40].slice(0, count)),
      ];
      const attributes = axis === 1 ? {} : { axis };
      if (domain !== "") {
        const [q] = contrib(b, "QuantizeLinear", [x, scales, zeros], attributes);
        return contrib(b, "DequantizeLinear", [q!, scales, zeros], attributes)[0]!;
      }
      return b.add(
        "DequantizeLinear",
        [b.add("QuantizeLinear", [x, scales, zeros], attributes), scales, zeros],
        attributes,
      );
    },
    (b, x) => {
      const bounds = (values: readonly number[]) => reals(b, values.slice(0, count), shape);
      return held(b, x, bounds([-5, -3.75, -10]), bounds([58.75, 28.125, 53.75]));
    },
  );

/** Blocks of two along axis 1, the last one cut short. */
const blocked = rounding(
  "blocked",
  [21, 23],
  { dims: [2, 5], values: [-200, 0.5, 1, 1.5, 2, 300, 2.5, 3, 0.25, 100] },
  (b, x) => {
    const attributes = { axis: 1, block_size: 2 };
    const scales = reals(b, [0.25, 0.125, 0.25, 0.5, 0.25, 0.125], [2, 3]);
    const q = b.add("QuantizeLinear", [x, scales, whole(b, "int8", [1, 2, 3, 4, 5, 6], [2, 3])], attributes);
    return b.add("DequantizeLinear", [q, scales, whole(b, "int8", [1, 2, 3, 4, 5, 6], [2, 3])], attributes);
  },
  (b, x) => {
    const [scale, zero] = [
      [0.25, 0.25, 0.125, 0.125, 0.25, 0.5, 0.5, 0.25, 0.25, 0.125],
      [1, 1, 2, 2, 3, 4, 4, 5, 5, 6],
    ];
    const bound = (q: number) =>
      reals(
        b,
        scale.map((s, i) => s * (q - zero[i]!)),
        [2, 5],
      );
    return held(b, x, bound(-128), bound(127));
  },
);

/** Types that this library has no tensors of, named by their code. */
const coded = (name: string, code: number, x: readonly number[], low: number, high: number): Sample =>
  rounding(
    name,
    [21, 23],
    { dims: [x.length], values: x },
    (b, value) => {
      const scale = real(b, 0.5);
      return b.add("DequantizeLinear", [b.add("QuantizeLinear", [value, scale], { output_dtype: code }), scale]);
    },
    heldBetween(low, high),
  );

/** By its scale: what rounding leaves, which is 0 on the grid; and the whole range where it saturates. */
const byScale: Sample = {
  name: "by its scale",
  opsets: [10, 13, 21],
  type: "float32",
  inputs: { s: { dims: [], values: [0.25] } },
  build: (b, { s }: Named) => {
    const x = reals(b, [-20, 0.5, 1, 3, 100, 2.25]);
    const zero = zeroOf(b, "uint8", 40);
    return b.add("DequantizeLinear", [b.add("QuantizeLinear", [x, s!, zero]), s!, zero]);
  },
  surrogate: {
    build: (b, { s }: Named) =>
      held(b, reals(b, [-20, 0.5, 1, 3, 100, 2.25]), b.mul(s!, real(b, -40)), b.mul(s!, real(b, 215))),
    rounding: 1e-6,
  },
};
const byScales: Sample = {
  name: "by a scale each",
  opsets: [13, 21],
  type: "float32",
  inputs: { s: { dims: [2], values: [0.25, 0.5] } },
  build: (b, { s }: Named) => {
    const x = reals(b, [-20, 0.5, 1, 3, 100, 2.5], [2, 3]);
    const q = b.add("QuantizeLinear", [x, s!, whole(b, "uint8", [40, 30])], { axis: 0 });
    return b.add("DequantizeLinear", [q, s!, whole(b, "uint8", [40, 30])], { axis: 0 });
  },
  surrogate: {
    build: (b, { s }: Named) => {
      const column = b.unsqueeze(s!, [1]);
      const bound = (values: readonly number[]) => b.mul(column, reals(b, values, [2, 1]));
      return held(b, reals(b, [-20, 0.5, 1, 3, 100, 2.5], [2, 3]), bound([-40, -30]), bound([215, 225]));
    },
    rounding: 1e-6,
  },
};

/** The same operator on bytes and on reals. */
const onBytes = (
  name: string,
  opsets: readonly number[],
  dims: readonly number[],
  op: (b: Ops, value: string, constant: (...values: number[]) => string) => string,
): Sample => {
  // So far apart that no step changes which is larger.
  const x = { dims, declared: ["N", ...dims.slice(1)], values: grid(dims).values.map((v) => 4 * v) };
  const bytes = (b: Ops, value: string) =>
    fromBytes(
      b,
      op(b, toBytes(b, value), (...v) =>
        whole(
          b,
          "uint8",
          v.map((n) => 16 * n + 100),
          v.length === 1 ? [] : undefined,
        ),
      ),
    );
  const smooth = (b: Ops, value: string) => op(b, value, (...v) => reals(b, v, v.length === 1 ? [] : undefined));
  return rounding(`bytes through ${name}`, opsets, x, bytes, smooth);
};

const moves: Sample[] = [
  onBytes("Reshape and Transpose", [13, 17], [2, 3, 4], (b, x) => b.transpose(b.reshape(x, [-1, 4, 3]), [0, 2, 1])),
  onBytes("Concat and Slice", [13, 17], [2, 6], (b, x) => b.slice(b.add("Concat", [x, x], { axis: 1 }), [1], [2], [9])),
  onBytes("Split and Unsqueeze", [13], [2, 6], (b, x) => b.unsqueeze(b.addMany("Split", [x], 2, { axis: 1 })[1]!, [0])),
  onBytes("DepthToSpace", [13, 17], [1, 4, 2, 2], (b, x) => b.add("DepthToSpace", [x], { blocksize: 2 })),
  onBytes("Tile and Gather", [13, 17], [2, 3], (b, x) =>
    b.add("Gather", [b.add("Tile", [x, b.int64([1, 2])]), b.int64([4, 1, 4])], { axis: 1 }),
  ),
  onBytes("Pad", [13, 17], [2, 3], (b, x, c) => b.add("Pad", [x, b.int64([0, 1, 0, 2]), c(1)])),
  onBytes("Where", [13], [2, 3], (b, x) =>
    b.where(b.constant(tensor("bool", [3], Uint8Array.of(1, 0, 1))), x, b.transpose(x, [0, 1])),
  ),
  onBytes("MaxPool", [12, 17], [2, 1, 4, 6], (b, x) =>
    b.add("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] }),
  ),
  onBytes("MaxPool that overlaps", [12, 17], [1, 1, 5, 5], (b, x) =>
    b.add("MaxPool", [x], { kernel_shape: [3, 3], strides: [1, 1] }),
  ),
  onBytes("Clip", [12, 17], [2, 5], (b, x, c) => b.add("Clip", [x, c(-1.125), c(2.375)])),
  onBytes("Max and Min", [12, 17], [2, 5], (b, x, c) => b.add("Min", [b.add("Max", [x, c(-1.125)]), c(2.375)])),
  onBytes("ReduceMax", [12, 18], [2, 5], (b, x) => b.reduceMax(x, [1], true)),
];

/** With a range of 255/64, whose scale of 1/64 puts every value on the grid. */
const dynamic = rounding(
  "",
  [11, 13, 17],
  { dims: [2, 3], declared: ["N", 3], values: [-2, 0.5, -0.25, 127 / 64, 1, 0.75] },
  (b, x) => {
    const [q, scale, zero] = b.addMany("DynamicQuantizeLinear", [x], 3);
    return b.add("DequantizeLinear", [q!, scale!, zero!]);
  },
  identity,
);

const byCasts = rounding(
  "and back by casts",
  [10, 13, 17],
  grid([2, 3]),
  (b, x) => b.mul(b.cast(b.sub(b.cast(toBytes(b, x), "int32"), zeroOf(b, "int32", 100)), "float32"), real(b, SCALE)),
  identity,
);

/** Rules and lowerings of quantisation. */
export const quantizationSamples = {
  QuantizeLinear: [
    ...perTensor("pair", "", BYTE_OPSETS),
    rounding("without a zero point", BYTE_OPSETS, wide, pair(null, "uint8"), heldBetween(0, 255 / 16)),
    rounding(
      "int16",
      [21, 23],
      { ...wide, values: [-9000, -0.75, 0.5, 3, 14.5, 4000] },
      pair(7, "int16"),
      heldBetween(-32775 / 16, 2047.5),
    ),
    rounding(
      "uint16",
      [21, 23],
      { ...wide, values: [-9000, -0.75, 0.5, 3, 14.5, 9000] },
      pair(40, "uint16"),
      heldBetween(-2.5, 65495 / 16),
    ),
    perAxis(0, 3, [3, 1, 1]),
    perAxis(1, 2, [2, 1]),
    perAxis(-1, 2, [2]),
    blocked,
    coded("int4", 22, [-20, -3, 0.5, 3, 20], -4, 3.5),
    coded("uint4", 21, [-20, 1, 0.5, 3, 20], 0, 7.5),
    coded("float8 e4m3", 17, [-1000, -3, 0.5, 3, 1000], -224, 224),
    byScale,
    byScales,
    byCasts,
    ...moves,
  ],
  DequantizeLinear: [
    rounding("without a zero point", BYTE_OPSETS, wide, pair(null, "uint8"), heldBetween(0, 255 / 16)),
    byScale,
    byScales,
    blocked,
  ],
  DynamicQuantizeLinear: [dynamic],
} satisfies Readonly<Record<string, readonly Sample[]>>;

import type { Ops } from "../../../src/onnx/ops.ts";
import type { Fill, Sample, SampleInput } from "../gradient-check.ts";

type Named = Omit<Sample, "build" | "inputs">;

/** One input, [3, 4]. */
const unary = (
  op: string,
  values: Fill,
  more: Partial<Named> & { attributes?: Parameters<Ops["add"]>[2] } = {},
): Sample => ({
  name: values,
  ...more,
  inputs: { x: { dims: [3, 4], values } },
  build: (b, { x }) => b.add(op, [x!], more.attributes),
});

/** Every way in which two shapes broadcast, with sizes fixed, named and unknown. */
const pairs: readonly (readonly [string, SampleInput, SampleInput])[] = [
  ["equal shapes", { dims: [2, 3] }, { dims: [2, 3] }],
  ["scalar on the right", { dims: [2, 3] }, { dims: [] }],
  ["scalar on the left", { dims: [] }, { dims: [2, 3] }],
  ["row", { dims: [2, 3] }, { dims: [3] }],
  ["column", { dims: [2, 3] }, { dims: [2, 1] }],
  ["both ways", { dims: [2, 1, 3] }, { dims: [4, 1] }],
  ["leading ones", { dims: [2, 3] }, { dims: [1, 1, 1, 3] }],
  ["named batch", { dims: [4, 3], declared: ["N", 3] }, { dims: [4, 3], declared: ["N", 3] }],
  ["named batch and row", { dims: [4, 3], declared: ["N", 3] }, { dims: [3] }],
  ["named batch and one", { dims: [4, 3], declared: ["N", 3] }, { dims: [1, 3] }],
];

/** What only shows when it runs; from opset 13 on, where the axes of ReduceSum may be computed. */
const openPairs: readonly (readonly [string, SampleInput, SampleInput])[] = [
  ["two names that are equal", { dims: [4, 3], declared: ["N", 3] }, { dims: [4, 3], declared: ["M", 3] }],
  ["two names of which one is 1", { dims: [4, 3], declared: ["N", 3] }, { dims: [1, 3], declared: ["M", 3] }],
  ["unknown sizes", { dims: [4, 3], declared: [null, null] }, { dims: [4, 1], declared: [null, null] }],
  ["unknown against fixed", { dims: [2, 3] }, { dims: [1, 3], declared: [null, 3] }],
  ["unknown sizes of lower rank", { dims: [2, 4, 3], declared: [null, 4, null] }, { dims: [1], declared: [null] }],
  ["unknown ranks", { dims: [2, 4, 3], declared: null }, { dims: [4, 1], declared: null }],
];

const binary = (op: string, right: Fill = "any"): Sample[] => {
  const sample = ([name, l, r]: (typeof pairs)[number], opsets?: readonly number[]): Sample => ({
    name,
    ...(opsets && { opsets }),
    inputs: { l, r: { ...r, values: right } },
    build: (b, x) => b.add(op, [x["l"]!, x["r"]!]),
  });
  const same: Sample = {
    name: "a value with itself",
    inputs: { x: { dims: [3], values: right } },
    build: (b, { x }) => b.add(op, [x!, x!]),
  };
  const old = sample(["row at opset 7", { dims: [2, 3] }, { dims: [3] }], [7]);
  return [...pairs.map((pair) => sample(pair)), ...openPairs.map((pair) => sample(pair, [13, 17])), same, old];
};

const constant = (b: Ops, value: number, like: string): string => b.scalar(value, like);

/** Values on both sides of ±1 and none near them. */
const aroundOne = [-2, -1.5, -0.5, 0, 0.25, 0.75, 1.5, 2];
const clipByInput = (name: string, low: boolean, high: boolean): Sample => ({
  name,
  opsets: [11, 13, 17],
  type: "float32",
  inputs: { x: { dims: [2, 4], values: aroundOne } },
  build: (b, { x }) => b.add("Clip", [x!, low ? constant(b, -1, x!) : "", ...(high ? [constant(b, 1, x!)] : [])]),
});
const clipAt = (name: string, bounds: { readonly low: number; readonly high?: number }): Sample => ({
  name,
  opsets: [12, 13, 17],
  inputs: {
    x: { dims: [2, 4], values: aroundOne },
    ...Object.fromEntries(Object.entries(bounds).map(([bound, value]) => [bound, { dims: [], values: [value] }])),
  },
  build: (b, v) => b.add("Clip", Object.values(v)),
});
const clipByAttribute = (name: string, attributes: Parameters<Ops["add"]>[2]): Sample => ({
  name,
  opsets: [9, 10],
  type: "float32",
  inputs: { x: { dims: [2, 4], values: aroundOne } },
  build: (b, { x }) => b.add("Clip", [x!], attributes),
});

const pow = (name: string, x: SampleInput, e: SampleInput, opsets?: readonly number[]): Sample => ({
  name,
  ...(opsets && { opsets }),
  inputs: { x, e },
  build: (b, v) => b.add("Pow", [v["x"]!, v["e"]!]),
});
const powBy = (name: string, exponent: number, values: Fill): Sample => ({
  name,
  opsets: [9, 11, 13, 17],
  inputs: { x: { dims: [3, 4], values } },
  build: (b, { x }) => b.add("Pow", [x!, constant(b, exponent, x!)]),
});

const where = (name: string, dims: readonly (readonly number[])[], opsets?: readonly number[]): Sample => ({
  name,
  ...(opsets && { opsets }),
  inputs: {
    condition: {
      dims: dims[0]!,
      type: "bool",
      values: Array.from({ length: dims[0]!.reduce((p, q) => p * q, 1) }, (_, i) => ((i * 7) % 3) & 1),
    },
    l: { dims: dims[1]! },
    r: { dims: dims[2]! },
  },
  build: (b, x) => b.where(x["condition"]!, x["l"]!, x["r"]!),
});

export const elementwiseSamples = {
  Add: binary("Add"),
  Sub: binary("Sub"),
  Mul: binary("Mul"),
  Div: binary("Div", "away"),
  Neg: [unary("Neg", "any", { opsets: [7, 17] })],
  Exp: [unary("Exp", "any", { opsets: [7, 17] })],
  Log: [unary("Log", "positive", { opsets: [7, 17] })],
  Sqrt: [unary("Sqrt", "positive", { opsets: [7, 17] })],
  Pow: [
    powBy("square", 2, "any"),
    powBy("cube", 3, "any"),
    powBy("first power", 1, "any"),
    powBy("power 0", 0, "away"),
    powBy("reciprocal", -1, "away"),
    powBy("half", 0.5, "positive"),
    pow("both of them", { dims: [3, 4], values: "positive" }, { dims: [3, 4] }),
    pow("exponents a row", { dims: [3, 4], values: "positive" }, { dims: [4] }),
    pow("bases a column", { dims: [3, 1], values: "positive" }, { dims: [3, 4] }),
    pow(
      "whole exponents of integers",
      { dims: [4], values: "away" },
      { dims: [4], type: "int64", values: [0, 1, 2, 3] },
      [13, 17],
    ),
    pow(
      "exponents of another float type",
      { dims: [4], values: "positive" },
      { dims: [4], type: "float32", values: [0.5, 1, 2, 3] },
      [13, 17],
    ),
  ],
  Erf: [unary("Erf", "any", { type: "float32" })],
  Relu: [unary("Relu", "away"), unary("Relu", "away", { name: "opset 7", opsets: [7] })],
  LeakyRelu: [
    unary("LeakyRelu", "away", { type: "float32" }),
    unary("LeakyRelu", "away", {
      name: "alpha",
      type: "float32",
      attributes: { alpha: { float: 0.25 } },
      opsets: [9, 17],
    }),
  ],
  Clip: [
    clipByInput("below and above", true, true),
    clipByInput("below only", true, false),
    clipByInput("above only", false, true),
    clipByInput("neither", false, false),
    clipAt("bounds that are inputs", { low: -1, high: 1 }),
    clipAt("bounds in the wrong order", { low: 1, high: -1 }),
    clipAt("a lower bound that is an input", { low: -1 }),
    clipByAttribute("by attributes", { min: { float: -1 }, max: { float: 1 } }),
    clipByAttribute("by the attribute min", { min: { float: -1 } }),
    clipByAttribute("by the attribute max", { max: { float: 1 } }),
    clipByAttribute("by no attribute", {}),
  ],
  Sigmoid: [unary("Sigmoid", "any", { opsets: [7, 17] })],
  Tanh: [unary("Tanh", "any", { opsets: [7, 17] })],
  Where: [
    where("equal shapes", [
      [3, 4],
      [3, 4],
      [3, 4],
    ]),
    where("a broadcast condition", [
      [3, 1],
      [3, 4],
      [3, 4],
    ]),
    where("broadcast values", [[2, 3, 4], [4], [3, 1]]),
    where("scalars", [[3, 4], [], []]),
  ],
  Identity: [unary("Identity", "any")],
  CastLike: [
    {
      name: "a product of two types",
      opsets: [15, 19],
      inputs: { x: { dims: [3, 4] }, y: { dims: [4], type: "float32" } },
      build: (b, { x, y }) => b.mul(x!, b.add("CastLike", [y!, x!])),
    },
  ],
  Cast: [
    { name: "from float64 to float32", inputs: { x: { dims: [3, 4] } }, build: (b, { x }) => b.cast(x!, "float32") },
    {
      name: "from float32 to float64",
      type: "float32",
      inputs: { x: { dims: [3, 4] } },
      build: (b, { x }) => b.cast(x!, "float64"),
    },
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

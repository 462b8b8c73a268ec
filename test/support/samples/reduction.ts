import type { Fill, Sample, SampleInput } from "../gradient-check.ts";

/** The opset from which on the axes are an input. */
const axesInputFrom = (op: string): number => (op === "ReduceSum" ? 13 : 18);

interface Options {
  readonly keepdims?: number;
  readonly noop?: boolean;
  readonly x?: SampleInput;
  readonly opsets?: readonly number[];
}

const image = { dims: [2, 3, 4] };
const named = { dims: [2, 3, 4], declared: ["N", 3, 4] };

const reduce =
  (op: string, values: Fill, type: Sample["type"] = "float64") =>
  (
    name: string,
    axes: readonly number[] | undefined,
    { keepdims, noop, x = image, opsets = [9, 11, 13, 17, 18, 23] }: Options = {},
  ): Sample => ({
    name,
    opsets: axes?.some((a) => a < 0) ? opsets.filter((version) => version >= 11) : opsets,
    ...(type && { type }),
    inputs: { x: { values, ...x } },
    build(b, v) {
      const asInput = b.opset >= axesInputFrom(op);
      const attributes = {
        ...(keepdims !== undefined && { keepdims }),
        ...(noop && { noop_with_empty_axes: 1 }),
        ...(axes && !asInput && { axes }),
      };
      return b.add(op, [v["x"]!, ...(axes && asInput ? [b.int64(axes)] : [])], attributes);
    },
  });

const everyReduction = (op: string, values: Fill, type: Sample["type"] = "float64"): Sample[] => {
  const sample = reduce(op, values, type);
  const inputFrom = axesInputFrom(op);
  return [
    sample("all axes", undefined),
    sample("all axes, not kept", undefined, { keepdims: 0 }),
    sample("one axis", [1]),
    sample("one axis, not kept", [1], { keepdims: 0 }),
    sample("two axes", [0, 2]),
    sample("two axes, not kept, unsorted", [2, 0], { keepdims: 0 }),
    sample("a negative axis", [-1], { keepdims: 0 }),
    sample("named batch, inner axes", [1, 2], { x: named, keepdims: 0 }),
    sample("named batch, the batch", [0], { x: named, keepdims: 0 }),
    sample("named batch, all axes", undefined, { x: named, keepdims: 0 }),
    sample("unknown sizes", [1], {
      x: { dims: [2, 3, 4], declared: [null, null, 4] },
      // Where x itself stands in the gradient, sizes that are not known may be 1.
      ...(op !== "ReduceSum" && op !== "ReduceMean" && { opsets: [13, 18] }),
    }),
    ...[0, 1].map(
      (keepdims): Sample => ({
        name: `computed axes, ${keepdims ? "" : "not "}kept`,
        opsets: op === "ReduceSum" ? [13, 18, 23] : [18, 23],
        ...(type && { type }),
        inputs: { x: { values, ...named }, axes: { dims: [2], values: [2, -2], type: "int64" } },
        build: (b, v) => b.add(op, [v["x"]!, v["axes"]!], { keepdims }),
      }),
    ),
    sample("an axis of 1", [1], { x: { dims: [3, 1, 2] }, keepdims: 0 }),
    sample("no axes, nothing done", [], { noop: true, opsets: [inputFrom, 21] }),
    sample("axes left out, nothing done", undefined, { noop: true, opsets: [inputFrom, 21] }),
    sample("axes left out, nothing kept", undefined, { noop: true, keepdims: 0, opsets: [inputFrom, 21] }),
  ];
};

const softmax = (op: string): Sample[] => {
  const sample = (
    name: string,
    dims: readonly number[],
    axis: number | undefined,
    opsets?: readonly number[],
  ): Sample => ({
    name,
    ...(opsets && { opsets }),
    inputs: { x: { dims } },
    build: (b, v) => b.add(op, [v["x"]!], axis === undefined ? {} : { axis }),
  });
  return [
    sample("matrix", [3, 4], 1, [7, 9, 11, 13, 17]),
    sample("axis by default", [2, 3, 4], undefined),
    sample("axis 0", [2, 3, 4], 0),
    sample("axis 1 of 3", [2, 3, 4], 1),
    sample("axis 2 of 3", [2, 3, 4], 2),
    sample("axis -1", [2, 3, 4], -1, [11, 13, 17]),
    sample("axis -2", [2, 3, 4], -2, [11, 13, 17]),
    sample("axis 1 of 4", [2, 3, 2, 2], 1),
  ];
};

/** Lines with no zero, one, and two. */
const zeros: SampleInput = { dims: [2, 3, 2], values: [1, 0, 2, 3, -1, 2, 0, 0, 3, 0, 2, 2] };
const productsWithZeros: Sample[] = [
  reduce("ReduceProd", "any", "float32")("zeros along an axis", [1], { x: zeros, keepdims: 0 }),
  reduce("ReduceProd", "any", "float32")("zeros along two axes", [0, 2], { x: zeros }),
  reduce("ReduceProd", "any", "float32")("one zero of all", undefined, {
    x: { dims: [4], values: [2, 0, -1, 3] },
    keepdims: 0,
  }),
];

export const reductionSamples = {
  ReduceSum: everyReduction("ReduceSum", "any"),
  ReduceMean: everyReduction("ReduceMean", "any"),
  ReduceL1: everyReduction("ReduceL1", "away", "float32"),
  ReduceL2: everyReduction("ReduceL2", "away", "float32"),
  ReduceSumSquare: everyReduction("ReduceSumSquare", "any", "float32"),
  ReduceLogSum: everyReduction("ReduceLogSum", "positive", "float32"),
  ReduceLogSumExp: everyReduction("ReduceLogSumExp", "any", "float32"),
  ReduceMax: everyReduction("ReduceMax", "spaced"),
  ReduceMin: everyReduction("ReduceMin", "spaced"),
  ReduceProd: [...everyReduction("ReduceProd", "away", "float32"), ...productsWithZeros],
  Softmax: softmax("Softmax"),
  LogSoftmax: softmax("LogSoftmax"),
} satisfies Readonly<Record<string, readonly Sample[]>>;

import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

const image: SampleInput = { dims: [2, 3, 4] };
const named: SampleInput = { dims: [2, 3, 4], declared: ["N", 3, 4] };
const integers = (dims: readonly number[], values: readonly number[], declared = dims as SampleInput["declared"]) => ({
  dims,
  values,
  declared: declared!,
  type: "int64" as const,
});

const one = (
  name: string,
  x: SampleInput,
  build: (b: Ops, x: string) => string,
  opsets?: readonly number[],
): Sample => ({ name, ...(opsets && { opsets }), inputs: { x }, build: (b, v) => build(b, v["x"]!) });

const index = (b: Ops, value: number): string => b.squeeze(b.int64([value]), [0]);
const gather = (name: string, axis: number, at: number, x: SampleInput = image): Sample =>
  one(name, x, (b, v) => b.add("Gather", [v, index(b, at)], { axis }), axis < 0 || at < 0 ? [11, 13, 17] : undefined);

const gatherMany = (
  name: string,
  axis: number,
  values: readonly number[],
  dims: readonly number[],
  x: SampleInput = image,
): Sample => one(name, x, (b, v) => b.add("Gather", [v, b.reshape(b.int64(values), dims)], { axis }), [11, 13, 17, 23]);

/** An operator of x and integers that are inputs, or the same integers as constants. */
const byIndices =
  (op: string, attributes: Readonly<Record<string, AttributeValue>>, opsets: readonly number[]) =>
  (name: string, x: SampleInput, at: ReturnType<typeof integers>): Sample[] => [
    {
      name: `${name}, computed`,
      opsets,
      inputs: { x, at },
      build: (b, v) => b.add(op, [v["x"]!, v["at"]!], attributes),
    },
    one(name, x, (b, v) => b.add(op, [v, b.reshape(b.int64(at.values), at.dims)], attributes), opsets),
  ];

const all = [11, 13, 15, 16, 18, 23];
const gatherAt = (axis: number, opsets: readonly number[] = all) => byIndices("Gather", { axis }, opsets);
const elements = (axis: number, opsets = all) => byIndices("GatherElements", { axis }, opsets);
const gatherNd = (batch: number, opsets = batch > 0 ? [12, 13, 16, 23] : all) =>
  byIndices("GatherND", batch > 0 ? { batch_dims: batch } : {}, opsets);

const bool = (b: Ops, values: readonly number[]): string =>
  b.constant(tensor("bool", [values.length], Uint8Array.from(values)));
const compress = (name: string, axis: number | undefined, condition: readonly number[], x: SampleInput): Sample[] => {
  const attributes = axis === undefined ? {} : { axis };
  return [
    one(
      name,
      x,
      (b, v) => b.add("Compress", [v, bool(b, condition)], attributes),
      axis === -1 ? [11, 13] : [9, 11, 13, 18],
    ),
    {
      name: `${name}, a computed condition`,
      opsets: [16, 18],
      inputs: { x, c: { dims: [condition.length], values: condition, type: "bool" } },
      build: (b, v) => b.add("Compress", [v["x"]!, v["c"]!], attributes),
    },
  ];
};

const topK = (
  name: string,
  k: number,
  attributes: Readonly<Record<string, number>>,
  x: SampleInput = image,
  opsets: readonly number[] = [11, 13, 17, 23],
): Sample => ({
  name,
  opsets,
  inputs: { x: { ...x, values: "spaced" } },
  build(b, v) {
    const byInput = b.opset >= 10;
    const inputs = byInput ? [v["x"]!, b.int64([k])] : [v["x"]!];
    return b.addMany("TopK", inputs, 2, { ...attributes, ...(!byInput && { k }) })[0]!;
  },
});

const oneHot = (name: string, axis: number | undefined, dims: readonly number[]): Sample => ({
  name,
  opsets: [9, 11, 17],
  type: "float32",
  inputs: { values: { dims: [2] } },
  build: (b, v) =>
    b.add("OneHot", [b.reshape(b.int64([0, 2, 1, 1]), dims), b.int64([3]), v["values"]!], {
      ...(axis !== undefined && { axis }),
    }),
});

export const indexingSamples = {
  Gather: [
    gather("first axis", 0, 1),
    gather("middle axis", 1, 2, named),
    gather("last axis, negative", -1, 0),
    gather("a negative index", 1, -1),
    gatherMany("a list", 1, [2, 0], [2]),
    gatherMany("a list with an element twice, last axis", -1, [3, 1, 3], [3]),
    gatherMany("a table of indices", 1, [0, 2, -1, 1], [2, 2], named),
    gatherMany("a table of indices between open sizes", 1, [0, 2, -1, 1], [2, 2], {
      ...image,
      declared: ["N", 3, "L"],
    }),
    gatherMany("a list of one, first axis", 0, [1], [1]),
    gather("open sizes after the axis", 1, 1, { dims: [2, 3, 4], declared: ["N", 3, "L"] }),
    ...gatherAt(1)("middle axis", named, integers([2], [2, -1])),
    ...gatherAt(-1)("last axis, a table", named, integers([2, 2], [3, 1, 3, -4])),
    ...gatherAt(0)("first axis, as many as is not known", image, integers([3], [1, 0, 1], ["M"])),
    ...gatherAt(2)("one element", named, integers([], [-2])),
    ...gatherAt(0)("of a vector", { dims: [4] }, integers([3], [1, 1, -1])),
    ...gatherAt(0, [7, 9])("before negative indices", image, integers([3], [1, 0, 1])),
    ...gatherAt(0, [16, 21])("an axis of open size", named, integers([2], [1, -1])),
    one(
      "more than a matrix holds",
      { dims: [1, 3000] },
      (b, v) => b.add("Gather", [v, b.int64(Array.from({ length: 1500 }, (_, i) => (7 * i) % 3000))], { axis: 1 }),
      [16],
    ),
  ],
  GatherElements: [
    ...elements(0)("first axis", { dims: [3, 2] }, integers([2, 2], [2, 0, 2, -3])),
    ...elements(1)("middle axis, fewer along all", image, integers([1, 4, 2], [0, 1, 0, 2, -1, 1, 0, 0])),
    elements(-1)(
      "last axis, a named batch",
      { dims: [2, 3], declared: ["N", 3] },
      integers([2, 2], [0, 0, 2, -2], ["N", 2]),
    )[0]!,
    ...elements(0)("a vector", { dims: [4] }, integers([3], [1, 1, -1])),
    elements(1, [16, 23])(
      "open sizes",
      { dims: [2, 3], declared: ["N", "C"] },
      integers([2, 2], [0, 0, 2, 1], [null, 2]),
    )[0]!,
  ],
  GatherND: [
    ...gatherNd(0)("elements", image, integers([2, 3], [0, 1, 2, 1, -1, 3])),
    ...gatherNd(0)("slices, one twice", image, integers([3, 1], [1, 0, 1])),
    ...gatherNd(0)("slices by two indices, a table", image, integers([2, 2, 2], [0, 1, 1, 2, 0, 1, 1, 0])),
    ...gatherNd(1)("of each sample, one place", image, integers([2, 1], [2, 0])),
    ...gatherNd(1)("of each sample, several", image, integers([2, 2, 1], [2, 0, -1, 2])),
    ...gatherNd(2)("batches over two axes", image, integers([2, 3, 1], [0, 1, 2, 3, -1, 1])),
    gatherNd(1, [16, 23])(
      "of each sample, a named batch",
      named,
      integers([2, 2, 2], [0, 1, 2, 3, 1, 1, 1, 1], ["N", 2, 2]),
    )[0]!,
  ],
  Compress: [
    ...compress("first axis", 0, [0, 1], image),
    ...compress("middle axis, a named batch", 1, [1, 0, 1], named),
    ...compress("last axis, a shorter condition", -1, [0, 1, 1], image),
    ...compress("of all elements", undefined, [0, 1, 1, 0, 0, 0, 1], image),
    compress("of all elements, a named batch", undefined, [0, 1, 1, 0, 0, 0, 1], named)[1]!,
    ...compress("nothing twice, all", 1, [1, 1, 1], image),
  ],
  TopK: [
    topK("the largest, last axis", 2, {}, named, [7, 9, 10, 11, 13, 17, 23]),
    topK("the largest, first axis", 1, { axis: 0 }, image, [7, 9, 10, 11, 17]),
    topK("the smallest, middle axis", 2, { axis: 1, largest: 0 }, named),
    topK("not sorted", 3, { axis: -1, sorted: 0 }, image),
    topK("all", 4, { largest: 0, sorted: 1 }, image),
    topK("open sizes", 2, {}, { dims: [2, 4], declared: ["N", "C"] }),
  ],
  OneHot: [oneHot("last axis", undefined, [2, 2]), oneHot("first axis", 0, [4]), oneHot("middle axis", 1, [2, 2])],
} satisfies Readonly<Record<string, readonly Sample[]>>;

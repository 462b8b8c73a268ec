import type { Ops } from "../../../src/onnx/ops.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

const one = (
  name: string,
  x: SampleInput,
  build: (b: Ops, x: string) => string,
  opsets?: readonly number[],
): Sample => ({
  name,
  ...(opsets && { opsets }),
  inputs: { x },
  build: (b, v) => build(b, v["x"]!),
});

const image = { dims: [2, 3, 4] };
const named = { dims: [2, 3, 4], declared: ["N", 3, 4] };

const flatten = (axis: number, x: SampleInput = image) =>
  one(`axis ${axis}`, x, (b, v) => b.add("Flatten", [v], { axis }), axis < 0 ? [11, 13, 17] : undefined);

const concat = (
  name: string,
  axis: number,
  dims: readonly (readonly number[])[],
  declared?: readonly (string | number)[][],
): Sample => ({
  name,
  ...(axis < 0 && { opsets: [11, 13, 17] }),
  inputs: Object.fromEntries(dims.map((d, i) => [`x${i}`, { dims: d, ...(declared && { declared: declared[i]! }) }])),
  build: (b, x) => b.add("Concat", Object.values(x), { axis }),
});

/** A sum of unlike shares, so that parts that are mixed up show. */
const both = (b: Ops, [l, r]: readonly string[]): string => b.plus(l!, b.mul(r!, b.scalar(3, r!)));

/** The outputs `used` of a split, summed over its axis with unlike shares. */
const split = (
  name: string,
  axis: number,
  used: readonly number[],
  sizes?: readonly number[],
  x: SampleInput = image,
): Sample =>
  one(
    name,
    x,
    (b, v) => {
      const count = sizes?.length ?? 3;
      const byInput = sizes !== undefined && b.opset >= 13;
      const attributes = {
        axis,
        ...(sizes && !byInput && { split: sizes }),
        ...(!sizes && b.opset >= 18 && { num_outputs: count }),
      };
      const parts = b.addMany("Split", byInput ? [v, b.int64(sizes)] : [v], count, attributes);
      const share = (i: number) => b.mul(b.reduceSum(parts[i]!, [axis], true), b.scalar(i + 2, parts[i]!));
      return b.sum(used.map(share));
    },
    axis < 0 ? [11, 13, 18] : [9, 11, 13, 18],
  );

const expand = (name: string, x: SampleInput, to: readonly number[]): Sample =>
  one(name, x, (b, v) => b.add("Expand", [v, b.int64(to)]));

export const movementSamples = {
  Flatten: [flatten(0), flatten(1), flatten(2), flatten(3), flatten(-1), flatten(1, named)],
  Reshape: [
    one("fixed", image, (b, x) => b.reshape(x, [6, 4]), [7, 9, 11, 13, 17]),
    one("-1", named, (b, x) => b.reshape(x, [-1, 12])),
    one("0 copies", named, (b, x) => b.reshape(x, [0, -1])),
    one("to a vector", named, (b, x) => b.reshape(x, [-1])),
    one(
      "nothing to nothing",
      { dims: [0, 3] },
      (b, x) => b.add("Reshape", [x, b.int64([3, 4, 0])], { allowzero: 1 }),
      [14, 17, 21],
    ),
    one("to a scalar", { dims: [1, 1] }, (b, x) => b.reshape(x, [])),
    one("a computed shape", named, (b, x) =>
      b.add("Reshape", [x, b.add("Concat", [b.slice(b.shape(x), [0], [0], [1]), b.int64([12])], { axis: 0 })]),
    ),
    one("unknown sizes", { dims: [2, 3, 4], declared: [null, null, 4] }, (b, x) => b.reshape(x, [-1, 8])),
    one("unknown rank", { dims: [2, 3, 4], declared: null }, (b, x) => b.reshape(x, [-1, 8])),
  ],
  Squeeze: [
    one("one axis", { dims: [2, 1, 3, 1] }, (b, x) => b.squeeze(x, [1]), [7, 9, 11, 13, 17]),
    one("two axes", { dims: [2, 1, 3, 1] }, (b, x) => b.squeeze(x, [1, 3])),
    one("a negative axis", { dims: [2, 1, 3, 1] }, (b, x) => b.squeeze(x, [-1]), [11, 13, 17]),
    one("all of size 1", { dims: [2, 1, 3, 1] }, (b, x) => b.add("Squeeze", [x])),
    one("named batch", { dims: [2, 1, 3, 1], declared: ["N", 1, 3, 1] }, (b, x) => b.squeeze(x, [1, 3])),
  ],
  Unsqueeze: [
    one("one axis", image, (b, x) => b.unsqueeze(x, [1]), [7, 9, 11, 13, 17]),
    one("two axes", named, (b, x) => b.unsqueeze(x, [0, 3])),
    one("negative axes", image, (b, x) => b.unsqueeze(x, [-1, 0]), [11, 13, 17]),
  ],
  Transpose: [
    one("by default", image, (b, x) => b.add("Transpose", [x])),
    one("a cycle", named, (b, x) => b.transpose(x, [1, 2, 0]), [7, 9, 11, 13, 17]),
    one("rank 4", { dims: [2, 3, 4, 2] }, (b, x) => b.transpose(x, [3, 1, 0, 2])),
  ],
  Concat: [
    concat("channels", 1, [
      [2, 1, 3],
      [2, 3, 3],
      [2, 2, 3],
    ]),
    concat("first axis", 0, [
      [2, 3],
      [1, 3],
    ]),
    concat("last axis, negative", -1, [
      [2, 3],
      [2, 2],
    ]),
    concat("one input", 1, [[2, 3]]),
    concat(
      "named batch",
      1,
      [
        [2, 1],
        [2, 3],
      ],
      [
        ["N", 1],
        ["N", 3],
      ],
    ),
    concat(
      "open sizes after the axis",
      1,
      [
        [2, 1, 3],
        [2, 3, 3],
      ],
      [
        ["N", 1, "L"],
        ["N", 3, "L"],
      ],
    ),
    {
      name: "a value twice",
      inputs: { x: { dims: [2, 3] } },
      build: (b, { x }) => b.add("Concat", [x!, x!], { axis: 1 }),
    },
    {
      name: "at opset 7",
      opsets: [7],
      inputs: { l: { dims: [2, 3] }, r: { dims: [2, 1] } },
      build: (b, x) => b.add("Concat", Object.values(x), { axis: 1 }),
    },
  ],
  Split: [
    split("the first of two", 1, [0], [1, 2]),
    split("the last of two", 2, [1], [1, 3]),
    split("all of three, equal", 1, [0, 1, 2]),
    split("two of three, a named batch", -1, [0, 2], [1, 2, 1], named),
    one("equal parts by attribute", image, (b, x) => both(b, b.addMany("Split", [x], 2, { axis: 2 })), [7, 9, 11]),
    one("a smaller last part", image, (b, x) => b.addMany("Split", [x], 2, { axis: 1, num_outputs: 2 })[0]!, [18, 21]),
  ],
  Expand: [
    expand("a scalar", { dims: [] }, [2, 3]),
    expand("an axis of 1", { dims: [2, 1, 3] }, [2, 4, 3]),
    expand("more axes", { dims: [3] }, [2, 4, 3]),
    expand("both ways", { dims: [2, 1] }, [3, 1, 4]),
    expand("ones keep the size", { dims: [2, 3] }, [1, 1]),
    one("to a computed shape", { dims: [1, 3], declared: [1, 3] }, (b, x) =>
      b.add("Expand", [x, b.add("Concat", [b.int64([4]), b.slice(b.shape(x), [0], [1], [2])], { axis: 0 })]),
    ),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

import type { Ops } from "../../../src/onnx/ops.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

const one = (
  name: string,
  x: SampleInput,
  build: (b: Ops, x: string) => string,
  opsets?: readonly number[],
): Sample => ({ name, ...(opsets && { opsets }), inputs: { x }, build: (b, v) => build(b, v["x"]!) });

const image = { dims: [2, 3, 4] };
const named = { dims: [2, 3, 4], declared: ["N", 3, 4] };
const MAX = 2 ** 31 - 1;

const pads = (before: readonly number[], after: readonly number[]) => [...before, ...after];
const pad = (name: string, before: readonly number[], after: readonly number[], x: SampleInput = image): Sample[] => [
  one(name, x, (b, v) => b.add("Pad", [v, b.int64(pads(before, after))]), [11, 13, 17]),
  one(`${name}, by attribute`, x, (b, v) => b.add("Pad", [v], { pads: pads(before, after) }), [7, 9]),
];

/** At opset 13 and up by input, at 7 and 9 by attribute. */
const padMode = (
  mode: string,
  name: string,
  before: readonly number[],
  after: readonly number[],
  x: SampleInput = image,
): Sample =>
  one(
    `${mode}, ${name}`,
    x,
    (b, v) =>
      b.opset < 11
        ? b.add("Pad", [v], { mode, pads: pads(before, after) })
        : b.add("Pad", [v, b.int64(pads(before, after))], { mode }),
    mode === "wrap" ? [19, 23] : [7, 9, 11, 13, 18, 23],
  );
const padModes = (mode: string): Sample[] => [
  padMode(mode, "the last axis", [0, 0, 2], [0, 0, 3]),
  padMode(mode, "two axes, a named batch", [0, 2, 1], [0, 1, 0], named),
  padMode(mode, "the first axis", [1, 0, 0], [1, 0, 0]),
  padMode(mode, "cut before, added after", [0, 0, -1], [0, 0, 2]),
  padMode(mode, "added before, cut after", [0, 0, 2], [0, 0, -1]),
  padMode(mode, "cut", [0, -1, 0], [0, 0, -2]),
  padMode(mode, "of four axes the inner two", [0, 0, 1, 1], [0, 0, 1, 2], {
    dims: [2, 2, 3, 4],
    declared: ["N", 2, 3, 4],
  }),
  one(
    `${mode}, axes by input`,
    named,
    (b, v) => b.add("Pad", [v, b.int64([1, 2, 0, 1]), "", b.int64([-1, 1])], { mode }),
    mode === "wrap" ? [19, 23] : [18, 23],
  ),
];

const slice = (
  name: string,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  x: SampleInput = image,
): Sample[] => [
  one(name, x, (b, v) => b.add("Slice", [v, b.int64(starts), b.int64(ends), b.int64(axes)]), [11, 13, 17]),
  one(`${name}, by attribute`, x, (b, v) => b.add("Slice", [v], { axes, starts, ends }), [7, 9]),
];

const stepped = (
  name: string,
  axis: number,
  start: number,
  end: number,
  step: number,
  x: SampleInput = image,
): Sample => one(name, x, (b, v) => b.slice(v, [axis], [start], [end], [step]), [11, 13, 17, 23]);

/** An operator whose lists of integers are inputs of the graph. */
const computed = (
  op: string,
  name: string,
  x: SampleInput,
  lists: readonly (readonly number[])[],
  opsets: readonly number[],
): Sample => ({
  name: `${name}, computed`,
  opsets,
  inputs: {
    x,
    ...Object.fromEntries(lists.map((values, i) => [`l${i}`, { dims: [values.length], values, type: "int64" }])),
  },
  build(b, v) {
    const [data, ...rest] = Object.values(v) as [string, ...string[]];
    return b.add(op, op === "Pad" && rest.length > 1 ? [data, rest[0]!, "", ...rest.slice(1)] : [data, ...rest]);
  },
});

export const slicingSamples = {
  Pad: [
    ...pad("around", [0, 1, 2], [0, 2, 1]),
    ...pad("named batch", [0, 1, 1], [0, 1, 1], named),
    ...pad("cut", [0, -1, 0], [0, 0, -2]),
    ...pad("cut and added", [1, -1, 2], [0, 1, -1]),
    ...pad("nothing", [0, 0, 0], [0, 0, 0]),
    ...["reflect", "edge", "wrap"].flatMap(padModes),
    computed("Pad", "around and cut", named, [[0, 1, -1, 0, 2, 0]], [11, 13, 18]),
    computed(
      "Pad",
      "some axes",
      named,
      [
        [1, -1, 0, 2],
        [2, -2],
      ],
      [18, 23],
    ),
    padMode("edge", "beyond the size", [0, 0, 5], [0, 4, 0]),
    one("a value", image, (b, x) => b.add("Pad", [x, b.int64([0, 1, 0, 0, 0, 1]), b.scalar(3, x)]), [11, 13, 17]),
    {
      name: "the value",
      opsets: [11, 13, 18, 23],
      inputs: { x: named, value: { dims: [] } },
      build: (b, { x, value }) => b.add("Pad", [x!, b.int64([0, 1, -1, 0, 0, 2]), value!]),
    },
    one(
      "some axes",
      named,
      (b, x) => b.add("Pad", [x, b.int64([1, 2, 0, 1]), "", b.int64([2, 1])], { mode: "constant" }),
      [18, 21],
    ),
    one(
      "some axes, negative",
      image,
      (b, x) => b.add("Pad", [x, b.int64([1, 2]), b.scalar(0, x), b.int64([-1])]),
      [18, 21],
    ),
  ],
  Slice: [
    ...slice("one axis", [1], [1], [3]),
    ...slice("two axes", [1, 2], [0, 1], [2, MAX]),
    ...slice("from the end", [2], [-3], [-1]),
    ...slice("beyond the end", [1], [1], [100]),
    ...slice("negative axis", [-1], [1], [3]),
    ...slice("the whole of a named batch", [0, 1], [0, 1], [MAX, 3], named),
    ...slice("open sizes after the axis", [1], [1], [3], { dims: [2, 3, 4], declared: ["N", 3, "L"] }),
    one("axes left out", image, (b, x) => b.add("Slice", [x, b.int64([1, 0]), b.int64([2, 2])]), [11, 13, 17]),
    stepped("every second", 2, 0, MAX, 2),
    computed(
      "Slice",
      "starts and ends",
      named,
      [
        [0, 1, -3],
        [MAX, 2, 4],
      ],
      [11, 13, 18],
    ),
    computed(
      "Slice",
      "backwards in steps",
      named,
      [
        [3, 0],
        [-MAX, 2],
        [-1, 1],
        [-2, 1],
      ],
      [11, 13, 18],
    ),
    stepped("every second from the second on, last axis", -1, 1, MAX, 2),
    stepped("backwards", 1, -1, -MAX, -1),
    stepped("backwards in steps, a named batch", 2, 3, 0, -2, named),
    one("steps of 1", image, (b, x) => b.slice(x, [2], [1], [4]), [11, 13, 17]),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

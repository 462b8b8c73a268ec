import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

const one = (
  name: string,
  x: SampleInput,
  build: (b: Ops, x: string) => string,
  opsets?: readonly number[],
): Sample => ({ name, ...(opsets && { opsets }), inputs: { x }, build: (b, v) => build(b, v["x"]!) });

const image: SampleInput = { dims: [2, 3, 4] };
const named: SampleInput = { dims: [2, 3, 4], declared: ["N", 3, 4] };

const tile = (name: string, repeats: readonly number[], x: SampleInput): Sample =>
  one(name, x, (b, v) => b.add("Tile", [v, b.int64(repeats)]), [7, 9, 11, 13, 18]);

const depthToSpace = (name: string, x: SampleInput, mode: string | undefined, opsets: readonly number[]): Sample =>
  one(name, x, (b, v) => b.add("DepthToSpace", [v], { blocksize: 2, ...(mode && { mode }) }), opsets);

const centerCropPad = (
  name: string,
  to: readonly number[],
  axes: readonly number[] | undefined,
  x: SampleInput,
): Sample => one(name, x, (b, v) => b.add("CenterCropPad", [v, b.int64(to)], axes ? { axes } : {}), [18, 21]);

const col2Im = (
  name: string,
  dims: readonly number[],
  image: readonly number[],
  block: readonly number[],
  attributes: Readonly<Record<string, readonly number[]>> = {},
): Sample => ({
  name,
  opsets: [18, 23],
  type: "float32",
  inputs: { x: { dims, declared: ["N", ...dims.slice(1)] } },
  build: (b, v) => b.add("Col2Im", [v["x"]!, b.int64(image), b.int64(block)], attributes),
});

const scalar = (b: Ops, value: number) => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
const trilu = (name: string, k: number | undefined, upper: number | undefined, x: SampleInput = image): Sample =>
  one(
    name,
    x,
    (b, v) => b.add("Trilu", k === undefined ? [v] : [v, scalar(b, k)], upper === undefined ? {} : { upper }),
    [14, 23],
  );

const reverse = (
  name: string,
  lengths: readonly number[],
  attributes: Readonly<Record<string, number>>,
  x: SampleInput,
): Sample => one(name, x, (b, v) => b.add("ReverseSequence", [v, b.int64(lengths)], attributes), [10, 13, 23]);

export const rearrangementSamples = {
  Tile: [
    tile("two axes", [1, 2, 3], image),
    tile("a named batch", [1, 2, 1], named),
    tile("a named batch, itself", [2, 1, 2], named),
    tile("nothing", [1, 1, 1], named),
    tile("a vector", [3], { dims: [2] }),
    tile("two open sizes", [1, 2, 2], { ...image, declared: ["N", 3, "L"] }),
    {
      name: "computed repeats",
      inputs: { x: named, repeats: { dims: [3], values: [1, 2, 2], type: "int64" } },
      build: (b, v) => b.add("Tile", [v["x"]!, v["repeats"]!]),
    },
  ],
  Trilu: [
    trilu("the upper triangle by default", undefined, undefined, named),
    trilu("the lower triangle", undefined, 0),
    trilu("above the diagonal", 1, 1, { dims: [3, 3] }),
    trilu("below the diagonal", -1, 0, named),
    trilu("a wide upper part", -1, 1, named),
  ],
  DepthToSpace: [
    depthToSpace("by default", { dims: [2, 8, 2, 3] }, undefined, [7, 9, 11, 13, 18]),
    depthToSpace("DCR, a named batch", { dims: [2, 8, 2, 3], declared: ["N", 8, 2, 3] }, "DCR", [11, 13, 18]),
    depthToSpace("CRD, a named batch", { dims: [2, 8, 2, 3], declared: ["N", 8, 2, 3] }, "CRD", [11, 13, 18]),
  ],
  SpaceToDepth: [
    one(
      "a named batch",
      { dims: [2, 2, 4, 6], declared: ["N", 2, 4, 6] },
      (b, v) => b.add("SpaceToDepth", [v], { blocksize: 2 }),
      [7, 9, 11, 13, 18],
    ),
  ],
  CenterCropPad: [
    centerCropPad("cropped", [2, 2, 1], undefined, image),
    centerCropPad("padded", [6, 5], [1, 2], named),
    centerCropPad("cropped and padded, odd", [2, 7], [-2, -1], named),
    centerCropPad("cropped by 3", [1], [2], named),
    one(
      "the batch as it is",
      named,
      (b, v) =>
        b.add("CenterCropPad", [
          v,
          b.add("Concat", [b.slice(b.shape(v), [0], [0], [1]), b.int64([4, 2])], { axis: 0 }),
        ]),
      [18],
    ),
  ],
  Col2Im: [
    col2Im("blocks apart", [2, 8, 4], [4, 4], [2, 2], { strides: [2, 2] }),
    col2Im("blocks that overlap", [2, 8, 6], [3, 4], [2, 2]),
    col2Im("pads, strides and dilations", [2, 12, 4], [5, 6], [2, 3], {
      dilations: [2, 1],
      strides: [2, 3],
      pads: [1, 0, 0, 1],
    }),
    col2Im("a last part that no block reaches", [2, 4, 4], [5, 5], [2, 2], { strides: [2, 2] }),
    col2Im("one axis", [2, 4, 4], [5], [2]),
    col2Im("three axes", [2, 8, 2], [2, 2, 3], [2, 2, 2]),
  ],
  ReverseSequence: [
    reverse("by default", [1, 3, 2], {}, { dims: [4, 3, 2] }),
    reverse("samples first", [4, 2], { batch_axis: 0, time_axis: 1 }, { dims: [2, 4, 2] }),
    {
      name: "a named batch, computed lengths",
      opsets: [10, 13, 23],
      inputs: {
        x: { dims: [3, 2], declared: [3, "N"] },
        n: { dims: [2], declared: ["N"], values: [3, 1], type: "int64" },
      },
      build: (b, v) => b.add("ReverseSequence", [v["x"]!, v["n"]!], { time_axis: 0, batch_axis: 1 }),
    },
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

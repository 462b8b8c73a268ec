import type { Ops } from "../../../src/onnx/ops.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

type Attributes = NonNullable<Parameters<Ops["add"]>[2]>;

const conv = (
  name: string,
  x: SampleInput,
  w: readonly number[],
  attributes: Attributes = {},
  { bias = false, opsets = [11, 17] as readonly number[] } = {},
): Sample => ({
  name,
  opsets,
  type: "float32",
  inputs: { x, w: { dims: w }, ...(bias && { bias: { dims: [w[0]!] } }) },
  build: (b, v) => b.add("Conv", Object.values(v), attributes),
});

const image = { dims: [2, 2, 7, 6] };
const three = [3, 2, 3, 3];

/** `w` is [channels of x, channels of the output a group, ...kernel]. */
const convTranspose = (
  name: string,
  x: SampleInput,
  w: readonly number[],
  attributes: Attributes = {},
  bias = 0,
): Sample => ({
  name,
  opsets: [7, 11, 17],
  type: "float32",
  inputs: { x, w: { dims: w }, ...(bias && { bias: { dims: [bias] } }) },
  build: (b, v) => b.add("ConvTranspose", Object.values(v), attributes),
});

const small = { dims: [2, 2, 3, 4] };

export const convolutionSamples = {
  ConvTranspose: [
    convTranspose("plain", small, [2, 3, 3, 2]),
    convTranspose("bias", small, [2, 3, 3, 2], {}, 3),
    convTranspose("strided", small, [2, 3, 3, 2], { strides: [2, 3] }),
    convTranspose("strided, padded, output padding", small, [2, 3, 3, 3], {
      strides: [2, 2],
      pads: [1, 0, 1, 1],
      output_padding: [1, 1],
    }),
    convTranspose("dilated", small, [2, 3, 2, 2], { dilations: [2, 3], pads: [0, 1, 1, 0] }),
    convTranspose("groups", { dims: [2, 4, 3, 3] }, [4, 2, 3, 3], { group: 2, strides: [2, 1] }, 4),
    ...["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"].flatMap((auto_pad) => [
      convTranspose(`${auto_pad}`, small, [2, 3, 3, 4], { auto_pad, strides: [2, 3], dilations: [1, 2] }),
      convTranspose(`${auto_pad}, output_shape`, small, [2, 3, 4, 3], {
        auto_pad,
        strides: [2, 3],
        output_shape: [7, 10],
      }),
      convTranspose(`${auto_pad}, output_shape and output padding`, small, [2, 3, 3, 3], {
        auto_pad,
        strides: [2, 3],
        output_padding: [1, 2],
        output_shape: [7, 11],
      }),
      convTranspose(`${auto_pad}, stride above the kernel`, small, [2, 3, 1, 2], { auto_pad, strides: [3, 3] }),
    ]),
    convTranspose("VALID takes no pads", small, [2, 3, 3, 3], { auto_pad: "VALID", strides: [2, 2] }),
    convTranspose(
      "3-d",
      { dims: [1, 2, 2, 3, 2] },
      [2, 2, 2, 3, 2],
      { strides: [2, 1, 2], pads: [1, 0, 0, 0, 1, 0] },
      2,
    ),
    convTranspose("1-d, named batch", { dims: [2, 2, 5], declared: ["N", 2, 5] }, [2, 3, 4], { strides: [3] }),
  ],
  Conv: [
    conv("plain", image, three, {}, { opsets: [7, 9, 11, 13, 17] }),
    conv("bias", image, three, {}, { bias: true }),
    conv("kernel_shape given", image, three, { kernel_shape: [3, 3] }),
    conv("1 by 1", image, [3, 2, 1, 1]),
    conv("1 by 1, strided", image, [3, 2, 1, 1], { strides: [2, 2] }),
    conv("kernel as large as the image", image, [3, 2, 7, 6], {}, { bias: true }),
    conv("padded", image, three, { pads: [1, 1, 1, 1] }),
    conv("padded unevenly", image, three, { pads: [0, 1, 2, 0] }),
    conv("padded by more than the kernel", image, [3, 2, 2, 2], { pads: [3, 2, 2, 3] }),
    conv("strided, nothing left over", image, three, { strides: [2, 3] }),
    conv("strided, rows left over", image, three, { strides: [3, 2] }),
    conv("strided and padded", image, three, { strides: [2, 2], pads: [1, 1, 1, 1] }),
    conv("stride above the kernel", image, [3, 2, 2, 2], { strides: [4, 3] }),
    conv("dilated", image, [3, 2, 2, 3], { dilations: [3, 2] }),
    conv(
      "dilated, strided, padded",
      image,
      [3, 2, 3, 2],
      { dilations: [2, 3], strides: [2, 2], pads: [1, 2, 0, 1] },
      { bias: true },
    ),
    conv("SAME_UPPER", image, three, { auto_pad: "SAME_UPPER" }),
    conv("SAME_LOWER", image, three, { auto_pad: "SAME_LOWER" }),
    conv("SAME_UPPER, strided, even kernel", image, [3, 2, 4, 2], { auto_pad: "SAME_UPPER", strides: [2, 3] }),
    conv("SAME_LOWER, strided, even kernel", image, [3, 2, 4, 2], { auto_pad: "SAME_LOWER", strides: [3, 2] }),
    conv("VALID", image, three, { auto_pad: "VALID", strides: [2, 2] }),
    conv("SAME_UPPER, 1 by 1, strided", image, [3, 2, 1, 1], { auto_pad: "SAME_UPPER", strides: [2, 3] }),
    conv("SAME_LOWER, 1 by 1, strided", image, [3, 2, 1, 1], { auto_pad: "SAME_LOWER", strides: [3, 4] }),
    conv("SAME_LOWER, 3-d", { dims: [1, 2, 3, 4, 5] }, [2, 2, 2, 2, 3], { auto_pad: "SAME_LOWER", strides: [2, 1, 2] }),
    conv("NOTSET with pads", image, three, { auto_pad: "NOTSET", pads: [1, 0, 0, 1] }),
    conv("groups", { dims: [2, 4, 5, 5] }, [6, 2, 3, 3], { group: 2 }, { bias: true }),
    conv("groups, strided, padded", { dims: [2, 4, 6, 5] }, [6, 2, 3, 2], {
      group: 2,
      strides: [2, 2],
      pads: [1, 0, 1, 1],
    }),
    conv("depthwise", { dims: [2, 3, 5, 5] }, [3, 1, 3, 3], { group: 3 }),
    conv("depthwise with a multiplier, dilated", { dims: [2, 3, 6, 6] }, [6, 1, 2, 2], { group: 3, dilations: [2, 3] }),
    conv("1-d", { dims: [2, 2, 9] }, [3, 2, 3], {}, { bias: true }),
    conv("1-d, strided, dilated, padded", { dims: [2, 2, 9] }, [3, 2, 3], {
      strides: [2],
      dilations: [2],
      pads: [2, 1],
    }),
    conv("1-d, groups, SAME_LOWER", { dims: [2, 4, 8] }, [2, 2, 4], { group: 2, strides: [3], auto_pad: "SAME_LOWER" }),
    conv("3-d", { dims: [2, 2, 4, 5, 4] }, [2, 2, 2, 3, 2], {}, { bias: true }),
    conv("3-d, strided, padded, groups", { dims: [1, 2, 4, 5, 4] }, [2, 1, 2, 3, 2], {
      group: 2,
      strides: [2, 1, 3],
      pads: [1, 0, 1, 0, 1, 1],
    }),
    conv(
      "named batch",
      { ...image, declared: ["N", 2, 7, 6] },
      three,
      { strides: [2, 2], pads: [1, 1, 1, 1] },
      { bias: true, opsets: [9, 13, 17, 21] },
    ),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

import { PerturbError } from "../../errors.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import { type Defence, type DefenceSite, inBytes, type PlaneSize, stepping } from "../defence.ts";
import { chromaTable, luminanceTable } from "./jpeg-tables.ts";

/** The side of a block. */
const SIDE = 8;

/**
 * JPEG compression (ITU-T T.81) as encoders do it by default: YCbCr of JFIF, chroma at half the size in both directions (4:2:0), the
 * tables of annex K at a quality, and libjpeg's smooth upsampling. Sizes that are no multiple of a block are filled by repeating the edge.
 * Entropy coding loses nothing and is left out.
 */
export const jpeg: Defence = {
  name: "jpeg",
  title: "JPEG compression",
  paper: "https://arxiv.org/abs/1608.00853",
  number: { about: "the quality, from 1 to 100", byDefault: 75, least: 1, most: 100 },
  isOfPictures: true,
  isRandom: false,
  apply: ({ b, x, size }, quality) => {
    const bytes = inBytes(b, b.mul(x, b.scalar(255, x)));
    return b.div(
      size.channels === 1 ? grey(b, bytes, size, quality) : colour({ b, x: bytes, size }, quality),
      b.scalar(255, x),
    );
  },
};

function grey(b: Ops, x: string, size: PlaneSize, quality: number): string {
  return cut(b, coded(b, filled(b, x, size, [SIDE, SIDE]), luminanceTable(quality), 1), size);
}

function colour({ b, x, size }: DefenceSite, quality: number): string {
  if (size.channels !== 3)
    throw new PerturbError(
      "unsupported",
      `JPEG holds pictures of 1 or 3 channels, and the model takes ${size.channels}. Choose another defence.`,
      { data: { channels: size.channels } },
    );
  const ycc = stepping(b, "Round", [mixed(b, x, TO_YCC, [0, 128, 128])]);
  const luminance = grey(b, b.slice(ycc, [1], [0], [1]), size, quality);
  const half = { ...size, height: Math.ceil(size.height / 2), width: Math.ceil(size.width / 2) };
  // In this order libjpeg fills the sides.
  const halves = halved(b, filled(b, b.slice(ycc, [1], [1], [3]), size, [2, 2 * SIDE]), size);
  const chroma = coded(b, filled(b, halves, half, [SIDE, 1]), chromaTable(quality), 2);
  const full = doubled(b, cut(b, chroma, half), half);
  const joined = b.add("Concat", [luminance, cut(b, full, size)], { axis: 1 });
  return inBytes(b, mixed(b, b.sub(joined, perChannel(b, [0, 128, 128])), FROM_YCC, [0, 0, 0]));
}

/** JFIF 1.02, page 3: from RGB to YCbCr, and back. */
const TO_YCC = [
  [0.299, 0.587, 0.114],
  [-0.299 / 1.772, -0.587 / 1.772, 0.5],
  [0.5, -0.587 / 1.402, -0.114 / 1.402],
];
const FROM_YCC = [
  [1, 0, 1.402],
  [1, (-0.114 * 1.772) / 0.587, (-0.299 * 1.402) / 0.587],
  [1, 1.772, 0],
];

/** Channels by a matrix. */
const mixed = (b: Ops, x: string, matrix: readonly (readonly number[])[], bias: readonly number[]): string =>
  b.add("Conv", [
    x,
    b.constant(tensor("float32", [3, 3, 1, 1], Float32Array.from(matrix.flat()))),
    b.constant(tensor("float32", [3], Float32Array.from(bias))),
  ]);

const perChannel = (b: Ops, values: readonly number[]): string =>
  b.constant(tensor("float32", [values.length, 1, 1], Float32Array.from(values)));

/** Blocks through their cosine transform, quantised, and back to bytes. */
function coded(b: Ops, x: string, table: readonly number[], channels: number): string {
  const frequencies = table.length;
  const basis = b.constant(
    tensor("float32", [channels * frequencies, 1, SIDE, SIDE], Float32Array.from(Array(channels).fill(BASIS).flat())),
  );
  const spread = (values: readonly number[]): string =>
    b.constant(
      tensor("float32", [1, channels * frequencies, 1, 1], Float32Array.from(Array(channels).fill(values).flat())),
    );
  const blocks = { kernel_shape: [SIDE, SIDE], strides: [SIDE, SIDE], group: channels };
  const levels = b.sub(x, b.scalar(128, x));
  const eighths = stepping(b, "Round", [b.mul(b.add("Conv", [levels, basis], blocks), b.scalar(8, x))]);
  // A hair above 1/q: what lies in the middle goes away from zero, as in libjpeg.
  const quantised = stepping(b, "Round", [b.mul(eighths, spread(table.map((q) => (1 + 2 ** -20) / (8 * q))))]);
  const restored = b.add("ConvTranspose", [b.mul(quantised, spread(table)), basis], blocks);
  return inBytes(b, b.plus(restored, b.scalar(128, x)));
}

/** T.81, A.3.3: by frequency (down, then across), the weights of the 64 pixels of a block. */
const BASIS: readonly number[] = Array.from({ length: SIDE ** 4 }, (_, i) => {
  const [v, u, y, z] = [i >> 9, (i >> 6) & 7, (i >> 3) & 7, i & 7];
  const wave = (k: number, at: number): number =>
    (k === 0 ? Math.SQRT1_2 : Math.cos(((2 * at + 1) * k * Math.PI) / 16)) / 2;
  return wave(v, y) * wave(u, z);
});

/** With its last row and column repeated up to multiples of two units, down and across. */
function filled(b: Ops, x: string, { height, width }: PlaneSize, [down, across]: readonly [number, number]): string {
  const repeat = (values: string, axis: number, size: number, unit: number): string => {
    const places = Array.from({ length: Math.ceil(size / unit) * unit }, (_, i) => Math.min(i, size - 1));
    return places.length === size ? values : b.add("Gather", [values, b.int64(places)], { axis });
  };
  return repeat(repeat(x, 2, height, down), 3, width, across);
}

const cut = (b: Ops, x: string, { height, width }: PlaneSize): string => b.slice(x, [2, 3], [0, 0], [height, width]);

/** libjpeg's h2v2 downsampling: means of four, of which those in the middle go down and up in turn. */
function halved(b: Ops, x: string, { width }: PlaneSize): string {
  const means = b.add("AveragePool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
  const columns = Math.ceil(width / (2 * SIDE)) * SIDE;
  return stepping(b, "Round", [b.plus(means, inTurn(b, columns, -1 / 8))]);
}

/** libjpeg's "fancy" upsampling: three parts of the nearest and one of the next, down and across. */
function doubled(b: Ops, x: string, { height, width }: PlaneSize): string {
  const down = b.matmul(b.constant(tensor("float32", [2 * height, height], upsampling(height))), x);
  const across = b.matmul(
    down,
    b.transpose(b.constant(tensor("float32", [2 * width, width], upsampling(width))), [1, 0]),
  );
  return stepping(b, "Round", [b.plus(across, inTurn(b, 2 * width, 1 / 32))]);
}

/** [2 · size, size] by rows. */
function upsampling(size: number): Float32Array {
  const matrix = new Float32Array(2 * size * size);
  for (let i = 0; i < 2 * size; i++) {
    const nearest = i >> 1;
    const next = Math.min(Math.max(nearest + (i % 2 === 0 ? -1 : 1), 0), size - 1);
    matrix[i * size + nearest]! += 0.75;
    matrix[i * size + next]! += 0.25;
  }
  return matrix;
}

/** `first` for each even column, and its negative for each odd one: too small to move what lies in no middle. */
const inTurn = (b: Ops, columns: number, first: number): string =>
  b.constant(
    tensor(
      "float32",
      [columns],
      Float32Array.from({ length: columns }, (_, i) => (i % 2 === 0 ? first : -first)),
    ),
  );

import type { Batch, Dataset } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { layoutOf } from "../layout.ts";
import type { Bounds } from "../model.ts";
import { option } from "../option.ts";
import { type Random, randomFor } from "../random.ts";
import { sampleSize } from "../tensor.ts";

/** How pictures are changed before each epoch sees them, always at random. */
export interface Augmentation {
  /** Mirrored left to right, one of two. */
  readonly flip?: boolean | undefined;
  /** Moved along both axes by up to so many pixels; what comes in is 0. The same as a crop of a picture padded with zeros. */
  readonly shift?: number | undefined;
  /** Padded on all sides by so many pixels, mirrored at the edge, and cropped to its size. */
  readonly crop?: number | undefined;
}

/** The stream of Philox that changes of pictures are drawn from. */
const AUGMENT = 0x6175676d;

/** @throws usage for samples that are no pictures, and for more pixels than these have */
export function checkAugmentation({ flip, shift = 0, crop = 0 }: Augmentation, data: Dataset): void {
  if (flip !== true && shift === 0 && crop === 0) return;
  const sizes = pictureOf(data.shape);
  if (!sizes)
    throw new PerturbError(
      "usage",
      `Only pictures, of three axes, can be flipped, shifted and cropped, and the samples of ${data.name} are [${data.shape}]. Leave ${option("augment")} out.`,
    );
  const most = Math.min(sizes.height, sizes.width) - 1;
  for (const [name, pixels] of Object.entries({ shift, crop }))
    if (!(Number.isInteger(pixels) && pixels >= 0 && pixels <= most))
      throw new PerturbError(
        "usage",
        `${name} is a whole number of pixels from 0 to ${most}, for pictures of ${sizes.height} by ${sizes.width}; got ${pixels} (${option("augment")}).`,
      );
}

function pictureOf(shape: readonly number[]) {
  const layout = layoutOf(shape);
  if (layout === null) return undefined;
  const [channels, height, width] = (
    layout === "channels-first" ? shape : [shape[2]!, shape[0]!, shape[1]!]
  ) as readonly [number, number, number];
  return { isFirst: layout === "channels-first", channels, height, width };
}

/** Pictures changed by the seed, the sample's index in the data set, and the epoch. `bounds` hold what comes in. */
export function augmented(
  batch: Batch,
  how: Augmentation,
  { seed, epoch, bounds }: { readonly seed: number; readonly epoch: number; readonly bounds: Bounds },
): Batch {
  const { x, indices } = batch;
  const picture = pictureOf(x.dims.slice(1));
  if (!picture) return batch;
  const { isFirst, channels, height, width } = picture;
  const size = sampleSize(x);
  const empty = Math.min(bounds.upper, Math.max(bounds.lower, 0));
  const data = new Float32Array(x.data.length).fill(empty);
  const place = isFirst
    ? (c: number, row: number, column: number) => (c * height + row) * width + column
    : (c: number, row: number, column: number) => (row * width + column) * channels + c;
  for (const [i, index] of indices.entries()) {
    const { rows, columns } = drawn(randomFor(seed, index, AUGMENT, epoch), how, height, width);
    const from = x.data.subarray(i * size, (i + 1) * size);
    const to = data.subarray(i * size, (i + 1) * size);
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let z = 0; z < width; z++)
          if (rows[y]! >= 0 && columns[z]! >= 0) to[place(c, y, z)] = from[place(c, rows[y]!, columns[z]!)]!;
  }
  return { ...batch, x: { ...x, data } };
}

/** Which row and column of a picture each row and column of the changed one is; -1 for none. The draws are always the same five. */
function drawn(random: Random, { flip, shift = 0, crop = 0 }: Augmentation, height: number, width: number) {
  const isFlipped = random.integer(2) === 1 && flip === true;
  const off = (reach: number): number => random.integer(2 * reach + 1) - reach;
  const [shiftDown, shiftRight, cropDown, cropRight] = [off(shift), off(shift), off(crop), off(crop)];
  const along = (length: number, moved: number, cropped: number): Int32Array =>
    Int32Array.from({ length }, (_, i) => {
      const inside = mirrored(i + cropped, length) + moved;
      return inside >= 0 && inside < length ? inside : -1;
    });
  const columns = along(width, shiftRight, cropRight);
  return {
    rows: along(height, shiftDown, cropDown),
    columns: isFlipped ? columns.map((column) => (column < 0 ? column : width - 1 - column)) : columns,
  };
}

/** Back into a range whose ends are mirrors. */
const mirrored = (i: number, length: number): number => (i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i);

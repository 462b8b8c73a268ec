import { PerturbError } from "../../errors.ts";
import type { Defence, PlaneSize } from "../defence.ts";

/**
 * Median filter (Xu, Evans and Qi 2018, §III-B): each pixel becomes the median of a square around it, each channel by itself, with the
 * picture reflected at its edges as scipy.ndimage does. It has a gradient of its own: that of the pixel which is the median.
 */
export const median: Defence = {
  name: "median",
  title: "median filter",
  paper: "https://arxiv.org/abs/1704.01155",
  number: {
    about: "the side of the square, 3, 5 or 7",
    byDefault: 3,
    least: 3,
    most: 7,
    refuse: (side) => (side % 2 === 1 ? null : "an odd number"),
  },
  isOfPictures: true,
  isRandom: false,
  apply: ({ b, x, size }, side) => {
    const reach = (side - 1) / 2;
    requireSize(size, reach);
    const { height, width } = size;
    const wide = [height, width].reduce(
      (values, length, k) => b.add("Gather", [values, b.int64(reflected(length, reach))], { axis: k + 2 }),
      x,
    );
    const parts: string[] = [];
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++)
        parts.push(b.unsqueeze(b.slice(wide, [2, 3], [row, column], [row + height, column + width]), [4]));
    const all = b.add("Concat", parts, { axis: 4 });
    const middle = (side * side + 1) / 2;
    const [largest] = b.addMany("TopK", [all, b.int64([middle])], 2, { axis: 4 });
    return b.squeeze(b.slice(largest!, [4], [middle - 1], [middle]), [4]);
  },
};

/** d c b a | a b c d | d c b a */
const reflected = (length: number, reach: number): number[] =>
  Array.from({ length: length + 2 * reach }, (_, k) => {
    const i = k - reach;
    return i < 0 ? -1 - i : i < length ? i : 2 * length - 1 - i;
  });

function requireSize({ height, width }: PlaneSize, reach: number): void {
  if (Math.min(height, width) >= reach) return;
  throw new PerturbError(
    "unsupported",
    `A picture of ${height} x ${width} is smaller than the square of the median filter. Choose a smaller one.`,
    { data: { height, width } },
  );
}

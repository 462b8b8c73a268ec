import { onGrid } from "../../../src/grid.ts";
import type { Model } from "../../../src/model.ts";
import { layoutOf } from "../../../src/report/pictures/picture.ts";
import { product } from "../../../src/tensor.ts";

/** Grey values from 0 to 255, row by row. */
export interface Ink {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Whether samples of this shape are pictures, grey or RGB. */
export function isPicture(shape: readonly number[]): boolean {
  const { width, height, channels } = layoutOf(shape);
  return shape.length >= 2 && width * height * channels === product(shape);
}

/**
 * A drawn digit as MNIST has its own: scaled with its proportions into a box of 20 pixels, grey by the area that the ink
 * covers, and moved by whole pixels until its centre of mass is that of the 28 × 28 pixels. Other sizes in proportion.
 * Source: http://yann.lecun.com/exdb/mnist/
 * @returns values on the grid of 8 bits; null where there is no ink
 */
export function drawnSample(
  ink: Ink,
  { inputShape, bounds }: Pick<Model, "inputShape" | "bounds">,
): Float32Array | null {
  const box = inkBox(ink);
  if (!box) return null;
  const { width, height, channels, at } = layoutOf(inputShape);
  const scale = ((20 / 28) * Math.min(width, height)) / Math.max(box.width, box.height);
  const columns = shares(box.width, scale);
  const rows = shares(box.height, scale);
  const small = rows.map((down) => columns.map((across) => mean(ink, box, down, across)));
  const left = place(
    width,
    columns.map((_, x) => sum(small.map((row) => row[x]!))),
  );
  const top = place(height, small.map(sum));
  const { lower, upper } = bounds;
  const x = new Float32Array(product(inputShape)).fill(lower);
  for (const [i, row] of small.entries())
    for (const [j, grey] of row.entries())
      for (let channel = 0; channel < channels; channel++)
        x[at(top + i, left + j, channel)] = onGrid(lower + (grey / 255) * (upper - lower), bounds, 256);
  return x;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function inkBox({ width, height, data }: Ink): Box | null {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** For each pixel of the scaled line: which pixels of the line it covers, and how much of each. */
type Share = readonly { readonly i: number; readonly part: number }[];

function shares(size: number, scale: number): Share[] {
  const count = Math.max(1, Math.round(size * scale));
  const step = size / count;
  return Array.from({ length: count }, (_, k) => {
    const [from, to] = [k * step, (k + 1) * step];
    const first = Math.floor(from);
    return Array.from({ length: Math.min(size, Math.ceil(to - 1e-9)) - first }, (_unused, n) => {
      const i = first + n;
      return { i, part: (Math.min(to, i + 1) - Math.max(from, i)) / step };
    });
  });
}

function mean({ width, data }: Ink, { left, top }: Box, down: Share, across: Share): number {
  let total = 0;
  for (const row of down)
    for (const column of across) total += row.part * column.part * data[(top + row.i) * width + left + column.i]!;
  return total;
}

/** Where a line of these masses begins so that its centre of mass is in the middle of `size`, and nothing is cut off. */
function place(size: number, masses: readonly number[]): number {
  const centre = sum(masses.map((mass, i) => mass * (i + 0.5))) / sum(masses);
  return Math.min(size - masses.length, Math.max(0, Math.round(size / 2 - centre)));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

import type { Box } from "../../../norm.ts";
import { projectL1Box } from "../../gradient/apgd/ball-and-box.ts";
import type { ImageLayout } from "../../steps/image-layout.ts";
import { drawSigns, placeWindow, type Walk, type Window, windowSides } from "./windows.ts";

/** What is left of ε, so that rounding to float32 does not leave the ball. */
const INSIDE = 1 - 1e-6;
/** Keeps quotients of empty windows finite. */
const TINY = 1e-12;

/**
 * A centred peak on rows × columns, Σ_{k ≥ d} (k + 1)^-power at distance d (L∞) from the middle: eq. 2, whose squares
 * are of side 2k + 1. Of length 1 in the norm.
 */
function peak(rows: number, columns: number, norm: "l2" | "l1"): Float64Array {
  const [middleRow, middleColumn] = [rows >> 1, columns >> 1];
  const squares = Math.max(middleRow, middleColumn) + 1;
  const heights = new Float64Array(squares + 1);
  for (let k = squares - 1; k >= 0; k--) heights[k] = heights[k + 1]! + (k + 1) ** (norm === "l2" ? -2 : -4);
  const values = Float64Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return heights[Math.max(Math.abs(row - middleRow), Math.abs(column - middleColumn))]!;
  });
  return unit(values, norm);
}

function unit(values: Float64Array, norm: "l2" | "l1"): Float64Array {
  const length =
    norm === "l2" ? Math.sqrt(values.reduce((s, v) => s + v * v, 0)) : values.reduce((s, v) => s + Math.abs(v), 0);
  return values.map((v) => v / (length + TINY));
}

/** η of eq. 2: one peak up and one down, side by side or one above the other; of length 1 in the norm. */
export function bump(height: number, width: number, sideBySide: boolean, norm: "l2" | "l1"): Float64Array {
  if (sideBySide ? width > 1 || height === 1 : height === 1 && width > 1) {
    const upright = bump(width, height, false, norm);
    return upright.map((_, i) => upright[(i % width) * height + Math.floor(i / width)]!);
  }
  const upper = height >> 1;
  return unit(Float64Array.of(...peak(upper, width, norm), ...peak(height - upper, width, norm).map((v) => -v)), norm);
}

/** The least side of a window. */
const LEAST_SIDE = 3;
/** The least side of an image that a grid of 5 × 5 bumps can tile: a smaller one is walked as a row of its elements. */
const GRID = 5;

const asRow = ({ channels, height, width }: ImageLayout): ImageLayout => {
  const elements = channels * height * width;
  return { channels: 1, height: 1, width: elements, channelStep: elements, rowStep: elements, columnStep: 1 };
};

/** The next odd number, less where no second place would be left: one that fills the image cannot move the budget. */
const odd = (side: number, pixels: number): number =>
  Math.max(1, Math.min(side + (side % 2 === 0 ? 1 : 0), pixels - 1));

/**
 * L2 (algorithm 3) and L1 (Croce and Hein 2021, §4): a grid of bumps, then moves of the budget that lies in two windows,
 * and of what is left of ε, to one of them, where a new bump is added to the old shape.
 */
export function bumpWalk(norm: "l2" | "l1", given: ImageLayout, epsilon: number, box: Box): Walk {
  const image = Math.min(given.height, given.width) < GRID ? asRow(given) : given;
  const { channels, height, width, channelStep, rowStep, columnStep } = image;
  const round = norm === "l2";
  const radius = epsilon * INSIDE;
  const delta = new Float64Array(channels * height * width);
  const fresh = new Float64Array(height * width);
  const signs = new Int8Array(channels);
  const bumps = new Map<string, Float64Array>();

  const bumpOf = (rows: number, columns: number, sideBySide: boolean): Float64Array => {
    const key = `${rows},${columns},${sideBySide}`;
    const values = bumps.get(key) ?? bump(rows, columns, sideBySide, norm);
    bumps.set(key, values);
    return values;
  };
  const offset = (c: number, row: number, column: number): number =>
    c * channelStep + row * rowStep + column * columnStep;

  /** Σ v² or Σ |v| of one channel in a window, without what lies in another. */
  const measure = (c: number, { top, left, height: rows, width: columns }: Window, without?: Window): number => {
    let sum = 0;
    for (let row = top; row < top + rows; row++)
      for (let column = left; column < left + columns; column++) {
        if (without && inside(without, row, column)) continue;
        const v = delta[offset(c, row, column)]!;
        sum += round ? v * v : Math.abs(v);
      }
    return sum;
  };
  const lengthOf = (sum: number): number => (round ? Math.sqrt(sum) : sum);

  /** x + delta, on the sphere (L2) or as near as ball and box allow (L1). */
  const finish = (out: Float32Array, x: Float32Array): void => {
    let sum = 0;
    for (let i = 0; i < delta.length; i++) sum += delta[i]! * delta[i]!;
    const scale = round ? radius / (Math.sqrt(sum) + TINY) : 1;
    for (let i = 0; i < delta.length; i++) {
      const v = x[i]! + delta[i]! * scale;
      out[i] = round ? Math.min(box.upper, Math.max(box.lower, v)) : v;
    }
    if (!round) projectL1Box(out, x, radius, box);
  };

  return {
    start(out, x, random) {
      delta.fill(0);
      const side = Math.max(1, Math.floor(Math.min(height, width) / GRID));
      const [down, across] = [Math.floor(height / side), Math.floor(width / side)];
      const [top, left] = [(height - down * side) >> 1, (width - across * side) >> 1];
      for (let tile = 0; tile < down * across; tile++) {
        const values = bumpOf(side, side, (random.uint32() & 1) === 1);
        drawSigns(signs, random);
        const [row, column] = [top + Math.floor(tile / across) * side, left + (tile % across) * side];
        for (let c = 0; c < channels; c++)
          for (let k = 0; k < values.length; k++)
            delta[offset(c, row + Math.floor(k / side), column + (k % side))] = values[k]! * signs[c]!;
      }
      finish(out, x);
    },
    step(out, x, best, p, random) {
      let total = 0;
      for (let i = 0; i < delta.length; i++) {
        const v = best[i]! - x[i]!;
        delta[i] = v;
        total += round ? v * v : Math.abs(v);
      }
      const [rows, columns] = windowSides(image, p, LEAST_SIDE);
      const sides: [number, number] = [odd(rows, height), odd(columns, width)];
      const to = placeWindow(image, sides, random);
      const from = placeWindow(image, sides, random);
      const values = bumpOf(...sides, (random.uint32() & 1) === 1);
      drawSigns(signs, random);
      const spare = Math.max((round ? epsilon * epsilon : epsilon) - total, 0) / channels;
      for (let c = 0; c < channels; c++) {
        const own = measure(c, to);
        const budget = spare + own + measure(c, from, to);
        const length = lengthOf(own) + TINY;
        let sum = 0;
        for (let k = 0; k < values.length; k++) {
          const at = offset(c, to.top + Math.floor(k / to.width), to.left + (k % to.width));
          const v = values[k]! * signs[c]! + delta[at]! / length;
          fresh[k] = v;
          sum += round ? v * v : Math.abs(v);
        }
        // In L1 more than is left is spent on purpose: the projection then leaves a sparser point.
        const scale = (lengthOf(budget) * (round ? 1 : channels)) / (lengthOf(sum) + TINY);
        for (let k = 0; k < values.length; k++)
          delta[offset(c, from.top + Math.floor(k / from.width), from.left + (k % from.width))] = 0;
        for (let k = 0; k < values.length; k++)
          delta[offset(c, to.top + Math.floor(k / to.width), to.left + (k % to.width))] = fresh[k]! * scale;
      }
      finish(out, x);
    },
  };
}

const inside = ({ top, left, height, width }: Window, row: number, column: number): boolean =>
  row >= top && row < top + height && column >= left && column < left + width;

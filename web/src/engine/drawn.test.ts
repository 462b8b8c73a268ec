import { describe, expect, it } from "vitest";
import { drawnSample, type Ink, isPicture } from "./drawn.ts";

const bounds = { lower: 0, upper: 1 };
const mnist = { inputShape: [1, 28, 28], bounds };

/** Ink where `on` says so. */
const ink = (width: number, height: number, on: (x: number, y: number) => boolean): Ink => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height }, (_, i) => (on(i % width, Math.floor(i / width)) ? 255 : 0)),
});

const at = (x: Float32Array, row: number, column: number): number => x[row * 28 + column]!;

/** Rows and columns with ink, and the centre of mass in pixels from the upper left corner. */
function measured(x: Float32Array) {
  let [mass, across, down] = [0, 0, 0];
  const [rows, columns] = [new Set<number>(), new Set<number>()];
  for (let row = 0; row < 28; row++)
    for (let column = 0; column < 28; column++) {
      const value = at(x, row, column);
      if (value === 0) continue;
      mass += value;
      across += value * (column + 0.5);
      down += value * (row + 0.5);
      rows.add(row);
      columns.add(column);
    }
  return { mass, centre: [across / mass, down / mass], rows: [...rows], columns: [...columns].sort((a, b) => a - b) };
}

describe("a drawn digit", () => {
  it("is null without ink", () => {
    expect(
      drawnSample(
        ink(280, 280, () => false),
        mnist,
      ),
    ).toBeNull();
  });

  it("fills a box of 20 pixels in the middle of 28", () => {
    const square = drawnSample(
      ink(280, 280, (x, y) => x >= 10 && x < 70 && y >= 200 && y < 260),
      mnist,
    )!;
    const expected = Float32Array.from({ length: 784 }, (_, i) => {
      const [row, column] = [Math.floor(i / 28), i % 28];
      return row >= 4 && row < 24 && column >= 4 && column < 24 ? 1 : 0;
    });
    expect(square).toEqual(expected);
  });

  it("keeps its proportions", () => {
    const bar = measured(
      drawnSample(
        ink(280, 280, (x, y) => x >= 100 && x < 130 && y >= 40 && y < 240),
        mnist,
      )!,
    );
    expect([bar.rows.length, bar.columns.length]).toEqual([20, 3]);
    expect(bar.mass).toBeCloseTo(60, 5);
  });

  it("has its centre of mass in the middle, to half a pixel", () => {
    // An L, whose mass is far from the middle of its box.
    const { centre, rows, columns } = measured(
      drawnSample(
        ink(280, 280, (x, y) => x >= 50 && y >= 30 && x < 210 && y < 230 && (x < 80 || y >= 200)),
        mnist,
      )!,
    );
    for (const middle of centre) expect(Math.abs(middle - 14)).toBeLessThanOrEqual(0.5);
    expect(rows.length).toBe(20);
    expect(columns.length).toBe(16);
  });

  it("is grey by the area that the ink covers", () => {
    // 30 pixels become 20.
    const x = drawnSample(
      ink(30, 30, (column, row) => (row === 0 ? column === 0 : true) && !(column === 0 && row === 1)),
      mnist,
    )!;
    // The first pixel covers 1.5 × 1.5 of them: ink in a whole one and in a quarter, none in two halves.
    expect(at(x, 4, 4)).toBeCloseTo(Math.round(255 * ((1 + 0.25) / 2.25)) / 255, 6);
    expect(at(x, 14, 14)).toBe(1);
  });

  it("fits pictures of other shapes and bounds, in each channel", () => {
    const square = ink(280, 280, (x, y) => x < 100 && y < 100);
    const colour = drawnSample(square, { inputShape: [3, 56, 56], bounds: { lower: -1, upper: 1 } })!;
    const plane = colour.slice(0, 56 * 56);
    expect(plane.filter((value) => value === 1).length).toBe(40 * 40);
    expect(plane.filter((value) => value === -1).length).toBe(56 * 56 - 40 * 40);
    for (const channel of [1, 2]) expect(colour.slice(channel * 56 * 56, (channel + 1) * 56 * 56)).toEqual(plane);
  });
});

it("knows what is a picture", () => {
  expect([[1, 28, 28], [3, 32, 32], [32, 32, 3], [28, 28], [6], [784], [2, 8, 8]].map(isPicture)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

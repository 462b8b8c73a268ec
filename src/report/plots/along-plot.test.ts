import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LinearView } from "../../evaluate/linear/along.ts";
import { PALETTES } from "../theme.ts";
import { type AlongPlotOptions, alongPlot } from "./along-plot.ts";
import { toSvg } from "./vega.ts";

const epsilons = [-0.2, -0.1, 0, 0.1, 0.2];
/** Class c has the logit height_c + slope_c·ε along the gradient, and height_c along the random direction. */
function viewOf(heights: readonly number[], slopes: readonly number[]): LinearView {
  return {
    norm: "linf",
    epsilons,
    directions: { gradient: "the sign of the gradient", random: "a random direction" },
    gradient: epsilons.map((e) => heights.map((h, c) => h + e * slopes[c]!)),
    random: epsilons.map(() => [...heights]),
    predicted: 1,
    predictedClipped: 1,
    measured: 1,
  };
}
/** Class 1 overtakes class 0 before ε = .2. */
const view = viewOf([4, 3, -2, -3], [-10, 10, 5, 0]);

interface Drawn {
  readonly panel: string;
  readonly index: number;
  readonly role: string;
  readonly epsilon: number;
  readonly logit: number;
  readonly name?: string;
}
const valuesOf = (of: LinearView, options: AlongPlotOptions) =>
  (alongPlot(of, options) as unknown as { data: { values: Drawn[] } }).data.values;
/** The lines of a plot: their points, their colour and their width. */
const linesOf = (svg: string) =>
  Array.from(svg.matchAll(/<path[^>]* d="(M[^"]*L[^"]*)"[^>]* stroke="(#\w+)" stroke-width="([\d.]+)"/g), (found) => ({
    points: Array.from(found[1]!.matchAll(/[ML]([-\d.]+),([-\d.]+)/g), ([, x, y]) => [Number(x), Number(y)] as const),
    color: found[2]!,
    width: Number(found[3]),
  })).filter(({ points }) => points.length === epsilons.length);

beforeEach(() => {
  vi.spyOn(console, "warn");
});
afterEach(() => {
  expect(console.warn).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

describe("alongPlot", () => {
  it("draws a straight line for each class and direction, label and prediction thicker and in colour", async () => {
    const svg = await toSvg(alongPlot(view, { label: 0 }));
    const lines = linesOf(svg);
    expect(lines).toHaveLength(8);
    const { "series-1": blue, "series-2": red, muted } = PALETTES.light;
    const widths = new Map([
      [blue, 2.5],
      [red, 2.5],
      [muted, 1],
    ]);
    for (const { color, width } of lines) expect(width).toBe(widths.get(color));
    expect(lines.filter(({ color }) => color === muted)).toHaveLength(4);
    for (const { points } of lines) {
      const [[x0, y0], [x1, y1]] = [points[0]!, points.at(-1)!];
      expect([x0, x1]).toEqual([0, 280]);
      for (const [x, y] of points) expect(y).toBeCloseTo(y0 + ((y1 - y0) * (x - x0)) / (x1 - x0), 2);
    }
    // Up the gradient the label falls from 6 to 2, and the prediction rises from 1 to 5.
    const fall = (color: string) => {
      const { points } = lines.find((line) => line.color === color)!;
      return points.at(-1)![1] - points[0]![1];
    };
    expect(fall(blue)).toBeGreaterThan(50);
    expect(fall(red)).toBeCloseTo(-fall(blue), 2);
  });

  it("says what it shows, in words", async () => {
    const svg = await toSvg(alongPlot(view, { label: 0, classNames: ["cat", "dog", "<b>", ""] }));
    for (const text of [
      "Along the sign of the gradient",
      "Along a random direction",
      "cat → dog, all classes",
      "label: cat",
      "prediction: dog",
      "other classes",
      "ε (L∞)",
      "&lt;b&gt;",
    ])
      expect(svg).toContain(`>${text}</text>`);
    expect(svg).not.toMatch(/NaN|undefined|<b>/);
  });

  it("has no second colour where the sample keeps its label, and takes the prediction it is given", async () => {
    const kept = await toSvg(alongPlot(view, { label: 1 }));
    expect(kept).not.toContain(PALETTES.light["series-2"]);
    expect(kept).not.toContain("prediction:");
    const roles = new Map(valuesOf(view, { label: 0, prediction: 3 }).map(({ index, role }) => [index, role]));
    expect(Object.fromEntries(roles)).toEqual({
      0: "label: 0",
      1: "other classes",
      2: "other classes",
      3: "prediction: 3",
    });
  });

  it("draws the twelve classes that are largest anywhere, label and prediction among them, and says so", async () => {
    const heights = Array.from({ length: 1000 }, (_, c) => -c);
    const many = viewOf(
      heights,
      heights.map((_, c) => (c === 500 ? 5000 : 0)),
    );
    const drawn = new Set(valuesOf(many, { label: 700 }).map(({ index }) => index));
    expect([...drawn].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 500, 700]);
    expect(await toSvg(alongPlot(many, { label: 700 }))).toContain(
      ">700 → 500, the 12 largest of 1,000 classes</text>",
    );
  });

  it("names the ends of label, prediction and the largest of the others, where names do not meet", () => {
    const named = (of: LinearView) =>
      valuesOf(of, { label: 0 }).flatMap(({ name, panel }) => (panel.includes("gradient") && name ? [name] : []));
    const flat = (heights: number[]) =>
      viewOf(
        heights,
        heights.map(() => 0),
      );
    expect(named(flat([9, 10, 4, 2, 6, 0])).sort()).toEqual(["0", "1", "2", "3", "4"]);
    expect(named(flat([9.9, 10, 6, 5.9, 2, 0])).sort()).toEqual(["1", "2", "4"]);
  });

  it("stacks its panels for narrow places, and follows the theme", async () => {
    const size = async (columns: 1 | 2) =>
      /width="(\d+)" height="(\d+)"/
        .exec(await toSvg(alongPlot(view, { label: 0, columns })))!
        .slice(1)
        .map(Number);
    const [[wide, low], [narrow, high]] = [await size(2), await size(1)];
    expect(narrow).toBeLessThan(400);
    expect(wide).toBeLessThan(760);
    expect(high! / low!).toBeGreaterThan(1.5);
    const dark = await toSvg(alongPlot(view, { label: 0, theme: "dark" }));
    for (const color of Object.values(PALETTES.light)) expect(dark).not.toContain(color);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { followTheme, PALETTES } from "../theme.ts";
import { accuracyPlot, accuracyPlots, dimensionPlot, linearityPlot, plotsOf } from "./plots.ts";
import { draw, toSvg } from "./vega.ts";

const { evaluation } = fixture();

/** The points drawn of a layer: pixels from the upper left of the plot. */
const symbols = (svg: string): (readonly [number, number])[] => {
  const group = svg.match(/<g class="mark-symbol role-mark[^>]*>(.*?)<\/g>/)?.[1] ?? "";
  return Array.from(
    group.matchAll(/translate\(([-\d.e]+),([-\d.e]+)\)/g),
    ([, x, y]) => [Number(x), Number(y)] as const,
  );
};

/** The texts of the points. */
const textsOf = (svg: string): string[] => Array.from(svg.matchAll(/<path aria-label="([^"]*)"/g), ([, text]) => text!);

const dataOf = (plot: object | null) => (plot as { data: { values: Record<string, number | string>[] } }).data.values;

beforeEach(() => {
  vi.spyOn(console, "warn");
});
afterEach(() => {
  expect(console.warn).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

describe("accuracyPlot", () => {
  it("draws each accuracy where it belongs, from the clean one at ε = 0, on an axis from 0 to 100%", async () => {
    const svg = await toSvg(accuracyPlot(evaluation));
    const expected = [{ ...evaluation.clean, epsilon: 0 }, ...evaluation.points].map(({ epsilon, accuracy }) => [
      (epsilon / 0.3) * 600,
      (1 - accuracy) * 360,
    ]);
    const drawn = symbols(svg);
    expect(drawn).toHaveLength(7);
    drawn.forEach(([x, y], i) => {
      expect(x).toBeCloseTo(expected[i]![0]!, 6);
      expect(y).toBeCloseTo(expected[i]![1]!, 6);
    });
    for (const label of ["0%", "100%", "0.05", "0.3", "98.1%", "8.7%", "ε (L∞)", "lenet on mnist"])
      expect(svg).toContain(`>${label}</text>`);
  });

  it("holds the 95% interval of each point", () => {
    expect(dataOf(accuracyPlot(evaluation))[1]).toEqual({
      series: "fgsm L∞", epsilon: 0.05, accuracy: 0.9426, low: evaluation.points[0]!.ci95[0], high: evaluation.points[0]!.ci95[1],
    }); // biome-ignore format: one line says it
  });

  it("gives each attack a colour and its name", async () => {
    const svg = await toSvg(accuracyPlot(fixture({ attacks: ["fgsm", "pgd"] }).evaluation));
    expect(symbols(svg)).toHaveLength(14);
    for (const text of [">fgsm L∞<", ">pgd L∞<", PALETTES.light["series-1"], PALETTES.light["series-2"]])
      expect(svg).toContain(text);
  });

  it("says at each point what it is", async () => {
    expect(textsOf(await toSvg(accuracyPlot(evaluation))).slice(0, 3)).toEqual([
      "fgsm L∞, ε = 0: 98.10%, 95% interval 97.81 to 98.35%",
      "fgsm L∞, ε = 0.05: 94.26%, 95% interval 93.79 to 94.70%",
      "fgsm L∞, ε = 0.1: 85.10%, 95% interval 84.39 to 85.78%",
    ]);
    const rises = textsOf(await toSvg(linearityPlot(evaluation)!));
    const { predicted, measured } = evaluation.linearity!.points[5]!;
    expect(rises.slice(-3)).toEqual([
      `predicted, ε = 0.3: ${predicted.toPrecision(3)}`,
      expect.stringContaining("predicted, clipped, ε = 0.3: "),
      `measured, ε = 0.3: ${measured.toPrecision(3)}`,
    ]);
    // What calls itself a picture must say what it shows.
    for (const plot of Object.values(plotsOf(evaluation)))
      for (const [tag] of (await toSvg(plot)).matchAll(/<\w+[^>]*role="graphics-symbol"[^>]*>/g))
        expect(tag).toContain("aria-label=");
  });

  it("draws several models in one plot, named by what tells them apart", async () => {
    const named = (modelName: string, attacks: string[]) => fixture({ modelName, attacks }).evaluation;
    const seriesIn = (plot: object) => [...new Set(dataOf(plot).map(({ series }) => series))];
    const one = accuracyPlots([named("plain", ["fgsm"]), named("robust", ["fgsm"])]);
    expect(seriesIn(one)).toEqual(["plain", "robust"]);
    const svg = await toSvg(one);
    expect(symbols(svg)).toHaveLength(14);
    for (const text of [">plain<", ">robust<", ">plain and robust on mnist<"]) expect(svg).toContain(text);
    const many = accuracyPlots([named("plain", ["fgsm", "pgd"]), named("robust", ["fgsm", "pgd"])]);
    expect(seriesIn(many)).toEqual(["plain, fgsm L∞", "plain, pgd L∞", "robust, fgsm L∞", "robust, pgd L∞"]);
  });

  it("stays a plot when there is nothing but the clean accuracy", async () => {
    const svg = await toSvg(accuracyPlot({ ...evaluation, points: [] }));
    expect(svg).not.toContain("NaN");
  });

  it("escapes names and stays in its width", async () => {
    const svg = await toSvg(
      accuracyPlot(fixture({ modelName: `<script>&"${"x".repeat(300)}\u0000`, attacks: ["<b>"] }).evaluation),
    );
    expect(svg).not.toMatch(/<script|<b>|\0/);
    expect(Number(svg.match(/width="(\d+)"/)?.[1])).toBeLessThan(760);
  });
});

describe("linearityPlot", () => {
  it("compares the predicted, the clipped and the measured rise at each ε", () => {
    const values = dataOf(linearityPlot(evaluation));
    expect(values).toHaveLength(3 * 7);
    const { predicted, predictedClipped, measured } = evaluation.linearity!.points[5]!;
    expect(values.slice(-3)).toEqual([
      { series: "predicted", epsilon: 0.3, rise: predicted },
      { series: "predicted, clipped", epsilon: 0.3, rise: predictedClipped },
      { series: "measured", epsilon: 0.3, rise: measured },
    ]);
  });

  it("is missing where nothing was measured", () => {
    const bare = { ...evaluation, linearity: null };
    expect([linearityPlot(bare), dimensionPlot(bare), Object.keys(plotsOf(bare))]).toEqual([null, null, ["accuracy"]]);
  });
});

describe("dimensionPlot", () => {
  it("is a straight line in log-log for a power law", async () => {
    const dimensions = [1, 10, 100].map((n) => ({
      dimensions: n,
      epsilon: 0.1,
      predicted: n ** 0.5,
      measured: 1,
      random: 1,
    }));
    const svg = await toSvg(dimensionPlot({ ...evaluation, linearity: { ...evaluation.linearity!, dimensions } })!);
    const points = symbols(svg).filter((_, i) => i % 3 === 0);
    expect(points.map(([x]) => x)).toEqual([0, 300, 600]);
    expect(points[1]![1] * 2).toBeCloseTo(points[0]![1] + points[2]![1], 6);
    expect(points[0]![1]).toBeGreaterThan(points[2]![1]);
  });

  it("leaves out a loss that fell, which has no logarithm", () => {
    const rises = dataOf(dimensionPlot(evaluation)).map(({ rise }) => rise as number);
    expect(rises).toHaveLength(17);
    expect(Math.min(...rises)).toBeGreaterThan(0);
  });

  it("labels its lines where there are several ε", async () => {
    const { dimensions } = evaluation.linearity!;
    const several = [...dimensions, ...dimensions.map((row) => ({ ...row, epsilon: 0.2, measured: 2 * row.measured }))];
    const svg = await toSvg(
      dimensionPlot({ ...evaluation, linearity: { ...evaluation.linearity!, dimensions: several } })!,
    );
    for (const label of ["0.1", "0.2"]) expect(svg).toContain(`>${label}</text>`);
  });
});

describe("toSvg", () => {
  it("gives the same text for the same plot, and nothing that is loaded or shared between plots of a page", async () => {
    for (const plot of Object.values(plotsOf(evaluation))) {
      const svg = await toSvg(plot);
      expect(await toSvg(plot)).toBe(svg);
      expect(svg).not.toMatch(/\sid="|url\(|href=|style=|NaN|undefined/);
    }
  });

  it("draws in the theme asked for, and the light one follows the page", async () => {
    const { accuracy } = plotsOf(evaluation, "dark");
    const dark = await toSvg(accuracy);
    expect(dark).toContain(PALETTES.dark.background);
    for (const color of Object.values(PALETTES.light)) expect(dark).not.toContain(color);
    const page = followTheme(await toSvg(accuracyPlot(evaluation)));
    expect(page).not.toMatch(/"#[0-9a-f]{3,6}"/);
    expect(page).toContain('fill="var(--background)"');
  });
});

describe("draw", () => {
  const viewBox = (svg: string) => Number(/viewBox="0 0 (\d+) \d+"/.exec(svg)![1]);
  const labels = (svg: string) => Array.from(svg.matchAll(/<text [^>]*>([^<]+)</g), ([, text]) => text!);

  it("gives a plot as toSvg does, and one for narrow places with the same points, in order", async () => {
    for (const [name, plot] of Object.entries(plotsOf(fixture({ attacks: ["fgsm", "pgd"] }).evaluation))) {
      const { wide, narrow } = await draw(plot);
      expect(wide, name).toBe(await toSvg(plot));
      expect(textsOf(narrow), name).toEqual(textsOf(wide));
      expect(textsOf(narrow).length, name).toBeGreaterThan(10);
      expect(viewBox(narrow), name).toBeLessThan(410);
    }
  });

  it("leaves the title of the narrow one to the page", async () => {
    const { wide, narrow } = await draw(accuracyPlot(evaluation));
    expect(labels(wide)).toEqual(expect.arrayContaining(["lenet on mnist", "ε (L∞)", "94.3%"]));
    expect(labels(narrow)).not.toContain("lenet on mnist");
    expect(labels(narrow)).toEqual(expect.arrayContaining(["ε (L∞)", "94.3%"]));
  });
});

describe("the plot of a run that certifies", () => {
  const half = (point: (typeof evaluation.worst)[number]) => {
    const correct = Math.floor(point.correct / 2);
    return { ...point, certified: { ...point, correct, accuracy: correct / point.total } };
  };
  const certified = { ...evaluation, worst: evaluation.worst.map(half) };

  it("has both curves, and the band between", async () => {
    const svg = await toSvg(accuracyPlot(certified));
    expect(svg).toContain(">certified accuracy</text>");
    const [band] = (accuracyPlot(certified) as unknown as { layer: object[] }).layer;
    expect(dataOf(band!)).toEqual([
      { epsilon: 0, proven: evaluation.clean.accuracy, robust: evaluation.clean.accuracy },
      ...certified.worst.map(({ epsilon, accuracy, certified: { accuracy: proven } }) => ({
        epsilon,
        proven,
        robust: accuracy,
      })),
    ]);
    const texts = textsOf(svg).filter((text) => text.startsWith("certified accuracy, "));
    expect(texts).toHaveLength(1 + evaluation.worst.length);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../../test/support/report.ts";
import { toJunit } from "./files/junit.ts";
import {
  className,
  endingWords,
  formatCount,
  formatEpsilon,
  formatInterval,
  formatNumber,
  formatPercent,
  intervalName,
  printable,
  seriesOf,
  shortClassName,
} from "./format.ts";
import { accuracyPlot } from "./plots/plots.ts";
import { toTable } from "./terminal/terminal.ts";

describe("numbers", () => {
  it("are short and exact enough", () => {
    expect([0.1 + 0.2, 8 / 255, 0, 1e-6, 2].map(formatEpsilon)).toEqual(["0.3", "8/255", "0", "0.000001", "2"]);
    expect([1 / 16, 1 / 64, 0.12345, 1 / 3, Math.fround(0.3), Math.SQRT2].map(formatEpsilon)).toEqual([
      "0.0625",
      "0.015625",
      "0.12345",
      "1/3",
      "0.3",
      "1.414",
    ]);
    expect([0, 0.0869, 0.98104, 1].map(formatPercent)).toEqual(["0.00%", "8.69%", "98.10%", "100.00%"]);
    expect(formatInterval([0.9781, 0.9835])).toBe("97.81 – 98.35%");
    expect([1.5, 0.068, 999.6, 1234.5, -0.001, 0].map(formatNumber)).toEqual([
      "1.50",
      "0.0680",
      "1,000",
      "1,235",
      "-0.00100",
      "0.00",
    ]);
    expect([0, 999, 1000, -12_345, 1_199_882].map(formatCount)).toEqual(["0", "999", "1,000", "-12,345", "1,199,882"]);
  });
});

describe("printable", () => {
  it("leaves nothing that breaks XML, steers a terminal or turns the text around", () => {
    expect(printable("a\u0000b\u001b[2Jc\u202ed\ud800e")).toBe("a\ufffdb\ufffd[2Jc\ufffdd\ufffde");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u);
        expect(Array.from(printable(text, 10)).length).toBeLessThanOrEqual(10);
      }),
    );
  });

  it("keeps letters of all scripts, and cuts by letters", () => {
    expect(printable("naïve 模型 🐈")).toBe("naïve 模型 🐈");
    expect(printable("🐈🐈🐈🐈", 3)).toBe("🐈🐈…");
  });
});

describe("a run that ends by itself", () => {
  const { evaluation } = fixture();
  const ended = { ...evaluation, until: { asked: 0.02, reached: 0.019_51, available: 60_000 } };

  it("has its intervals named", () => {
    expect([evaluation, ended].map(intervalName)).toEqual(["95% interval", "95% confidence sequence"]);
    const words = "95% confidence sequence";
    expect(JSON.stringify(accuracyPlot(ended))).toContain(words);
    expect(JSON.stringify(accuracyPlot(ended))).not.toContain("95% interval");
    expect(toJunit(ended)).toContain(`9,810 of 10,000, ${words} `);
    expect(toTable(ended, { color: false })).toContain("95% sequence");
  });

  it("says how far it came, in digits that tell what was reached from what was asked", () => {
    const said = (reached: number) => endingWords({ ...ended.until, reached }, evaluation.data);
    expect(said(0.019_51)).toBe("every interval is within ±2.00%, the longest ±1.95%, after 10,000 of 60,000 samples");
    expect(said(0.020_004)).toMatch(/^not every interval is within ±2\.0000%, the longest ±2\.0004%/);
  });
});

describe("class names", () => {
  it("are numbers where there are none", () => {
    expect(className(fixture().evaluation, 7, 20)).toBe("7");
    expect(className(fixture({ classNames: ["cat"] }).evaluation, 3, 20)).toBe("3");
  });

  it("are used in narrow places when all of them are short", () => {
    const short = fixture({ classNames: ["cat", "dog"] }).evaluation;
    const long = fixture({ classNames: ["cat", "Cardigan Welsh corgi"] }).evaluation;
    expect([shortClassName(short, 1), shortClassName(long, 0), className(long, 1, 9)]).toEqual([
      "dog",
      "0",
      "Cardigan…",
    ]);
  });
});

describe("seriesOf", () => {
  it("groups the points by attack and norm, in order", () => {
    const { evaluation } = fixture({ attacks: ["pgd", "fgsm"] });
    const points = evaluation.points.map((point, i) => (i === 0 ? { ...point, norm: "l2" as const } : point));
    const series = seriesOf({ ...evaluation, points });
    expect(series.map(({ name, points }) => [name, points.length])).toEqual([
      ["pgd L2", 1],
      ["pgd L∞", 5],
      ["fgsm L∞", 6],
    ]);
  });
});

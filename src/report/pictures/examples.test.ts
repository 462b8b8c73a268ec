import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import type { EvaluationResult } from "../../evaluate.ts";
import { exampleRows, examplesSvg } from "./examples.ts";
import { svgToPng } from "./png.node.ts";

const withExamples = (result: EvaluationResult, counts: readonly number[]): EvaluationResult => ({
  ...result,
  evaluation: {
    ...result.evaluation,
    points: result.evaluation.points.map((point, i) => ({ ...point, examples: point.examples.slice(0, counts[i]) })),
  },
});

const titles = (svg: string) =>
  Array.from(svg.matchAll(/text-anchor="middle"[^>]*>([^<]*)</g), ([, title]) => title!.replace("-&gt;", "->"));

describe("exampleRows", () => {
  it("begins with the clean row, then has one for each ε with the attacked pictures", () => {
    const result = fixture();
    const rows = exampleRows(result);
    expect(rows.map(({ epsilon, cells }) => [epsilon, cells.length])).toEqual(
      [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3].map((epsilon) => [epsilon, 5]),
    );
    const { adversarial } = result.pictures[5]![4]!;
    expect(Array.from(rows[6]!.cells[4]!.pixels.data)).toEqual(Array.from(adversarial, (v) => Math.round(255 * v)));
  });

  it("shows large pictures smaller", () => {
    const { pixels } = exampleRows(fixture({ shape: [3, 200, 320] }))[0]!.cells[0]!;
    expect([pixels.width, pixels.height, pixels.channels]).toEqual([160, 100, 3]);
  });

  it("names the attacks where there are several", () => {
    const rows = exampleRows(fixture({ attacks: ["fgsm", "pgd"] }));
    expect(rows.map(({ series }) => series)).toEqual(["", ...Array(6).fill("fgsm L∞"), ...Array(6).fill("pgd L∞")]);
  });
});

describe("examplesSvg", () => {
  it("titles each picture label -> prediction, and each row with its ε", () => {
    const svg = examplesSvg(fixture());
    expect(titles(svg).slice(0, 10)).toEqual([
      "7 -> 7",
      "2 -> 2",
      "1 -> 1",
      "0 -> 0",
      "4 -> 4",
      "0 -> 5",
      "7 -> 3",
      "4 -> 1",
      "1 -> 9",
      "8 -> 7",
    ]);
    for (const epsilon of ["0", "0.05", "0.3"]) expect(svg).toContain(`>ε = ${epsilon}</text>`);
    expect(svg.match(/<image /g)).toHaveLength(35);
  });

  it("uses class names when all are short", () => {
    const names = ["cat", "dog", "c", "d", "e", "f", "g", "a<b", "i", "j"];
    expect(titles(examplesSvg(fixture({ classNames: names })))[0]).toBe("a&lt;b -> a&lt;b");
    expect(titles(examplesSvg(fixture({ classNames: names.with(0, "a long name of a class") })))[0]).toBe("7 -> 7");
  });

  it("leaves cells empty, and says none where there are none", () => {
    const svg = examplesSvg(withExamples(fixture(), [0, 2, 5, 5, 5, 5]));
    expect(svg.match(/<image /g)).toHaveLength(5 + 2 + 20);
    expect(svg.match(/>none</g)).toHaveLength(1);
  });

  it.each([1, 2])("is drawn with hard pixels at scale %i", async (scale) => {
    const result = fixture();
    const svg = examplesSvg(result);
    // The last picture, enlarged four times: each of its pixels is one flat block.
    const [, x, y] = Array.from(svg.matchAll(/<image x="(\d+)" y="(\d+)" width="112" height="112"/g))
      .at(-1)!
      .map(Number) as [number, number, number];
    const png = sharp(await svgToPng(svg, scale)).extract({
      left: x * scale,
      top: y * scale,
      width: 112 * scale,
      height: 112 * scale,
    });
    const drawn = await png.toColourspace("b-w").extractChannel(0).raw().toBuffer();
    const block = 4 * scale;
    const pixels = exampleRows(result)[6]!.cells[4]!.pixels.data;
    const expected = Uint8Array.from(drawn, (_, i) => {
      const [row, column] = [Math.floor(i / (112 * scale)), i % (112 * scale)];
      return pixels[Math.floor(row / block) * 28 + Math.floor(column / block)]!;
    });
    expect(Buffer.compare(drawn, expected)).toBe(0);
  });
});

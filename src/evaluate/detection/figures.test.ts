import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { detectionFigures, thresholdOf } from "./figures.ts";

interface Case {
  readonly clean: number[];
  readonly scores: number[];
  readonly threshold: number;
  readonly auroc: number;
  readonly tpr: number;
}
/** Of scipy: tools/detection-reference.py. */
const cases: Case[] = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/detection/reference.json", import.meta.url), "utf8"),
).figures;

describe("detectionFigures", () => {
  it.each(cases)("are those of scipy, with ties: case %#", ({ clean, scores, threshold, auroc, tpr }) => {
    const of = Float64Array.from(clean);
    expect(thresholdOf(of)).toBe(threshold);
    expect(of.filter((value) => value > threshold).length).toBeLessThanOrEqual(clean.length / 100);
    const found = detectionFigures(of, Float64Array.from(scores), threshold);
    expect(found.auroc).toBeCloseTo(auroc, 14);
    expect(found).toMatchObject({ fooled: scores.length, tpr });
    expect(found.undetected).toBe(scores.filter((score) => score <= threshold).length);
  });

  it("say nothing of no samples", () => {
    expect(detectionFigures(Float64Array.of(1, 2), new Float64Array(0), 2)).toEqual({
      fooled: 0,
      auroc: null,
      tpr: null,
      undetected: 0,
    });
  });
});

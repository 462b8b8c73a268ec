import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { clopperPearsonLower } from "../../probability/binomial.ts";
import { type Certificate, smoothingFigures } from "./figures.ts";
import { fewDraws, largestRadius, radiusOf, reachInWords, smoothingPlan } from "./plan.ts";

describe("smoothingFigures", () => {
  const samples = [
    { class: 1, label: 1, radius: 0.6 },
    { class: 2, label: 1, radius: 0.9 },
    { class: -1, label: 1, radius: 0 },
    { class: 0, label: 0, radius: 0.25 },
  ];

  it("count samples that are right, and average their radii over all", () => {
    expect(smoothingFigures(samples)).toEqual({
      samples: 4,
      abstained: 1,
      averageRadius: 0.85 / 4,
      certified: [
        { radius: 0, correct: 2, accuracy: 0.5 },
        { radius: 0.25, correct: 2, accuracy: 0.5 },
        { radius: 0.5, correct: 1, accuracy: 0.25 },
        { radius: 0.75, correct: 0, accuracy: 0 },
      ],
    });
    expect(smoothingFigures(samples, [0.6]).certified).toEqual([{ radius: 0.6, correct: 1, accuracy: 0.25 }]);
  });

  it("of no samples are 0", () => expect(smoothingFigures([]).averageRadius).toBe(0));
});

/** Logs of jh-jeong/smoothing-consistency: LeNet on the 10,000 test images of MNIST, n 100,000, α 0.001. */
const LOGS = fileURLToPath(new URL("../../../../shared/reference/certify/smoothing-mnist/", import.meta.url));

describe.skipIf(!existsSync(LOGS))("published certificates (skipped without the reference data)", () => {
  const read = (start: string): Certificate[] => {
    const file = readdirSync(LOGS).find((name) => name.startsWith(start))!;
    const [titles, ...lines] = gunzipSync(readFileSync(LOGS + file))
      .toString()
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
    const at = (title: string) => titles!.indexOf(title);
    return lines.map((line) => ({
      class: Number(line[at("predict")]),
      label: Number(line[at("label")]),
      radius: Number(line[at("radius")]),
    }));
  };

  it.each([
    ["cohen_noise_0.25", 0.911],
    // The average of this log; 1.559 is published beside it.
    ["cohen_noise_0.50", 1.557],
    ["cohen_noise_1.00", 1.619],
    ["salman_pgd_255.0_10_10_num_4_noise_0.25", 0.932],
    ["salman_pgd_255.0_10_10_num_4_noise_0.50", 1.687],
    ["salman_pgd_255.0_10_10_num_4_noise_1.00", 1.779],
  ])("%s have the average radius %d", (start, expected) => {
    const samples = read(start);
    expect(samples).toHaveLength(10_000);
    expect(smoothingFigures(samples).averageRadius.toFixed(3)).toBe(expected.toFixed(3));
  });

  it("have the shares of their log", () => {
    const { certified } = smoothingFigures(read("cohen_noise_0.50"), [0, 0.25, 0.5, 0.75, 1]);
    expect(certified.map(({ accuracy }) => (100 * accuracy).toFixed(1))).toEqual([
      "99.1",
      "98.3",
      "96.9",
      "94.3",
      "89.8",
    ]);
  });

  it("have radii that some count of draws gives, to the digits of the log", () => {
    const known = new Set<string>();
    for (let k = 90_000; k <= 100_000; k++)
      known.add(radiusOf(clopperPearsonLower(k, 100_000, 0.001), 0.25).toPrecision(3));
    const radii = read("cohen_noise_0.25").map(({ radius }) => radius);
    expect(radii.filter((radius) => radius > 0.4 && !known.has(radius.toPrecision(3)))).toEqual([]);
    expect(Math.max(...radii).toPrecision(3)).toBe(largestRadius(smoothingPlan({ sigma: 0.25 })).toPrecision(3));
  });
});

describe("what can be reached", () => {
  it("is said before it is drawn", () => {
    const plan = smoothingPlan({ sigma: 0.5 });
    expect(reachInWords(plan)).toBe(
      "100000 draws at α = 0.001 can certify a radius of at most 1.906 in L2, with noise of σ = 0.5",
    );
    expect(fewDraws(plan)).toBeNull();
  });

  it("is nearly nothing with 10 draws", () => {
    const note = fewDraws(smoothingPlan({ sigma: 0.5, draws: 10 }));
    expect(note?.message).toMatch(
      /`draws: 10` and `alpha: 0.001` almost nothing can be certified: no radius is above 0\.00149,.*`draws: 40`/,
    );
  });
});

import type { SmoothingResult } from "../../evaluate/smoothing.ts";
import { formatPercent } from "../format.ts";

/** Titles and rows of the certified accuracy at each radius. */
export const smoothingRows = ({ figures }: Pick<SmoothingResult, "figures">): string[][] => [
  ["radius (L2)", "certified", "accuracy"],
  ...figures.certified.map(({ radius, correct, accuracy }) => [
    String(Number(radius.toPrecision(6))),
    `${correct} of ${figures.samples}`,
    formatPercent(accuracy),
  ]),
];

/** What is said beside them. */
export function smoothingSummary({ figures, smoothing }: Pick<SmoothingResult, "figures" | "smoothing">): string[] {
  const { abstained, averageRadius, samples } = figures;
  return [
    `Average certified radius: ${averageRadius.toFixed(4)}. Abstained: ${abstained} of ${samples}. Largest radius that ${smoothing.draws} draws can reach: ${smoothing.largestRadius.toFixed(4)}.`,
  ];
}

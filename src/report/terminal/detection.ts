import type { Detection, DetectionFigures } from "../../evaluate/detection/detect.ts";
import { formatEpsilon, formatPercent } from "../format.ts";

/** Titles, and two rows for each ε: attacks that do not know of the detector, and those that do. */
export function detectionRows({ points, clean: { correct } }: Detection): string[][] {
  const row = (epsilon: number, knowing: string, { fooled, auroc, tpr, undetected }: DetectionFigures) => [
    formatEpsilon(epsilon),
    knowing,
    `${fooled} of ${correct}`,
    auroc === null ? "" : auroc.toFixed(3),
    tpr === null ? "" : formatPercent(tpr),
    `${undetected} of ${correct}`,
  ];
  return [
    ["ε", "attacks know it", "fooled", "AUROC", "TPR at 1 % FPR", "fooled, undetected"],
    ...points.flatMap(({ epsilon, unaware, adaptive }) => [row(epsilon, "no", unaware), row(epsilon, "yes", adaptive)]),
  ];
}

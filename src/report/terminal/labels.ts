import type { LabelAccuracy } from "../../evaluate.ts";
import { beyondClean, formatEpsilon, formatPercent } from "../format.ts";

/** So many labels have a line of their own. */
const SHOWN = 40;

/** The accuracy of each label of a multi-label model, clean and at each ε, as rows of cells. */
export function labelRows(labels: readonly LabelAccuracy[]): string[][] {
  const rows = labels
    .slice(0, SHOWN)
    .map(({ label, clean, worst }) => [
      String(label),
      formatPercent(clean.accuracy),
      ...beyondClean(worst).map(({ accuracy }) => formatPercent(accuracy)),
    ]);
  const epsilons = beyondClean(labels[0]?.worst ?? []).map(({ epsilon }) => `ε ${formatEpsilon(epsilon)}`);
  const more = labels.length > SHOWN ? [[`and ${labels.length - SHOWN} more, in report.json`]] : [];
  return [["label", "clean", ...epsilons], ...rows, ...more];
}

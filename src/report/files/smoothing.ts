import type { SmoothedSample } from "../../certify/smoothing/certify.ts";
import type { SmoothingFigures } from "../../certify/smoothing/figures.ts";
import type { SmoothingResult } from "../../evaluate/smoothing.ts";
import type { Note } from "../../option.ts";
import { VERSION } from "../../version.ts";
import { type Cell, csvLine } from "./csv.ts";

/** Whoever reads a radius has to know what it is a radius of. */
export const meaningOf = (alpha: number): string =>
  `Of each sample by itself, with probability ${Number((1 - alpha).toPrecision(12))} over the noise that was drawn: the smoothed classifier gives this class at every input nearer than the radius in L2. This says nothing of the model without noise. It takes noise to be exactly normal and x + noise to be exact, where float32 rounds both.`;

/** The JSON document: `smoothingSchema`. */
export interface SmoothingDocument {
  readonly schema: 1;
  readonly perturb: string;
  readonly meaning: string;
  readonly model: {
    readonly name: string;
    readonly sha256: string | null;
    readonly classes: number;
    readonly inputShape: number[];
  };
  readonly data: { readonly name: string; readonly offset: number; readonly total: number };
  readonly smoothing: SmoothingResult["smoothing"];
  readonly figures: Omit<SmoothingFigures, "certified"> & {
    readonly certified: SmoothingFigures["certified"][number][];
  };
  readonly samples: (SmoothedSample & { readonly correct: boolean })[];
  readonly warnings: Note[];
}

export function smoothingDocument(result: SmoothingResult): SmoothingDocument {
  const { name, sha256, classes, inputShape } = result.model;
  return {
    schema: 1,
    perturb: VERSION,
    meaning: meaningOf(result.smoothing.alpha),
    model: { name, sha256, classes, inputShape: [...inputShape] },
    data: result.data,
    smoothing: result.smoothing,
    figures: { ...result.figures, certified: [...result.figures.certified] },
    samples: result.samples.map((sample) => ({ ...sample, correct: isCorrect(sample) })),
    warnings: [...result.warnings],
  };
}

const isCorrect = ({ class: c, label }: SmoothedSample): boolean => c === label;

const COLUMNS = ["index", "label", "class", "correct", "radius", "abstained", "lower", "count", "seconds"] as const;

/** samples.csv (RFC 4180): a row for each sample. */
export function smoothingCsv({ samples }: SmoothingResult): string {
  const rows = samples.map((sample): Cell[] => {
    const values = { ...sample, correct: String(isCorrect(sample)), abstained: String(sample.abstained) };
    return COLUMNS.map((column) => values[column]);
  });
  return [[...COLUMNS], ...rows].map(csvLine).join("");
}

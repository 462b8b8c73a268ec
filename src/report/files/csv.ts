import type { Evaluation } from "../../evaluate.ts";
import { beyondClean } from "../format.ts";
import { UNADAPTED_ACCURACY } from "../words.ts";

const HEADER = [
  "attack",
  "norm",
  "epsilon",
  "correct",
  "total",
  "accuracy",
  "ci95_low",
  "ci95_high",
  "attacked",
  "fooled",
  "fooled_confidence",
  "largest_distance",
] as const;

export type Cell = string | number | null;

/**
 * accuracy.csv (RFC 4180): the clean accuracy as attack "clean" at ε 0, then a row for each attack and ε beyond 0; certified accuracy, where the
 * run has it, as attack "certified", and what attacks leave that do not know of the model's defences as "without adaptation".
 */
export function toCsv({ clean, options, points, worst, defence }: Evaluation): string {
  const unattacked = { norm: options.norm, attacked: 0, fooled: 0, fooledConfidence: null, largestDistance: 0 };
  const rows: Record<(typeof HEADER)[number], Cell>[] = [
    { ...unattacked, ...clean, attack: "clean", epsilon: 0 },
    ...beyondClean(points),
    ...beyondClean(worst).flatMap(({ certified, epsilon }) =>
      certified ? [{ ...unattacked, ...certified, attack: "certified", epsilon }] : [],
    ),
    ...beyondClean(defence?.unadapted ?? []).map((point) => ({ ...unattacked, ...point, attack: UNADAPTED_ACCURACY })),
  ].map((point) => ({
    attack: point.attack,
    norm: point.norm,
    epsilon: point.epsilon,
    correct: point.correct,
    total: point.total,
    accuracy: point.accuracy,
    ci95_low: point.ci95[0],
    ci95_high: point.ci95[1],
    attacked: point.attacked,
    fooled: point.fooled,
    fooled_confidence: point.fooledConfidence,
    largest_distance: point.largestDistance,
  }));
  const lines = [HEADER, ...rows.map((row) => HEADER.map((column) => row[column]))];
  return lines.map(csvLine).join("");
}

/** A line of a CSV file (RFC 4180), in which no text is a formula; null is an empty field. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(field).join(",")}\r\n`;

/** How a spreadsheet tells a formula from a text. */
const FORMULA = /^['=+\-@\t\r]/;

/** A text as it stands in a CSV file: behind an apostrophe where a spreadsheet would run it. */
const inert = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/** The text behind what `csvLine` wrote. */
export const fromInert = (text: string): string => (text.startsWith("'") ? text.slice(1) : text);

function field(cell: Cell): string {
  const text = cell === null ? "" : typeof cell === "string" ? inert(cell) : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

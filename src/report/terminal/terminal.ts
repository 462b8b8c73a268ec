import Table from "cli-table3";
import picocolors from "picocolors";
import type { Accuracy, Evaluation } from "../../evaluate.ts";
import {
  beyondClean,
  certifiedPoints,
  formatCount,
  formatEpsilon,
  formatInterval,
  formatPercent,
  robustPoints,
  seriesOf,
  unadaptedPoints,
} from "../format.ts";
import { CERTIFIED_ACCURACY, ROBUST_ACCURACY, UNADAPTED_ACCURACY } from "../words.ts";

export interface TableStyle {
  /** Plain text unless true. */
  readonly color: boolean;
  /** Characters of a line, at least 40; by default any number. */
  readonly width?: number;
}

/** Narrower tables fold counts and intervals, then give the attack's name a line of its own, then leave out the space about cells. */
const LAYOUTS = [
  { folded: false, named: true, padding: 1 },
  { folded: true, named: true, padding: 1 },
  { folded: true, named: false, padding: 1 },
  { folded: true, named: false, padding: 0 },
] as const;
type Layout = (typeof LAYOUTS)[number];

/** The accuracy at each ε as a table for a terminal, first the clean one. No number is cut. */
export function toTable(evaluation: Evaluation, { color, width = Number.POSITIVE_INFINITY }: TableStyle): string {
  const fits = LAYOUTS.find((layout) => widthOf(drawn(evaluation, false, layout)) <= width) ?? LAYOUTS[3];
  return drawn(evaluation, color, fits).join("\n");
}

const widthOf = (lines: readonly string[]): number => Math.max(...lines.map(({ length }) => length));

function drawn(evaluation: Evaluation, color: boolean, { folded, named, padding }: Layout): string[] {
  const { bold, dim } = picocolors.createColors(color);
  const series = seriesOf(evaluation);
  const certified = beyondClean(certifiedPoints(evaluation));
  const robust = robustPoints(evaluation);
  const unadapted = beyondClean(unadaptedPoints(evaluation));
  const several = series.length !== 1 || certified.length > 0 || unadapted.length > 0;
  const fold = (text: string, after: string, style: (line: string) => string): string =>
    (folded ? text.replace(`${after} `, `${after}\n`) : text).split("\n").map(style).join("\n");
  const titles = [
    ...(several && named ? ["attack"] : []),
    "ε",
    "correct",
    "accuracy",
    evaluation.until ? "95% sequence" : "95% interval",
  ];
  const table = new Table({
    head: titles.map((title) => fold(title, "95%", dim)),
    colAligns: titles.map((title) => (title === "attack" ? "left" : "right")),
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
    style: { head: [], border: [], "padding-left": padding, "padding-right": padding },
  });
  const row = (name: string, epsilon: number, { correct, total, accuracy, ci95 }: Accuracy) => [
    ...(several && named ? [name] : []),
    formatEpsilon(epsilon),
    fold(`${formatCount(correct)} / ${formatCount(total)}`, "/", String),
    bold(formatPercent(accuracy)),
    fold(formatInterval(ci95), "–", dim),
  ];
  const parts: readonly Part[] = [
    { name: "clean", points: [{ ...evaluation.clean, epsilon: 0 }] },
    ...series.map(({ name, points }) => ({ name, points: beyondClean(points) })),
    ...(robust.length > 0 ? [{ name: ROBUST_ACCURACY, points: robust }] : []),
    ...(unadapted.length > 0 ? [{ name: UNADAPTED_ACCURACY, points: unadapted }] : []),
    ...(certified.length > 0 ? [{ name: CERTIFIED_ACCURACY, points: certified }] : []),
  ];
  for (const { name, points } of parts) table.push(...points.map((point) => row(name, point.epsilon, point)));
  // cli-table3 draws a rule under every row or under none; one belongs under the head.
  const [top, ...rest] = table.toString().split("\n");
  const rule = top!.replace("┌", "├").replaceAll("┬", "┼").replace("┐", "┤");
  const head = folded ? 2 : 1;
  const lines = [top!, ...rest.slice(0, head), rule];
  if (!several || named) return [...lines, ...rest.slice(head)];
  let at = head;
  for (const { name, points } of parts) {
    // A folded row has two lines.
    lines.push(
      `│${`${" ".repeat(padding)}${name}`.padEnd(top!.length - 2)}│`,
      ...rest.slice(at, at + 2 * points.length),
    );
    at += 2 * points.length;
  }
  return [...lines, ...rest.slice(at)];
}

interface Part {
  readonly name: string;
  readonly points: readonly (Accuracy & { readonly epsilon: number })[];
}

export { type CurveSize, toCurve } from "./curve.ts";

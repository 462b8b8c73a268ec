import Table from "cli-table3";
import picocolors from "picocolors";
import type { Accuracy, Evaluation } from "../../evaluate.ts";
import { formatCount, formatEpsilon, formatInterval, formatPercent, seriesOf } from "../format.ts";

/** The accuracy at each ε as a table for a terminal, first the clean one. Plain text unless `color`. */
export function toTable(evaluation: Evaluation, { color }: { color: boolean }): string {
  const { bold, dim } = picocolors.createColors(color);
  const series = seriesOf(evaluation);
  const several = series.length !== 1;
  const head = [...(several ? ["attack"] : []), "ε", "correct", "accuracy", "95% interval"];
  const table = new Table({
    head: head.map((title) => dim(title)),
    colAligns: head.map((title) => (title === "attack" ? "left" : "right")),
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
    style: { head: [], border: [] },
  });
  const row = (name: string, epsilon: number, { correct, total, accuracy, ci95 }: Accuracy) => [
    ...(several ? [name] : []),
    formatEpsilon(epsilon),
    `${formatCount(correct)} / ${formatCount(total)}`,
    bold(formatPercent(accuracy)),
    dim(formatInterval(ci95)),
  ];
  table.push(row("clean", 0, evaluation.clean));
  for (const { name, points } of series) table.push(...points.map((point) => row(name, point.epsilon, point)));
  if (several) table.push(...evaluation.worst.map((point) => row("worst case", point.epsilon, point)));
  // cli-table3 draws a rule under every row or under none; one belongs under the head.
  const lines = table.toString().split("\n");
  lines.splice(2, 0, lines[0]!.replace("┌", "├").replaceAll("┬", "┼").replace("┐", "┤"));
  return lines.join("\n");
}

export { type CurveSize, toCurve } from "./curve.ts";

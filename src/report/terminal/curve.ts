import type { Evaluation } from "../../evaluate.ts";
import { beyondClean, certifiedPoints, formatEpsilon, NORM_SYMBOL, seriesOf } from "../format.ts";
import { CERTIFIED_ACCURACY } from "../words.ts";

export interface CurveSize {
  /** Characters, with the axis and its title. At least 32. */
  readonly width: number;
  /** Lines, with the axis. At least 6. */
  readonly height: number;
}

const MARKS = ["●", "■", "▲", "◆", "○", "□"];
// Columns left of the plot: "100% ┤".
const MARGIN = 6;
// A braille character is 2 by 4 dots, lit by these bits.
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** Accuracy against ε in braille dots: 0 to 100% upwards, ε to the right, a mark at each point measured. */
export function toCurve(evaluation: Evaluation, size: CurveSize): string {
  const certified = certifiedPoints(evaluation);
  const shown: readonly { name: string; points: readonly { epsilon: number; accuracy: number }[] }[] = [
    ...seriesOf(evaluation),
    ...(certified.length > 0 ? [{ name: CERTIFIED_ACCURACY, points: certified }] : []),
  ];
  const series = shown.map(({ name, points }) => ({
    name,
    points: [{ epsilon: 0, accuracy: evaluation.clean.accuracy }, ...beyondClean(points)].toSorted(
      (a, b) => a.epsilon - b.epsilon,
    ),
  }));
  const title = `  ε (${NORM_SYMBOL[evaluation.options.norm]})`;
  const columns = Math.max(32, Math.floor(size.width)) - MARGIN - title.length;
  const rows = Math.max(6, Math.floor(size.height)) - 2 - (series.length > 1 ? series.length : 0);
  const lines = Math.max(3, rows);
  const largest = Math.max(...series.flatMap(({ points }) => points.map(({ epsilon }) => epsilon)), Number.MIN_VALUE);
  // Positions in dots.
  const x = (epsilon: number) => Math.round((epsilon / largest) * (2 * columns - 1));
  const y = (accuracy: number) => Math.round((1 - accuracy) * (4 * lines - 1));

  const bits = Array.from({ length: lines }, () => new Uint8Array(columns));
  const marks = new Map<string, string>();
  series.forEach(({ points }, i) => {
    points.forEach((point, j) => {
      const from = points[j - 1] ?? point;
      for (const [dotX, dotY] of line(x(from.epsilon), y(from.accuracy), x(point.epsilon), y(point.accuracy)))
        bits[dotY >> 2]![dotX >> 1]! |= DOTS[(dotY & 3) as 0 | 1 | 2 | 3][(dotX & 1) as 0 | 1];
      marks.set(`${y(point.accuracy) >> 2},${x(point.epsilon) >> 1}`, MARKS[i % MARKS.length]!);
    });
  });

  const labels = new Map([
    [0, "100%"],
    [(lines - 1) >> 1, lines % 2 === 1 ? "50%" : ""],
    [lines - 1, "0%"],
  ]);
  const plot = bits.map((row, i) => {
    const label = labels.get(i) ?? "";
    const cells = Array.from(
      row,
      (bit, j) => marks.get(`${i},${j}`) ?? (bit === 0 ? " " : String.fromCharCode(0x2800 + bit)),
    );
    return `${label.padStart(4)} ${label === "" ? "│" : "┤"}${cells.join("")}`.trimEnd();
  });
  const ticks = [...new Set(series.flatMap(({ points }) => points.map(({ epsilon }) => epsilon)))].map(
    (epsilon) => [x(epsilon) >> 1, formatEpsilon(epsilon)] as const,
  );
  const legend =
    series.length > 1 ? series.map(({ name }, i) => `${" ".repeat(MARGIN)}${MARKS[i % MARKS.length]} ${name}`) : [];
  return [...plot, ...horizontalAxis(ticks, columns, title), ...legend].join("\n");
}

/** The two lines of the axis: ticks, and the labels that fit beside each other, the last one always. */
function horizontalAxis(ticks: readonly (readonly [number, string])[], columns: number, title: string): string[] {
  const rule = Array.from({ length: columns }, () => "─");
  for (const [column] of ticks) rule[column] = "┬";
  const text = Array.from({ length: MARGIN + columns }, () => " ");
  const put = (start: number, label: string) => {
    const free = text.slice(Math.max(0, start - 1), start + label.length + 1).every((letter) => letter === " ");
    if (free && start >= MARGIN - 1 && start + label.length <= text.length)
      text.splice(start, label.length, ...Array.from(label));
  };
  const sorted = ticks.toSorted((a, b) => a[0] - b[0]);
  const [last, ...others] = [...sorted.slice(-1), ...sorted.slice(0, -1)];
  if (last) put(Math.min(MARGIN + last[0] - (last[1].length >> 1), text.length - last[1].length), last[1]);
  for (const [column, label] of others) put(MARGIN + column - (label.length >> 1), label);
  return [`${" ".repeat(MARGIN - 1)}└${rule.join("")}`, `${text.join("").trimEnd()}${title}`];
}

/** The dots of a straight line (Bresenham 1965). */
function* line(x0: number, y0: number, x1: number, y1: number): Generator<[number, number]> {
  const [dx, dy] = [Math.abs(x1 - x0), -Math.abs(y1 - y0)];
  const [sx, sy] = [Math.sign(x1 - x0), Math.sign(y1 - y0)];
  for (let x = x0, y = y0, error = dx + dy; ; ) {
    yield [x, y];
    if (x === x1 && y === y1) return;
    const twice = 2 * error;
    if (twice >= dy) [x, error] = [x + sx, error + dy];
    if (twice <= dx) [y, error] = [y + sy, error + dx];
  }
}

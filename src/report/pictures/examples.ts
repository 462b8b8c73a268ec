import type { Evaluation, EvaluationResult, Example, Picture } from "../../evaluate.ts";
import { beyondClean, formatEpsilon, printable, seriesOf, shortClassName } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { PALETTES, SVG_FONT, type Theme } from "../theme.ts";
import { type Pixels, shrink, toPixels } from "./picture.ts";
import { encodePng, pngUri } from "./png.ts";

/** Examples of one ε: at most five. */
export interface ExampleRow {
  /** Such as "fgsm L∞", where there are several series; "" otherwise and for the clean row. */
  readonly series: string;
  /** 0: the clean row. */
  readonly epsilon: number;
  readonly cells: readonly ExampleCell[];
}

export interface ExampleCell {
  readonly example: Example;
  readonly picture: Picture;
  /** What is shown of it. */
  readonly pixels: Pixels;
}

const COLUMNS = 5;
// Larger pictures are shown smaller.
const LARGEST = 160;
// Small pictures are enlarged to about this, by a whole factor.
const USUAL = 112;

/** The clean row, then a row for each attack and ε, with pictures of at most 160 pixels a side. */
export function exampleRows({ evaluation, pictures, cleanExamples }: EvaluationResult): ExampleRow[] {
  const { bounds } = evaluation.model;
  const cell = (example: Example, picture: Picture): ExampleCell => {
    const pixels = toPixels(picture.shape, picture.adversarial, bounds);
    const factor = Math.ceil(Math.max(pixels.width, pixels.height) / LARGEST);
    return { example, picture, pixels: factor > 1 ? shrink(pixels, factor) : pixels };
  };
  const clean = cleanExamples
    .slice(0, COLUMNS)
    .map((example) => cell(example, { ...example, adversarial: example.original }));
  const series = seriesOf(evaluation);
  const nameOf = new Map(series.flatMap(({ name, points }) => points.map((point) => [point, name] as const)));
  const rows = evaluation.points.map((point, i) => ({
    series: series.length === 1 ? "" : nameOf.get(point)!,
    epsilon: point.epsilon,
    cells: point.examples.slice(0, COLUMNS).flatMap((example, j) => {
      const picture = pictures[i]?.[j];
      return picture ? [cell(example, picture)] : [];
    }),
  }));
  return [{ series: "", epsilon: 0, cells: clean }, ...beyondClean(rows)];
}

/** Pixels as a data: URI of a PNG. */
export const pictureUri = (pixels: Pixels): string => pngUri(encodePng(pixels));

const PADDING = 24;
const GAP = 22;
const TITLE = 24;
// Width of a letter of a title, about.
const LETTER = 7;

/** The grid of examples as SVG: a row for each ε, titles "label -> prediction". Pixels stay hard at any scale. */
export function examplesSvg(result: EvaluationResult, theme: Theme = "light"): string {
  const rows = exampleRows(result);
  const sizes = rows.flatMap(({ cells }) => cells.map(({ pixels }) => shownSize(pixels)));
  const titles = rows.flatMap(({ cells }) => cells.map(({ example }) => titleOf(result.evaluation, example)));
  const column = Math.max(USUAL, ...sizes.map(({ width }) => width), ...titles.map(({ length }) => length * LETTER));
  const picture = Math.max(USUAL / 2, ...sizes.map(({ height }) => height));
  const line = TITLE + picture + GAP;
  const labels = rows.some(({ series }) => series !== "") ? 150 : 96;
  const width = 2 * PADDING + labels + COLUMNS * (column + GAP) - GAP;
  const height = 2 * PADDING + rows.length * line - GAP;
  const { background, ink, muted } = PALETTES[theme];

  const cellAt = (left: number, top: number, { example, pixels }: ExampleCell): Markup => {
    const shown = shownSize(pixels);
    const x = left + Math.floor((column - shown.width) / 2);
    return html`<text x="${left + column / 2}" y="${top + 14}" font-size="13" text-anchor="middle" fill="${ink}">${titleOf(result.evaluation, example)}</text>
<image x="${x}" y="${top + TITLE}" width="${shown.width}" height="${shown.height}" preserveAspectRatio="none" image-rendering="optimizeSpeed" style="image-rendering:pixelated" href="${pictureUri(pixels)}"/>
`;
  };
  const rowAt = (top: number, { series, epsilon, cells }: ExampleRow): Markup => {
    const middle = top + TITLE + picture / 2;
    return html`<text x="${PADDING}" y="${middle + 5}" font-size="14" fill="${ink}">ε = ${formatEpsilon(epsilon)}</text>
<text x="${PADDING}" y="${middle + 24}" font-size="12" fill="${muted}">${printable(series, 18)}</text>
${cells.map((cell, i) => cellAt(PADDING + labels + i * (column + GAP), top, cell))}${
  cells.length > 0
    ? null
    : html`<text x="${PADDING + labels}" y="${middle + 5}" font-size="13" fill="${muted}">none</text>\n`
}`;
  };
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${SVG_FONT}">
<rect width="${width}" height="${height}" fill="${background}"/>
${rows.map((row, i) => rowAt(PADDING + i * line, row))}</svg>
`.text;
}

const titleOf = (evaluation: Evaluation, { label, prediction }: Example): string =>
  `${shortClassName(evaluation, label)} -> ${shortClassName(evaluation, prediction)}`;

function shownSize({ width, height }: Pixels): { width: number; height: number } {
  const factor = Math.max(1, Math.round(USUAL / Math.max(width, height, 1)));
  return { width: width * factor, height: height * factor };
}

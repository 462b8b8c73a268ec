import type { Evaluation } from "../../evaluate.ts";
import { beyondClean, className, formatCount, formatEpsilon, seriesOf, shortClassName } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { scrollTable } from "./table.ts";

type Counts = readonly (readonly number[])[];

// A matrix of more classes than this is no reading; its most frequent mistakes are.
const CLASSES = 20;
const MISTAKES = 20;

/** Which label is taken for which, at each ε. */
export function matrixSection(evaluation: Evaluation): Markup {
  if (evaluation.clean.confusion.length === 0) return html``;
  const series = seriesOf(evaluation);
  const blocks = [
    { title: "Clean", result: evaluation.clean },
    ...series.flatMap(({ name, points }) =>
      beyondClean(points).map((result) => ({
        title: `${series.length > 1 ? `${name}, ` : ""}ε = ${formatEpsilon(result.epsilon)}`,
        result,
      })),
    ),
  ];
  const block = ({ title, result }: (typeof blocks)[number], i: number): Markup => html`<details>
<summary>${title}<span>${formatCount(result.correct)} correct, ${formatCount(result.total - result.correct)} not</span></summary>
${(result.confusion.length <= CLASSES ? matrix : mistakes)(evaluation, result.confusion, title, `matrix-${i}`)}
</details>
`;
  return html`<section>
<h2>Label and prediction</h2>
<p>How many samples of each label (rows) got each prediction (columns). The tint is the share of the row: green where correct, red where not.</p>
${blocks.map(block)}</section>`;
}

function matrix(evaluation: Evaluation, counts: Counts, title: string, id: string): Markup {
  const classes = counts.map((_, index) => shortClassName(evaluation, index));
  const cell = (count: number, total: number, right: boolean): Markup =>
    count === 0
      ? html`<td class="none">0</td>`
      : html`<td class="${right ? "right" : "wrong"}" style="--h:${((100 * count) / total).toFixed(1)}">${formatCount(count)}</td>`;
  return scrollTable({
    id,
    label: `Label and prediction: ${title}`,
    caption: `${title}: labels in rows, predictions in columns`,
    kind: "matrix",
    head: html`<tr><th scope="col">label</th>${classes.map((name) => html`<th scope="col">${name}</th>`)}</tr>`,
    rows: counts.map((row, label) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return html`<tr><th scope="row">${classes[label]!}</th>${row.map((count, prediction) => cell(count, total, label === prediction))}</tr>\n`;
    }),
  });
}

function mistakes(evaluation: Evaluation, counts: Counts, title: string, id: string): Markup {
  const all = counts.flatMap((row, label) =>
    row.flatMap((count, prediction) => (count > 0 && label !== prediction ? [{ label, prediction, count }] : [])),
  );
  const most = all.toSorted((a, b) => b.count - a.count).slice(0, MISTAKES);
  return scrollTable({
    id,
    label: `Most frequent mistakes: ${title}`,
    caption: `${title}: the most frequent mistakes, ${formatCount(most.length)} of ${formatCount(all.length)} kinds`,
    head: html`<tr><th scope="col" class="text">label</th><th scope="col">prediction</th><th scope="col">samples</th></tr>`,
    rows: most.map(
      ({ label, prediction, count }) =>
        html`<tr><th scope="row" class="text">${className(evaluation, label, 40)}</th><td>${className(evaluation, prediction, 40)}</td><td>${formatCount(count)}</td></tr>\n`,
    ),
  });
}

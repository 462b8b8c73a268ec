import type { Accuracy, Evaluation } from "../../evaluate.ts";
import { className, formatCount, formatEpsilon, seriesOf, shortClassName } from "../format.ts";
import { html, type Markup } from "../markup.ts";

type Counts = readonly (readonly number[])[];

// A matrix of more classes than this is no reading; its most frequent mistakes are.
const CLASSES = 20;
const MISTAKES = 20;

/** Which label is taken for which, at each ε. */
export function matrixSection(evaluation: Evaluation): Markup {
  const series = seriesOf(evaluation);
  const block = (title: string, result: Accuracy & { confusion: Counts }): Markup => html`<details>
<summary>${title}<span>${formatCount(result.correct)} right, ${formatCount(result.total - result.correct)} wrong</span></summary>
${result.confusion.length <= CLASSES ? matrix(evaluation, result.confusion, title) : mistakes(evaluation, result.confusion, title)}
</details>
`;
  return html`<section>
<h2>Label and prediction</h2>
<p>How many samples of each label (rows) got each prediction (columns). The tint is the share of the row: green where right, red where wrong.</p>
${block("Clean", evaluation.clean)}${series.map(({ name, points }) =>
  points.map((point) => block(`${series.length > 1 ? `${name}, ` : ""}ε = ${formatEpsilon(point.epsilon)}`, point)),
)}</section>`;
}

function matrix(evaluation: Evaluation, counts: Counts, title: string): Markup {
  const classes = counts.map((_, index) => shortClassName(evaluation, index));
  const cell = (count: number, total: number, right: boolean): Markup =>
    count === 0
      ? html`<td class="none">0</td>`
      : html`<td class="${right ? "right" : "wrong"}" style="--h:${((100 * count) / total).toFixed(1)}">${formatCount(count)}</td>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Label and prediction: ${title}"><table class="matrix">
<caption>${title}: labels in rows, predictions in columns</caption>
<thead><tr><th scope="col">label</th>${classes.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${counts.map((row, label) => {
  const total = row.reduce((sum, count) => sum + count, 0);
  return html`<tr><th scope="row">${classes[label]!}</th>${row.map((count, prediction) => cell(count, total, label === prediction))}</tr>\n`;
})}</tbody>
</table></div>`;
}

function mistakes(evaluation: Evaluation, counts: Counts, title: string): Markup {
  const all = counts.flatMap((row, label) =>
    row.flatMap((count, prediction) => (count > 0 && label !== prediction ? [{ label, prediction, count }] : [])),
  );
  const most = all.toSorted((a, b) => b.count - a.count).slice(0, MISTAKES);
  return html`<table>
<caption>${title}: the most frequent mistakes, ${formatCount(most.length)} of ${formatCount(all.length)} kinds</caption>
<thead><tr><th scope="col" class="text">label</th><th scope="col">prediction</th><th scope="col">samples</th></tr></thead>
<tbody>
${most.map(
  ({ label, prediction, count }) =>
    html`<tr><th scope="row" class="text">${className(evaluation, label, 40)}</th><td>${className(evaluation, prediction, 40)}</td><td>${formatCount(count)}</td></tr>\n`,
)}</tbody>
</table>`;
}

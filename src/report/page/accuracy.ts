import type { Accuracy, Evaluation, Point } from "../../evaluate.ts";
import { formatCount, formatEpsilon, formatInterval, formatPercent, seriesOf } from "../format.ts";
import { html, type Markup, trusted } from "../markup.ts";
import { followTheme } from "../theme.ts";

/** A plot drawn in the light theme, in the colours of the page. `label` says in words what it shows. */
export const plotFigure = (svg: string, label: string): Markup =>
  html`<figure class="plot" tabindex="0"><div role="img" aria-label="${label}">${trusted(followTheme(svg))}</div></figure>`;

/** The curve, and its numbers. */
export function accuracySection(evaluation: Evaluation, svg: string): Markup {
  const series = seriesOf(evaluation);
  const several = series.length > 1;
  const row = (name: string, epsilon: number, result: Accuracy, point: Point | null): Markup => html`<tr>
${several ? html`<th scope="row" class="text">${name}</th>` : null}<${trusted(several ? "td" : 'th scope="row"')}>${formatEpsilon(epsilon)}</${trusted(several ? "td" : "th")}>
<td>${formatCount(result.correct)} / ${formatCount(result.total)}</td><td><b>${formatPercent(result.accuracy)}</b></td><td>${formatInterval(result.ci95)}</td>
${point ? pointCells(point) : html`<td></td><td></td><td></td>`}</tr>
`;
  return html`<section>
<h2>Accuracy under attack</h2>
${plotFigure(svg, "Accuracy against ε, with its 95% interval. The table below holds its numbers.")}
<div class="scroll" tabindex="0" role="region" aria-label="Accuracy at each ε"><table class="wide">
<caption>All samples count: one that is wrong when clean stays wrong, and is not attacked. ${several ? "Each sample meets the attacks in this order until it falls, so that a row counts what the attacks above it left. " : null}Intervals are Wilson’s, 95%.</caption>
<thead><tr>${several ? html`<th scope="col" class="text">attack</th>` : null}<th scope="col">ε</th><th scope="col">correct</th><th scope="col">accuracy</th><th scope="col">95% interval</th>
<th scope="col">fooled of attacked</th><th scope="col">mean confidence</th><th scope="col">largest distance</th></tr></thead>
<tbody>
${row("clean", 0, evaluation.clean, null)}${series.map(({ name, points }) => points.map((point) => row(name, point.epsilon, point, point)))}${several ? evaluation.worst.map((point) => row("worst case", point.epsilon, point, null)) : null}</tbody>
</table></div>
</section>`;
}

const pointCells = ({ fooled, attacked, fooledConfidence, largestDistance }: Point): Markup =>
  html`<td>${formatCount(fooled)} / ${formatCount(attacked)}</td><td>${fooledConfidence === null ? "–" : formatPercent(fooledConfidence)}</td><td>${formatEpsilon(largestDistance)}</td>`;

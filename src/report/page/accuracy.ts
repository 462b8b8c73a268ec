import type { Accuracy, Evaluation, Point } from "../../evaluate.ts";
import {
  beyondClean,
  certifiedPoints,
  endingWords,
  formatCount,
  formatEpsilon,
  formatInterval,
  formatPercent,
  foundByProofs,
  intervalName,
  robustPoints,
  seriesOf,
  unadaptedPoints,
} from "../format.ts";
import { html, type Markup, trusted } from "../markup.ts";
import type { Drawing } from "../plots/vega.ts";
import { CERTIFIED_ACCURACY, ROBUST_ACCURACY, UNADAPTED_ACCURACY } from "../words.ts";
import { plotFigure } from "./plot.ts";
import { scrollTable } from "./table.ts";

/** The curve, and its numbers. */
export function accuracySection(evaluation: Evaluation, drawing: Drawing): Markup {
  const series = seriesOf(evaluation);
  const certified = beyondClean(certifiedPoints(evaluation));
  const robust = robustPoints(evaluation);
  const unadapted = beyondClean(unadaptedPoints(evaluation));
  const several = series.length > 1 || certified.length > 0 || unadapted.length > 0;
  const row = (name: string, epsilon: number, result: Accuracy, point: Point | null): Markup => html`<tr>
${several ? html`<th scope="row" class="text">${name}</th>` : null}<${trusted(several ? "td" : 'th scope="row"')}>${formatEpsilon(epsilon)}</${trusted(several ? "td" : "th")}>
<td>${formatCount(result.correct)} / ${formatCount(result.total)}</td><td><b>${formatPercent(result.accuracy)}</b></td><td>${formatInterval(result.ci95)}</td>
${point ? pointCells(point) : html`<td></td><td></td><td></td>`}</tr>
`;
  return html`<section>
<h2>Accuracy under attack</h2>
<div class="beside">
${plotFigure(drawing, `Accuracy against ε, with its ${intervalName(evaluation)}. The table beside it holds its numbers.`)}
${scrollTable({
  id: "accuracy-table",
  label: "Accuracy at each ε",
  caption: `All samples count, also the misclassified ones, which are not attacked. ${series.length > 1 ? "Every sample is attacked by one attack after the other until one succeeds, so a row counts the samples that are not fooled after the attacks above it. " : ""}${robust.length > 0 ? `Robust accuracy counts the samples that are correct and that no attack fooled${foundByProofs(evaluation) ? ", nor an input that proofs found" : ""}. ` : ""}${certified.length > 0 ? "Certified accuracy counts the samples that are proven to stay correct, whatever the attack: what lies between is open. Those that cheap bounds proved at every ε count as attacked, though no attack had to try them. " : ""}${unadapted.length > 0 ? "Without adaptation, the same attacks see the network without its defences: it is the accuracy that these claim, and those above are what is left of it. " : ""}${intervalsWords(evaluation)}`,
  kind: "wide",
  head: html`<tr>${several ? html`<th scope="col" class="text">attack</th>` : null}<th scope="col">ε</th><th scope="col">correct</th><th scope="col">accuracy</th><th scope="col">${intervalName(evaluation)}</th>
<th scope="col">fooled of attacked</th><th scope="col">mean confidence</th><th scope="col">largest distance</th></tr>`,
  rows: [
    row("clean", 0, evaluation.clean, null),
    ...series.flatMap(({ name, points }) => beyondClean(points).map((point) => row(name, point.epsilon, point, point))),
    ...robust.map((point) => row(ROBUST_ACCURACY, point.epsilon, point, null)),
    ...unadapted.map((point) => row(UNADAPTED_ACCURACY, point.epsilon, point, null)),
    ...certified.map((point) => row(CERTIFIED_ACCURACY, point.epsilon, point, null)),
  ],
})}
</div>
</section>`;
}

const intervalsWords = ({ until, data }: Evaluation): string =>
  until
    ? `Intervals are those of a confidence sequence, 95%, which hold whenever a run ends: ${endingWords(until, data)}.`
    : "Intervals are Wilson’s, 95%.";

const pointCells = ({ fooled, attacked, fooledConfidence, largestDistance }: Point): Markup =>
  html`<td>${formatCount(fooled)} / ${formatCount(attacked)}</td><td>${fooledConfidence === null ? "–" : formatPercent(fooledConfidence)}</td><td>${formatEpsilon(largestDistance)}</td>`;

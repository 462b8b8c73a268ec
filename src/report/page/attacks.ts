import type { AttackSummary, Evaluation } from "../../evaluate.ts";
import { formatCount, formatEpsilon, formatNumber, NORM_SYMBOL, printable } from "../format.ts";
import { html, type Markup } from "../markup.ts";

/** What each attack did: whom it met, whom it broke, and what it asked. */
export function attacksSection({ attacks, options }: Evaluation): Markup {
  const broke = options.epsilons.map((epsilon) => html`<th scope="col">broke at ${formatEpsilon(epsilon)}</th>`);
  return html`<section>
<h2>Attacks</h2>
<div class="scroll" tabindex="0" role="region" aria-label="What each attack did"><table class="wide">
<caption>In the order in which a sample meets them. Broke: samples that it was the first to break, by the least ε.</caption>
<thead><tr><th scope="col" class="text">attack</th><th scope="col">met</th>${broke}<th scope="col">forward passes</th><th scope="col">gradients</th><th scope="col">seconds</th></tr></thead>
<tbody>
${attacks.map(row)}</tbody>
</table></div>
${attacks.map((attack) => quantiles(attack, options.norm))}
</section>`;
}

const row = ({
  attack,
  of,
  met,
  broke,
  forwards,
  gradients,
  seconds,
}: AttackSummary): Markup => html`<tr><th scope="row" class="text">${printable(attack, 40)}${attack === of ? null : html` <span class="small">${printable(of, 40)}</span>`}</th><td>${formatCount(met)}</td>${broke.map((count) => html`<td>${formatCount(count)}</td>`)}<td>${formatCount(forwards)}</td><td>${formatCount(gradients)}</td><td>${formatNumber(seconds)}</td></tr>
`;

/** The distances of a least-change attack; nothing for others. */
function quantiles({ attack, distances }: AttackSummary, norm: Evaluation["options"]["norm"]): Markup | null {
  if (!distances) return null;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Distances of ${printable(attack, 40)}"><table>
<caption>${printable(attack, 40)}: the ${NORM_SYMBOL[norm]} distance within which that share of the samples it met falls</caption>
<thead><tr>${distances.map(({ quantile }) => html`<th scope="col">${String(Math.round(100 * quantile))}%</th>`)}</tr></thead>
<tbody><tr>${distances.map(({ distance }) => html`<td>${distance === null ? "–" : formatNumber(distance)}</td>`)}</tr></tbody>
</table></div>
`;
}

import type { AttackSummary, Evaluation } from "../../evaluate.ts";
import { formatCount, formatEpsilon, formatNumber, NORM_SYMBOL, printable } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { scrollTable } from "./table.ts";

/** What each attack did: how many samples it attacked and fooled, and what that took. */
export function attacksSection({ attacks, options }: Evaluation): Markup {
  const fooled = options.epsilons.map((epsilon) => html`<th scope="col">at ε = ${formatEpsilon(epsilon)}</th>`);
  return html`<section>
<h2>Attacks</h2>
${scrollTable({
  id: "attacks-table",
  label: "What each attack did",
  caption:
    "In the order in which they attack a sample. At each ε: the samples that the attack was the first to fool, by the least ε that was enough. Passes and gradients leave out those on the clean samples, which all attacks share.",
  kind: "wide",
  head: html`<tr><th scope="col" class="text">attack</th><th scope="col">samples</th>${fooled}<th scope="col">forward passes</th><th scope="col">gradients</th><th scope="col">seconds</th></tr>`,
  rows: attacks.map(row),
})}
${attacks.map((attack, i) => quantiles(attack, i, options.norm))}
</section>`;
}

const row = ({
  attack,
  of,
  attacked,
  fooled,
  forwards,
  gradients,
  seconds,
}: AttackSummary): Markup => html`<tr><th scope="row" class="text">${printable(attack, 40)}${attack === of ? null : html` <span class="small">${printable(of, 40)}</span>`}</th><td>${formatCount(attacked)}</td>${fooled.map((count) => html`<td>${formatCount(count)}</td>`)}<td>${formatCount(forwards)}</td><td>${formatCount(gradients)}</td><td>${formatNumber(seconds)}</td></tr>
`;

/** The distances of a least-change attack; nothing for others. */
function quantiles(
  { attack, distances }: AttackSummary,
  i: number,
  norm: Evaluation["options"]["norm"],
): Markup | null {
  if (!distances) return null;
  const name = printable(attack, 40);
  return scrollTable({
    id: `distances-${i}`,
    label: `Distances of ${name}`,
    caption: `${name}: the ${NORM_SYMBOL[norm]} distance within which it fooled that share of the samples it attacked.`,
    head: html`<tr>${distances.map(({ quantile }) => html`<th scope="col">${String(Math.round(100 * quantile))}%</th>`)}</tr>`,
    rows: [
      html`<tr>${distances.map(({ distance }) => html`<td>${distance === null ? "–" : formatNumber(distance)}</td>`)}</tr>\n`,
    ],
  });
}

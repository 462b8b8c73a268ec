import type { Evaluation } from "../../evaluate.ts";
import { beyondClean, formatCount, formatEpsilon, formatPercent } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { scrollTable } from "./table.ts";

/** Of a multi-label model: the accuracy of each label. Null for others. */
export function labelsSection({ labels }: Evaluation): Markup | null {
  if (!labels) return null;
  const epsilons = beyondClean(labels[0]?.worst ?? []);
  return html`<section>
<h2>Labels</h2>
${scrollTable({
  id: "labels-table",
  label: "Accuracy of each label",
  caption:
    "The share of samples on which a label is right: clean, and at each ε on the adversarial examples that were found; a sample that was not fooled counts as it is clean. All other accuracies of this page are exact match.",
  kind: "wide",
  head: html`<tr><th scope="col" class="text">label</th><th scope="col">clean</th>${epsilons.map(({ epsilon }) => html`<th scope="col">at ε = ${formatEpsilon(epsilon)}</th>`)}</tr>`,
  rows: labels.map(
    ({ label, clean, worst }) =>
      html`<tr><th scope="row" class="text">${formatCount(label)}</th><td>${formatPercent(clean.accuracy)}</td>${beyondClean(worst).map(({ accuracy }) => html`<td>${formatPercent(accuracy)}</td>`)}</tr>\n`,
  ),
})}
</section>`;
}

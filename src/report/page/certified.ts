import { sharesOf } from "../../certify/proving/shares.ts";
import type { BoundLosses, Evaluation } from "../../evaluate.ts";
import { formatCount, formatEpsilon, formatNumber, formatPercent, printable } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { scrollTable } from "./table.ts";

/** How samples were certified: what each method proved, and how far proofs reach; nothing where the run does not certify. */
export function certifiedSection({ certified }: Evaluation): Markup | null {
  if (!certified) return null;
  const { methods, averageRadius, losses } = certified;
  return html`<section>
<h2>Certificates</h2>
${averageRadius === null ? null : html`<p>The average certified radius is ${formatEpsilon(averageRadius)}: the mean over all samples of the largest ε that is proven, 0 for those without.</p>\n`}${scrollTable(
  {
    id: "certified-table",
    label: "What each method proved",
    caption:
      "From the cheapest to the strongest: each gets what those before it left open. Proven are the samples of which it proved more than they did, fooled those for which it found an input of another class that no attack had found.",
    head: html`<tr><th scope="col" class="text">method</th><th scope="col">samples</th><th scope="col">proven</th><th scope="col">fooled</th><th scope="col">seconds</th></tr>`,
    rows: methods.map(
      ({ method, tried, proven, fooled, seconds }) =>
        html`<tr><th scope="row" class="text">${printable(method, 40)}</th><td>${formatCount(tried)}</td><td>${formatCount(proven)}</td><td>${formatCount(fooled)}</td><td>${formatNumber(seconds)}</td></tr>\n`,
    ),
  },
)}${losses ? lossTable(losses) : null}
</section>`;
}

/** Where the margins of open samples go. */
function lossTable(losses: BoundLosses): Markup {
  const { samples, margin, bound } = losses;
  return html`
<h3>Why samples are open</h3>
<p>Over ${formatCount(samples)} open ${samples === 1 ? "sample" : "samples"}, the margin is ${formatNumber(margin)} on average, and CROWN’s bound of it ${formatNumber(bound)}.</p>
${scrollTable({
  id: "losses-table",
  label: "What bounds lose of margins",
  caption:
    "Means over the open samples, each at its least ε that is neither proven nor fooled. The linear part is what the bound’s slopes lose over the ball. A layer loses what its lines are off at the sample.",
  head: html`<tr><th scope="col" class="text">cause</th><th scope="col">lost</th><th scope="col">share</th></tr>`,
  rows: sharesOf(losses).map(
    ({ name, loss, share }) =>
      html`<tr><th scope="row" class="text">${printable(name, 60)}</th><td>${formatNumber(loss)}</td><td>${formatPercent(share)}</td></tr>\n`,
  ),
})}`;
}

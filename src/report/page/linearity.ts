import type { Evaluation } from "../../evaluate.ts";
import type { NormName } from "../../norm.ts";
import { formatCount, formatEpsilon, formatNumber } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import type { Drawing } from "../plots/vega.ts";
import { plotFigure } from "./plot.ts";
import { scrollTable } from "./table.ts";

// The rise of a linear loss, and the step that reaches it.
const RISE: Readonly<Record<NormName, string>> = {
  linf: "ε·‖∇ₓJ‖₁, reached by the step ε·sign(∇ₓJ)",
  l2: "ε·‖∇ₓJ‖₂, reached by a step along ∇ₓJ",
  l1: "ε·‖∇ₓJ‖∞, reached by changing the pixel of the largest gradient",
  l0: "the sum of the ε largest gains of single pixels",
  spatial: "no amount that the gradient tells, since a rotation is no step",
};

/** Goodfellow et al. 2015, §3, on this model: predicted and measured rise of the loss. Null where it was not measured. */
export function linearitySection(
  { linearity, options }: Evaluation,
  rises: Drawing | undefined,
  dimensions: Drawing | undefined,
): Markup | null {
  if (!linearity) return null;
  return html`<section>
<h2>The linear explanation, measured</h2>
<p><a href="https://arxiv.org/abs/1412.6572" rel="noreferrer">Goodfellow et al. (2015, §3)</a> explain adversarial examples by linearity: close to a picture,
the loss J of a network is almost a linear function of the pixels. A change of size ε can then raise the loss by ${RISE[options.norm]}.
In the L∞ norm that rise is a sum over all pixels, so it grows with their number: many changes that are each too small to see add up.
Where the measured rise leaves the predicted one, the loss bends, and a single step no longer tells the whole story.</p>
<div class="beside">
${rises ? plotFigure(rises, "The rise of the loss against ε, predicted and measured. The table beside it holds its numbers.") : null}
${risesTable(linearity)}
</div>
${
  linearity.dimensions.length === 0
    ? null
    : html`<div class="beside">
${dimensions ? plotFigure(dimensions, "The rise of the loss against the free dimensions of the perturbation. The table beside it holds its numbers.") : null}
${dimensionsTable(linearity)}
</div>`
}
</section>`;
}

type Measured = NonNullable<Evaluation["linearity"]>;

const risesTable = ({ points, samples }: Measured): Markup =>
  scrollTable({
    id: "rises-table",
    label: "Rise of the loss at each ε",
    caption: `Mean rise of the loss over ${formatCount(samples)} samples. Clipped: with the pixels kept within the bounds of the model’s input.`,
    kind: "wide",
    head: html`<tr><th scope="col">ε</th><th scope="col">predicted</th><th scope="col">predicted, clipped</th><th scope="col">measured</th><th scope="col">measured / clipped</th></tr>`,
    rows: points.map(
      ({ epsilon, predicted, predictedClipped, measured }) =>
        html`<tr><th scope="row">${formatEpsilon(epsilon)}</th><td>${formatNumber(predicted)}</td><td>${formatNumber(predictedClipped)}</td><td>${formatNumber(measured)}</td><td>${ratio(measured, predictedClipped)}</td></tr>\n`,
    ),
  });

const dimensionsTable = ({ dimensions }: Measured): Markup =>
  scrollTable({
    id: "dimensions-table",
    label: "Rise of the loss by dimension",
    caption: "The same network, perturbed in blocks of pixels only: fewer free dimensions, the same ε.",
    kind: "wide",
    head: html`<tr><th scope="col">free dimensions</th><th scope="col">ε</th><th scope="col">predicted</th><th scope="col">measured</th><th scope="col">random direction</th></tr>`,
    rows: dimensions.map(
      ({ dimensions, epsilon, predicted, measured, random }) =>
        html`<tr><th scope="row">${formatCount(dimensions)}</th><td>${formatEpsilon(epsilon)}</td><td>${formatNumber(predicted)}</td><td>${formatNumber(measured)}</td><td>${formatNumber(random)}</td></tr>\n`,
    ),
  });

const ratio = (measured: number, predicted: number): string =>
  predicted === 0 ? "–" : (measured / predicted).toFixed(2);

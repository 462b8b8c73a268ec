import type { Compared } from "../../evaluate/compare.ts";
import type { Answer } from "../../evaluate/replay.ts";
import type { PairedAccuracy } from "../../evaluate/results/compare.ts";
import type { Evaluation } from "../../evaluate.ts";
import type { HardenFacts } from "../../harden/checkpoint.ts";
import type { HardenEpoch, TrainingNorm } from "../../harden.ts";
import {
  beyondClean,
  className,
  formatCount,
  formatEpsilon,
  formatPercent,
  formatPValue,
  NORM_SYMBOL,
  printable,
} from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { exampleRows, pictureUri } from "../pictures/examples.ts";
import { heldOut, learningPlot } from "../plots/learning-plot.ts";
import type { PlotSpec } from "../plots/plot.ts";
import { accuracyPlots } from "../plots/plots.ts";
import type { Drawing } from "../plots/vega.ts";
import { pageDocument } from "./document.ts";
import { plotFigure } from "./plot.ts";
import { facts, warningsSection } from "./setting.ts";
import { scrollNote, scrollTable } from "./table.ts";

/** A training, and what it made of the model. */
export interface HardeningReport {
  /** The model as it was given, by its name. */
  readonly name: string;
  /** All that decided the result; these among it. */
  readonly facts: HardenFacts & {
    readonly data: string;
    readonly method: string;
    readonly norm: TrainingNorm;
    readonly epsilon: number;
    readonly epochs: number;
  };
  readonly history: readonly HardenEpoch[];
  /** The epoch whose weights the result has; 0 is the model as it was given. */
  readonly best: number;
  /** The model before, then after. */
  readonly compared: Compared;
  /** What the model after says of the adversarial examples of the one before. */
  readonly answers: readonly (readonly Answer[])[];
}

/** The plots of the page, by name. */
export const hardeningPlots = ({ history, compared: { results } }: HardeningReport) => {
  const named = (evaluation: Evaluation, name: string): Evaluation => ({
    ...evaluation,
    model: { ...evaluation.model, name },
  });
  const [before, after] = results.map(({ evaluation }, i) => named(evaluation, i === 0 ? "before" : "after"));
  return { comparison: accuracyPlots([before!, after!]), learning: learningPlot(history) } satisfies Record<
    string,
    PlotSpec
  >;
};

/** The report of a hardening: what was won, what it cost, and how the training went. @param drawings of `hardeningPlots` */
export function hardeningPage(
  report: HardeningReport,
  drawings: Readonly<Record<keyof ReturnType<typeof hardeningPlots>, Drawing>>,
): string {
  const { name, facts: settings, compared } = report;
  return pageDocument({
    title: `${printable(name, 120)}, hardened on ${printable(settings.data, 120)}`,
    main: html`${heading(report)}
${warningsSection(compared.comparison)}
${scrollNote}
${comparisonSection(report, drawings.comparison)}
${learningSection(report, drawings.learning)}
${examplesSection(report)}
${settingSection(report)}`,
    plots: hardeningPlots(report),
  });
}

const points = (share: number): string => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(2)}`;

function heading({ name, facts: { data, method, norm, epsilon, epochs }, best, compared }: HardeningReport): Markup {
  const { clean, points: at } = compared.comparison;
  const last = at.at(-1)!;
  const total = formatCount(clean.a.total);
  return html`<header>
<p class="eyebrow">perturb · hardening report</p>
<h1>${printable(name, 120)}, hardened on ${printable(data, 120)}</h1>
<p class="lede">Trained by ${method} against changes of ε&nbsp;=&nbsp;${formatEpsilon(epsilon)} in ${NORM_SYMBOL[norm]}, for ${formatCount(epochs)} ${epochs === 1 ? "epoch" : "epochs"}. ${
    best === 0
      ? "No epoch was better than the model as it was given, so the result is that model."
      : html`Of ${total} samples that it never saw, PGD-40 at ε&nbsp;=&nbsp;${formatEpsilon(last.epsilon)} leaves ${formatPercent(last.b.accuracy)} correct; before, it left ${formatPercent(last.a.accuracy)}. Clean accuracy went from ${formatPercent(clean.a.accuracy)} to ${formatPercent(clean.b.accuracy)} (${points(-clean.difference)} points).`
  }</p>
</header>`;
}

/** Accuracy of both at each ε, with the exact test of McNemar. */
function comparisonSection({ compared }: HardeningReport, drawing: Drawing): Markup {
  const { comparison, results } = compared;
  const certified = results.map(({ evaluation }) => evaluation.worst.map((point) => point.certified));
  const isCertified = certified.flat().some((one) => one !== undefined);
  const proven = (k: number | null): Markup | null =>
    isCertified
      ? html`${certified.map((points) => html`<td>${k === null ? "" : formatPercent(points[k]?.accuracy ?? 0)}</td>`)}`
      : null;
  const row = (name: string, { a, b, difference, ci95, onlyA, onlyB, pValue }: PairedAccuracy, k: number | null) =>
    html`<tr><th scope="row">${name}</th><td>${formatPercent(a.accuracy)}</td><td><b>${formatPercent(b.accuracy)}</b></td><td>${points(-difference)}</td><td>${points(-ci95[1])} … ${points(-ci95[0])}</td><td>${formatCount(onlyA)}</td><td>${formatCount(onlyB)}</td><td>${formatPValue(pValue)}</td>${proven(k)}</tr>
`;
  return html`<section>
<h2>Before and after</h2>
<div class="beside">
${plotFigure(drawing, "Accuracy against ε of the model before and after, with 95% intervals. The table beside it holds its numbers.")}
${scrollTable({
  id: "comparison-table",
  label: "Accuracy before and after at each ε",
  caption: `PGD-40 on the same ${formatCount(comparison.data.total)} samples of ${printable(comparison.data.name, 60)}. The change is in percentage points, with its 95% interval (Newcombe). The two counts are of samples that withstand for one model only. p is McNemar’s exact test, not corrected for several ε.${isCertified ? " Certified is the share that is proven to stay correct." : ""}`,
  kind: "wide",
  head: html`<tr><th scope="col">ε</th><th scope="col">before</th><th scope="col">after</th><th scope="col">change</th><th scope="col">95% interval</th><th scope="col">only before</th><th scope="col">only after</th><th scope="col">p</th>${isCertified ? html`<th scope="col">certified before</th><th scope="col">certified after</th>` : null}</tr>`,
  rows: [
    row("clean", comparison.clean, null),
    ...beyondClean(comparison.points).map((point, k) => row(formatEpsilon(point.epsilon), point, k)),
  ],
})}
</div>
</section>`;
}

/** How the training went, on the samples held out. */
function learningSection({ history, best }: HardeningReport, drawing: Drawing): Markup {
  const names = history[0] ? heldOut(history[0].validation).map(({ series }) => series) : [];
  const rows = history.map(({ epoch, training, validation, rolledBackTo }) => {
    const shares = heldOut(validation).map(
      ({ correct }) => html`<td>${formatPercent(correct / validation.total)}</td>`,
    );
    const note = rolledBackTo === undefined ? (epoch === best ? "kept" : "") : `overfitted: back to ${rolledBackTo}`;
    return html`<tr><th scope="row">${epoch}</th><td>${training ? training.loss.toFixed(4) : "–"}</td>${shares}<td>${note}</td></tr>
`;
  });
  const isEstimated = names.some((name) => name === "by bounds" || name === "smoothed");
  return html`<section>
<h2>The training</h2>
<div class="beside">
${plotFigure(drawing, "Accuracy on the samples held out after each epoch. The table beside it holds its numbers.")}
${scrollTable({
  id: "learning-table",
  label: "Accuracy after each epoch",
  caption: `Mean loss while learning, and accuracy on ${formatCount(history[0]?.validation.total ?? 0)} samples held out, by which the epoch was chosen: it is a little too good. Epoch 0 is the model as it was given.${isEstimated ? " By bounds, or smoothed: an estimate, and no proof." : ""}`,
  kind: "wide",
  head: html`<tr><th scope="col">epoch</th><th scope="col">loss</th>${names.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col"></th></tr>`,
  rows,
})}
</div>
</section>`;
}

/** What fooled the model before, and what the model after says of the same inputs. */
function examplesSection({ compared: { results }, answers }: HardeningReport): Markup | null {
  const [{ evaluation }] = results;
  const name = (index: number): string => className(evaluation, index, 24);
  // The first row is of clean samples.
  const rows = exampleRows(results[0]).filter(({ epsilon }) => epsilon !== 0);
  if (rows.every(({ cells }) => cells.length === 0)) return null;
  const at = new Map(evaluation.points.map((point, k) => [point.epsilon, answers[k]]));
  const isRight = rows.flatMap(({ epsilon, cells }) =>
    cells.map(({ example }, j) => at.get(epsilon)?.[j]?.prediction === example.label),
  );
  return html`<section>
<h2>What no longer fools</h2>
<p>The first adversarial examples of the model before, and what the model after says of the same pictures: ${formatCount(isRight.filter(Boolean).length)} of ${formatCount(isRight.length)} get their label back. A new attack on the model after may still find others: how many withstand it, the table above says.</p>
<div class="examples">
${rows.map(
  ({ epsilon, cells }) => html`<div><h3>ε = ${formatEpsilon(epsilon)}</h3>
${
  cells.length === 0
    ? html`<p class="small">none</p>`
    : html`<div class="row">
${cells.map(({ example, pixels }, j) => {
  const after = at.get(epsilon)?.[j];
  const said = after ? `${name(after.prediction)} ${formatPercent(after.confidence)}` : "–";
  return html`<figure class="example"><img${pixels.width < 112 ? html` class="pixelated"` : null} width="${pixels.width}" height="${pixels.height}" alt="Sample ${example.index}, attacked with ε = ${formatEpsilon(epsilon)}: label ${name(example.label)}, predicted ${name(example.prediction)} before and ${after ? name(after.prediction) : "nothing"} after." src="${pictureUri(pixels)}"><figcaption>label ${name(example.label)} <span>before: ${name(example.prediction)} ${formatPercent(example.confidence)}</span><span>after: ${after?.prediction === example.label ? html`<b>${said}</b>` : said}</span></figcaption></figure>
`;
})}</div>`
}</div>
`,
)}</div>
</section>`;
}

/** What facts are called; those without a name here have their own. */
const NAMES: Readonly<Record<string, string>> = {
  model: "SHA-256 of the model given",
  weights: "SHA-256 of its weights in other files",
  samples: "Samples",
  options: "Options of the method",
  epsilon: "ε",
  rate: "Learning rate",
  weightDecay: "Weight decay",
  validation: "Held out to choose the epoch",
  test: "Held out to compare",
  freeze: "Weights left as they are",
  only: "Only these weights",
  batchNorm: "BatchNormalization",
  ema: "Weight of the average (EMA)",
  augment: "Augmentation",
};

/** All that decides the result. */
const settingSection = ({ facts: settings, best }: HardeningReport): Markup => html`<section>
<h2>Setting</h2>
${facts([
  ["Epoch of the result", formatCount(best)],
  ...Object.entries(settings).flatMap(([name, value]) =>
    value === null || value === "" || (name === "test" && value === 0)
      ? []
      : [[NAMES[name] ?? title(name), printable(String(value))] as const],
  ),
])}
</section>`;

/** "batch" as "Batch". */
const title = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

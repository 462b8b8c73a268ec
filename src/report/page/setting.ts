import type { Evaluation, LabelAccuracy } from "../../evaluate.ts";
import { pictureWords } from "../../models/preprocessing/preprocessing.ts";
import { l0Unit } from "../../norm.ts";
import {
  className,
  endingWords,
  formatCount,
  formatEpsilon,
  formatNumber,
  formatPercent,
  NORM_SYMBOL,
  printable,
  samplesWords,
} from "../format.ts";
import { type Content, html, type Markup } from "../markup.ts";

/** What casts doubt on the numbers, before the numbers. Null when nothing does. */
export const warningsSection = ({ warnings }: Pick<Evaluation, "warnings">): Markup | null =>
  warnings.length === 0
    ? null
    : html`<section class="warnings">
<h2>${warnings.length === 1 ? "One warning" : `${formatCount(warnings.length)} warnings`}: read before the numbers</h2>
<ul>
${warnings.map(({ code, message }) => html`<li>${printable(message, 2000)} <code>${printable(code, 60)}</code></li>\n`)}</ul>
</section>`;

/** Everything that the numbers depend on. */
export function settingSection(evaluation: Evaluation): Markup {
  const { model, data, options, runtime, date, tool, until } = evaluation;
  return html`<section>
<h2>Setting</h2>
${facts([
  ["Model", printable(model.name)],
  ["Input", `${model.inputShape.join(" × ")}, ${boundsWords(evaluation)}`],
  ...(model.pictures ? [["Pictures", picturesWords(model.pictures)] as const] : []),
  ["Preprocessing", preprocessingWords(model)],
  [
    "Output",
    `${formatCount(model.classes)} classes, ${model.head === "hidden" ? "probabilities (logits hidden)" : model.head}`,
  ],
  ["Parameters", model.parameters === null ? "not known" : formatCount(model.parameters)],
  ["Data", `${printable(data.name)}, ${samplesWords(data)}`],
  ...(until ? [["Ended by itself", endingWords(until, data)] as const] : []),
  ["Attack", options.attacks.map((name) => printable(name, 60)).join(", ")],
  ["Norm", normWords(evaluation)],
  ["ε", options.epsilons.map(formatEpsilon).join(", ")],
  [
    "Goal",
    evaluation.labels
      ? labelsGoal(evaluation.labels)
      : options.target === null
        ? "any other class"
        : `class ${className(evaluation, options.target, 60)}`,
  ],
  ...(options.settings.length > 0 ? [["Options", attackOptions(options.settings)] as const] : []),
  ...(options.surrogate === null ? [] : [["Surrogate", surrogateWords(options.surrogate, evaluation)] as const]),
  ...(options.eot === 1 ? [] : [["Draws of a random model", formatCount(options.eot)] as const]),
  ...(options.levels === null ? [] : [["Levels", formatCount(options.levels)] as const]),
  ...(options.maxQueries === null
    ? []
    : [["Queries", `at most ${formatCount(options.maxQueries)} a sample and attack`] as const]),
  ["Seed, batch", `${options.seed}, ${formatCount(options.batch)}`],
  ["Runtime", `${printable(runtime.name)} on ${printable(runtime.device)}`],
  ["Begun", html`<time datetime="${date}">${date}</time>`],
  ["Written by", `${tool.name} ${printable(tool.version, 40)}`],
  ...(model.sha256 === null ? [] : [["SHA-256", html`<code>${printable(model.sha256)}</code>`] as const]),
])}
</section>`;
}

const labelsGoal = (labels: readonly LabelAccuracy[]): string =>
  `a label flips, of ${formatCount(labels.length)}: ${labels.map(({ label }) => label).join(", ")}`;

const surrogateWords = (name: string, { surrogate }: Evaluation): string =>
  surrogate ? `${printable(name)}, right on ${formatPercent(surrogate.accuracy)} of the samples` : printable(name);

const normWords = ({ options: { norm, epsilonUnit }, model }: Evaluation): string =>
  norm === "l0"
    ? `${NORM_SYMBOL.l0}: ε counts ${l0Unit(model.inputShape)}`
    : `${NORM_SYMBOL[norm]}${norm === "spatial" || epsilonUnit === undefined ? "" : `: ε in ${epsilonUnit === "range" ? "shares of the range between the bounds of each element" : `the units of the ${model.pictures?.perturbed ? "picture, at its own size" : "input"}`}`}`;

/** The values that elements may take, in the units of the data. */
function boundsWords({ model: { bounds, elements }, options }: Evaluation): string {
  const [lower, upper] = [elements?.lower ?? [bounds.lower], elements?.upper ?? [bounds.upper]];
  const shares = options.epsilonUnit === "range" ? ", taken as shares of that range" : "";
  if (lower.length === 1 && upper.length === 1) return `from ${lower[0]} to ${upper[0]}${shares}`;
  if (lower.length === 0 || upper.length === 0) return `each element has bounds of its own${shares}`;
  return `each element has bounds of its own, within ${Math.min(...lower)} to ${Math.max(...upper)}${shares}`;
}

/** How a picture becomes what the network gets, and which of the two is attacked. */
const picturesWords = ({ perturbed, ...steps }: NonNullable<Evaluation["model"]["pictures"]>): string =>
  `${pictureWords(steps)}; ${perturbed ? "what is attacked is the picture at its own size" : "what is attacked is what the network then gets"}`;

/** What is computed in front of the model. */
function preprocessingWords({ preprocessing }: Evaluation["model"]): string {
  if (preprocessing === null) return "none: the model gets the values as they are";
  const { mean, std, scale = 1, channels = "rgb" } = preprocessing;
  const scaled = scale === 1 ? "x" : `${scale} x`;
  return `${channels === "bgr" ? "channels in the order BGR, then " : ""}(${scaled} - mean) / std, mean ${mean.join(", ")}, std ${std.join(", ")}`;
}

/** A length in units of ε. */
const RELATIVE = /=[\d.e+-]+eps$/;

/** The options of each attack, and how its lengths are meant. */
const attackOptions = (settings: readonly string[]): Markup => html`<ul class="settings">
${settings.map((text) => html`<li><code>${printable(text, 80)}</code></li>\n`)}</ul>
${settings.some((text) => RELATIVE.test(text)) ? html`<p class="small">A length that ends in <code>eps</code> is a share of ε: 0.25eps is a quarter of it. A length without <code>eps</code> is absolute, in the units of the input.</p>` : null}`;

export const costSection = ({ cost }: Evaluation): Markup => html`<section>
<h2>Cost</h2>
${facts([
  ["Time", `${formatNumber(cost.seconds)} s`],
  ["Forward passes", `${formatCount(cost.forwards)} samples`],
  ["Gradients", `${formatCount(cost.gradients)} samples`],
  [
    "Rate",
    `${cost.samplesPerSecond < 10 ? cost.samplesPerSecond.toFixed(1) : formatCount(Math.round(cost.samplesPerSecond))} samples a second`,
  ],
])}
</section>`;

export const reproduceSection = (command: string): Markup => html`<section>
<h2>Reproduce</h2>
<p>The same model file, data, seed and version give the same numbers.</p>
<pre><code>${printable(command, 4000)}</code></pre>
</section>`;

export const facts = (rows: readonly (readonly [string, Content])[]): Markup =>
  html`<dl>\n${rows.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>\n`)}</dl>`;

import { sameEpsilon } from "../../evaluate/results/statistics.ts";
import type { Evaluation, Gate } from "../../evaluate.ts";
import {
  beyondClean,
  certifiedPoints,
  className,
  formatCount,
  formatEpsilon,
  formatGate,
  formatPercent,
  foundByProofs,
  headlineOf,
  NORM_SYMBOL,
  printable,
} from "../format.ts";
import { html, type Markup } from "../markup.ts";

// More tiles than this are no headline.
const TILES = 8;

/** What the page says first: the clean accuracy, then the accuracy at each ε. */
export function headline(evaluation: Evaluation): Markup {
  const { model, data, clean, options } = evaluation;
  const points = headlineOf(evaluation);
  const last = points.at(-1);
  const several = options.attacks.length > 1;
  const attacked = last
    ? html` With changes of at most ε&nbsp;=&nbsp;${formatEpsilon(last.epsilon)} in ${NORM_SYMBOL[options.norm]}${target(evaluation)}, ${formatPercent(last.accuracy)} are correct
and not fooled by ${several ? `any of the ${options.attacks.length} attacks` : options.attacks.map((name) => printable(name))}${foundByProofs(evaluation) ? ", nor by an input that proofs found" : ""}.`
    : null;
  const proven = certifiedPoints(evaluation).at(-1);
  const certified = proven
    ? html` ${formatPercent(proven.accuracy)} are proven to stay correct, whatever the attack.`
    : null;
  const isTold = ({ epsilon, accuracy }: Gate) =>
    points.some((point) => sameEpsilon(point.epsilon, epsilon) && point.accuracy === accuracy);
  return html`<header>
<p class="eyebrow">perturb · robustness report</p>
<h1>${printable(model.name, 120)} on ${printable(data.name, 120)}</h1>
<p class="lede">Of ${formatCount(clean.total)} samples, ${formatPercent(clean.accuracy)} are classified correctly.${attacked}${certified}</p>
${evaluation.gates.map((gate) => badge(gate, isTold(gate)))}<ol class="steps" aria-label="${several ? "Clean accuracy, then robust accuracy at each ε" : "Accuracy at each ε"}">
${[{ epsilon: 0, accuracy: clean.accuracy }, ...spread(beyondClean(points), TILES - 1)].map(tile)}</ol>
</header>`;
}

/** Whether the accuracy that was asked for was found. That of one attack is not always the tile's, which is of one ε alone. */
function badge(gate: Gate, isTold: boolean): Markup {
  const { found, asked } = formatGate(gate);
  return html`<p class="gate ${gate.met ? "met" : "unmet"}"><b>${gate.met ? "PASS" : "FAIL"}</b> ${found} ${gate.met ? "≥" : "<"} ${asked} at ε = ${formatEpsilon(gate.epsilon)}${gate.certified ? html` <span class="small">certified accuracy</span>` : isTold ? null : html` <span class="small">counting the samples that a smaller ε fooled</span>`}</p>
`;
}

const target = (evaluation: Evaluation): Markup | null =>
  evaluation.options.target === null
    ? null
    : html` towards class ${className(evaluation, evaluation.options.target, 60)}`;

const tile = ({ epsilon, accuracy }: { epsilon: number; accuracy: number }): Markup =>
  html`<li><span class="small">${epsilon === 0 ? "clean" : `ε = ${formatEpsilon(epsilon)}`}</span> <b>${formatPercent(accuracy)}</b><span class="bar" style="--v:${(100 * accuracy).toFixed(1)}"></span></li>
`;

/** At most `count` of the items, evenly, with the first and the last. */
const spread = <T>(items: readonly T[], count: number): T[] =>
  items.length <= count
    ? [...items]
    : Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!);

import type { Evaluation, Point } from "../../evaluate.ts";
import { className, formatCount, formatEpsilon, formatPercent, NORM_SYMBOL, printable } from "../format.ts";
import { html, type Markup } from "../markup.ts";

// More tiles than this are no headline.
const TILES = 8;

/** What the page says first: the clean accuracy, then the accuracy at each ε. */
export function headline(evaluation: Evaluation): Markup {
  const { model, data, clean, options } = evaluation;
  const worst = worstPoints(evaluation);
  const last = worst.at(-1);
  const several = options.attacks.length > 1;
  const fall = last
    ? html`. Under ${several ? "the strongest attack at each ε" : options.attacks.map((name) => printable(name))}, with
changes of at most ε&nbsp;=&nbsp;${formatEpsilon(last.epsilon)} in ${NORM_SYMBOL[last.norm]}${target(evaluation)}, ${formatPercent(last.accuracy)} still are`
    : null;
  return html`<header>
<p class="eyebrow">perturb · robustness report</p>
<h1>${printable(model.name, 120)} on ${printable(data.name, 120)}</h1>
<p class="lede">Of ${formatCount(clean.total)} samples, ${formatPercent(clean.accuracy)} are classified correctly${fall}.</p>
<ol class="steps" aria-label="Accuracy at each ε${several ? ", lowest of the attacks" : ""}">
${[{ epsilon: 0, accuracy: clean.accuracy }, ...spread(worst, TILES - 1)].map(tile)}</ol>
</header>`;
}

const target = (evaluation: Evaluation): Markup | null =>
  evaluation.options.target === null
    ? null
    : html` towards class ${className(evaluation, evaluation.options.target, 60)}`;

const tile = ({ epsilon, accuracy }: { epsilon: number; accuracy: number }): Markup =>
  html`<li><span class="small">${epsilon === 0 ? "clean" : `ε = ${formatEpsilon(epsilon)}`}</span> <b>${formatPercent(accuracy)}</b><span class="bar" style="--v:${(100 * accuracy).toFixed(1)}"></span></li>
`;

/** For each ε, ascending, the point with the lowest accuracy of all attacks. */
function worstPoints({ points }: Evaluation): Point[] {
  const worst = new Map<number, Point>();
  for (const point of points) {
    const known = worst.get(point.epsilon);
    if (!known || point.accuracy < known.accuracy) worst.set(point.epsilon, point);
  }
  return [...worst.values()].toSorted((a, b) => a.epsilon - b.epsilon);
}

/** At most `count` of the items, evenly, with the first and the last. */
const spread = <T>(items: readonly T[], count: number): T[] =>
  items.length <= count
    ? [...items]
    : Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!);

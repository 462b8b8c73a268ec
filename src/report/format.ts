import { epsilonText } from "../epsilons.ts";
import type { Accuracy, Ending, Evaluation, Gate, Point } from "../evaluate.ts";
import type { NormName } from "../norm.ts";
import { CERTIFIED_ACCURACY, ROBUST_ACCURACY } from "./words.ts";

export const NORM_SYMBOL: Readonly<Record<NormName, string>> = {
  linf: "L∞",
  l2: "L2",
  l1: "L1",
  l0: "L0",
  spatial: "spatial",
};

/** 0.98104 as "98.10%". */
export const formatPercent = (fraction: number): string => `${(100 * fraction).toFixed(2)}%`;

/** The accuracies of a gate, found and asked for, in as many digits as tell them apart: 0.49999 is not met by "50.00%". */
export function formatGate({ accuracy, atLeast }: Pick<Gate, "accuracy" | "atLeast">): {
  found: string;
  asked: string;
} {
  const digits = [2, 3, 4, 5, 6, 8, 10].find(
    (n) => accuracy === atLeast || (100 * accuracy).toFixed(n) !== (100 * atLeast).toFixed(n),
  );
  const percent = (share: number): string => `${(100 * share).toFixed(digits ?? 12)}%`;
  return { found: percent(accuracy), asked: percent(atLeast) };
}

/** "robust accuracy 41.20% is under 50.00% at ε = 0.1", of a gate that was not met. */
export function formatShortfall(gate: Gate): string {
  const { found, asked } = formatGate(gate);
  return `${gate.certified ? CERTIFIED_ACCURACY : ROBUST_ACCURACY} ${found} is under ${asked} at ε = ${formatEpsilon(gate.epsilon)}`;
}

/** [0.9781, 0.9835] as "97.81 – 98.35%". */
export const formatInterval = ([low, high]: readonly [number, number]): string =>
  `${(100 * low).toFixed(2)} – ${formatPercent(high)}`;

/** Letters of a decimal that is shown as it is. */
const SHOWN = 9;

/**
 * An ε as it is written: 8/255 as "8/255", and without the noise of its arithmetic, 0.30000000000000004 as "0.3". A number that nobody
 * wrote, such as a distance that was found, has four digits.
 */
export const formatEpsilon = (epsilon: number): string => {
  const text = epsilonText(epsilon);
  if (text.includes("/")) return text;
  const decimal = String(Number(epsilon.toPrecision(12)));
  return decimal.length <= SHOWN ? decimal : String(Number(epsilon.toPrecision(4)));
};

/** Points beside the clean accuracy, which is that at ε = 0. */
export const beyondClean = <P extends { readonly epsilon: number }>(points: readonly P[]): readonly P[] =>
  points.filter(({ epsilon }) => epsilon !== 0);

/** Three significant digits, or all before the point: 1.5 as "1.50", 1234.5 as "1,235". */
export const formatNumber = (value: number): string =>
  Math.abs(value) < 999.5 ? value.toPrecision(3) : formatCount(Math.round(value));

/** A p-value: "0.0123", or "1.2e-5" where that has too few digits. */
export const formatPValue = (p: number): string => (p < 1e-4 ? p.toExponential(1) : p.toFixed(4));

/** 10000 as "10,000". Intl would take longer to load than all else here. */
export const formatCount = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

// Control characters and lone surrogates break XML, and steer terminals.
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Bidi_Control}\ufffe\uffff]/gu;

/** A text from outside, safe to print: control and direction characters become "�", and what is over `limit` "…". */
export function printable(text: string, limit = 200): string {
  const clean = text.replace(UNPRINTABLE, "\ufffd");
  const letters = Array.from(clean);
  return letters.length <= limit ? clean : `${letters.slice(0, limit - 1).join("")}…`;
}

/** What the intervals of a result are. */
export const intervalName = ({ until }: Pick<Evaluation, "until">): string =>
  until ? "95% confidence sequence" : "95% interval";

/** How far a run came that ends by itself. */
export function endingWords({ asked, reached, available }: Ending, { total }: Evaluation["data"]): string {
  const { found, asked: wanted } = formatGate({ accuracy: reached, atLeast: asked });
  return `${reached <= asked ? "every" : "not every"} interval is within ±${wanted}, the longest ±${found}, after ${formatCount(total)} of ${formatCount(available)} samples`;
}

/** Which samples of a set were evaluated: "100 samples from index 0". */
export const samplesWords = ({ total, offset, drawn }: Evaluation["data"]): string =>
  drawn
    ? `${formatCount(total)} of ${formatCount(drawn.of)} samples, drawn ${drawn.shuffled ? "at random" : "over the classes"} by seed ${drawn.seed}`
    : `${formatCount(total)} samples from index ${offset}`;

/** The name of a class, cut to `limit` letters, or its number where it has none. */
export const className = ({ data }: Evaluation, index: number, limit: number): string =>
  printable(data.classNames?.[index] || String(index), limit);

/** For narrow places: the name of a class when all names are short, its number otherwise. */
export const shortClassName = (evaluation: Evaluation, index: number): string =>
  evaluation.data.classNames?.every(({ length }) => length <= 12) ? className(evaluation, index, 12) : String(index);

/** The points of one attack in one norm. */
export interface Series {
  /** Such as "fgsm L∞". */
  readonly name: string;
  readonly points: readonly Point[];
}

/** Certified accuracy at each ε; nothing where the run does not certify. */
export const certifiedPoints = ({ worst }: Evaluation): readonly (Accuracy & { readonly epsilon: number })[] =>
  worst.flatMap(({ certified, epsilon }) => (certified ? [{ ...certified, epsilon }] : []));

/** What attacks leave that do not know of the model's defences, where it has some. */
export const unadaptedPoints = ({ defence }: Evaluation): readonly (Accuracy & { readonly epsilon: number })[] =>
  defence?.unadapted ?? [];

/** The points, one series for each attack and norm, in order of first appearance. */
export function seriesOf({ points }: Evaluation): Series[] {
  const series = new Map<string, Point[]>();
  for (const point of points) {
    const name = `${printable(point.attack, 40)} ${NORM_SYMBOL[point.norm]}`;
    const sameName = series.get(name);
    if (sameName) sameName.push(point);
    else series.set(name, [point]);
  }
  return Array.from(series, ([name, points]) => ({ name, points }));
}

/** Whether the points of one attack do not say it all: what proofs found, and what a defence claims, is counted as `worst` is. */
const isOnlyInWorst = (evaluation: Evaluation): boolean =>
  evaluation.defence !== undefined || foundByProofs(evaluation);

/** Whether proofs found inputs of another class that no attack of the run had found. */
export const foundByProofs = ({ certified }: Evaluation): boolean =>
  certified?.methods.some(({ fooled }) => fooled > 0) ?? false;

/** Robust accuracy at each ε beyond 0, where it is not that of the only attack. */
export const robustPoints = (evaluation: Evaluation): readonly (Accuracy & { readonly epsilon: number })[] =>
  seriesOf(evaluation).length === 1 && !isOnlyInWorst(evaluation) ? [] : beyondClean(evaluation.worst);

/** What a report says first, for each ε: robust accuracy; with one attack alone, its own counts at each ε by itself. */
export const headlineOf = (evaluation: Evaluation): readonly (Accuracy & { readonly epsilon: number })[] =>
  evaluation.options.attacks.length === 1 && !isOnlyInWorst(evaluation) ? evaluation.points : evaluation.worst;

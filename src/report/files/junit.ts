import { sameEpsilon } from "../../evaluate/results/statistics.ts";
import type { Accuracy, Evaluation } from "../../evaluate.ts";
import {
  beyondClean,
  certifiedPoints,
  formatCount,
  formatEpsilon,
  formatInterval,
  formatPercent,
  formatShortfall,
  intervalName,
  NORM_SYMBOL,
  samplesWords,
} from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { CERTIFIED_ACCURACY } from "../words.ts";

/**
 * The result in the XML of JUnit, as build servers show it: a suite with a test for the clean accuracy and one for the robust
 * accuracy at each ε, and where the run certifies one for the certified accuracy, which fails where a gate of the evaluation was not met. Warnings are the suite's error output.
 */
export function toJunit(evaluation: Evaluation): string {
  const { model, data, options, clean, worst, gates, warnings, cost, date } = evaluation;
  const group = `perturb.${model.name}.${data.name}`;
  const failureAt = (at: number, isCertified: boolean): string | null => {
    const failed = gates.filter(
      ({ epsilon, met, certified = false }) => !met && certified === isCertified && sameEpsilon(epsilon, at),
    );
    if (isCertified) return failed.length === 0 ? null : failed.map(formatShortfall).join("; ");
    const k = worst.findIndex(({ epsilon }) => epsilon === at);
    return failed.length === 0 ? null : `${failed.map(formatShortfall).join("; ")}${strongest(evaluation, k)}`;
  };
  const tests = beyondClean(worst).map((point) => ({
    name: `${NORM_SYMBOL[options.norm]} ε = ${formatEpsilon(point.epsilon)}`,
    text: describe(point, evaluation),
    failure: failureAt(point.epsilon, false),
  }));
  const proofs = certifiedPoints(evaluation).map((point) => ({
    name: `${CERTIFIED_ACCURACY}, ${NORM_SYMBOL[options.norm]} ε = ${formatEpsilon(point.epsilon)}`,
    text: describe(point, evaluation),
    failure: failureAt(point.epsilon, true),
  }));
  // A gate at ε = 0 is one on the clean accuracy.
  const all = [{ name: "clean", text: describe(clean, evaluation), failure: failureAt(0, false) }, ...tests, ...proofs];
  const counts = html`tests="${all.length}" failures="${all.filter((test) => test.failure !== null).length}" errors="0"`;
  const time = cost.seconds.toFixed(3);
  const properties = {
    model: model.name,
    sha256: model.sha256,
    data: `${data.name}, ${samplesWords(data)}`,
    attacks: options.attacks.join(", "),
    norm: options.norm,
    target: options.target,
    seed: options.seed,
    version: evaluation.tool.version,
  };
  return `<?xml version="1.0" encoding="UTF-8"?>
${
  html`<testsuites name="perturb" ${counts} time="${time}">
  <testsuite name="${group}" ${counts} skipped="0" time="${time}" timestamp="${date.replace(/(\.\d+)?Z$/, "")}">
    <properties>
${Object.entries(properties).map(([name, value]) => (value === null ? null : html`      <property name="${name}" value="${value}"/>\n`))}    </properties>
${all.map((test) => testcase(group, test))}    <system-err>${lines(warnings.map(({ message }) => `warning: ${message}`))}</system-err>
  </testsuite>
</testsuites>
`.text
}`;
}

const testcase = (group: string, { name, text, failure }: { name: string; text: string; failure: string | null }) =>
  html`    <testcase classname="${group}" name="${name}" time="0">
${failure === null ? null : html`      <failure message="${failure}" type="accuracy">${failure}</failure>\n`}      <system-out>${text}</system-out>
    </testcase>
`;

/** Texts on lines of their own: escaping takes line ends inside a text for control characters. */
const lines = (texts: readonly string[]): Markup[] => texts.map((text) => html`${text}\n`);

const describe = ({ correct, total, accuracy, ci95 }: Accuracy, evaluation: Evaluation): string =>
  `accuracy ${formatPercent(accuracy)}: ${formatCount(correct)} of ${formatCount(total)}, ${intervalName(evaluation)} ${formatInterval(ci95)}`;

/** The attack that was the first to fool most samples up to this ε. */
function strongest({ attacks }: Evaluation, k: number): string {
  const counts = attacks.map(({ attack, fooled }) => ({
    attack,
    count: fooled.slice(0, k + 1).reduce((sum, n) => sum + n, 0),
  }));
  const most = counts.reduce((best, next) => (next.count > best.count ? next : best), { attack: "", count: 0 });
  return most.count === 0 ? "" : `; ${most.attack} fooled most, ${formatCount(most.count)} samples`;
}

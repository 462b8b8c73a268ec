import type { TopLevelSpec } from "vega-lite";
import type { Evaluation } from "../../evaluate.ts";
import {
  beyondClean,
  certifiedPoints,
  formatCount,
  formatEpsilon,
  formatPercent,
  intervalName,
  printable,
  seriesOf,
} from "../format.ts";
import { PALETTES, plotConfig, type Theme } from "../theme.ts";
import { CERTIFIED_ACCURACY } from "../words.ts";
import { ACCURACY, epsilonAxis, FEW, type PlotSpec, SCHEMA } from "./plot.ts";
import { dimensionPlot, linearityPlot } from "./rise-plots.ts";

/** The plots of an evaluation, by name; those of the linear explanation are missing where it was not measured. */
export interface Plots<T = PlotSpec> {
  readonly accuracy: T;
  readonly linearity?: T;
  readonly dimensions?: T;
}

export function plotsOf(evaluation: Evaluation, theme: Theme = "light"): Plots {
  const linearity = linearityPlot(evaluation, theme);
  const dimensions = dimensionPlot(evaluation, theme);
  return {
    accuracy: accuracyPlot(evaluation, theme),
    ...(linearity && { linearity }),
    ...(dimensions && { dimensions }),
  };
}

export { dimensionPlot, linearityPlot } from "./rise-plots.ts";

/** Accuracy against ε, from the clean accuracy at ε = 0 on: a line for each attack and norm, with its 95% interval. */
export const accuracyPlot = (evaluation: Evaluation, theme: Theme = "light"): PlotSpec =>
  accuracyPlots([evaluation], theme);

/**
 * The accuracy of one or several models on the same data and in the same norm, in one plot. Each point carries its text
 * as `aria-label`.
 */
export function accuracyPlots(evaluations: readonly [Evaluation, ...Evaluation[]], theme: Theme = "light"): PlotSpec {
  const [{ data, options }] = evaluations;
  const [only] = evaluations.length === 1 ? evaluations : [];
  const certified = certifiedSeries(evaluations);
  const series = [...namedSeries(evaluations), ...certified];
  const names = series.map(({ name }) => name);
  const values = series.flatMap(({ name, clean, points }) =>
    [{ ...clean, epsilon: 0 }, ...beyondClean(points)].map(({ epsilon, accuracy, ci95: [low, high] }) => ({
      series: name,
      epsilon,
      accuracy,
      low,
      high,
    })),
  );
  const attack = {
    field: "series",
    type: "nominal",
    scale: { domain: names },
    legend: series.length === 1 ? null : {},
  } as const;
  const x = {
    field: "epsilon",
    type: "quantitative",
    scale: { nice: false, zero: true },
    axis: epsilonAxis(values, options.norm),
  } as const;
  const models = distinct(evaluations.map(({ model }) => printable(model.name, 30)));
  const attacks = distinct(evaluations.flatMap((evaluation) => seriesOf(evaluation).map(({ name }) => name)));
  const intervals = intervalName(evaluations[0]);
  const counts = distinct(evaluations.map(({ clean }) => formatCount(clean.total)));
  return {
    $schema: SCHEMA,
    description: `Accuracy against ε: ${evaluations.map(summary).join("; ")}.`,
    width: 600,
    height: 360,
    config: plotConfig(theme),
    title: {
      text: `${models.join(" and ")} on ${printable(data.name, 18)}`,
      subtitle: `${certified.length > 0 ? "certified, and" : "accuracy"} under ${attacks.length === 1 ? attacks[0] : "attack"}, ${counts.join(" and ")} samples, ${intervals}`,
    },
    data: { values },
    encoding: { x, color: attack },
    layer: [
      ...(only && certified.length > 0 ? [openBand(only, theme)] : []),
      {
        mark: { type: "area", opacity: 0.18, aria: false },
        encoding: { y: { ...ACCURACY, field: "low" }, y2: { field: "high" } },
      },
      { mark: { type: "line", strokeWidth: 2, aria: false }, encoding: { y: ACCURACY } },
      {
        mark: { type: "point", filled: true, size: 52, opacity: 1, aria: true },
        encoding: { y: ACCURACY, shape: attack, description: { value: { expr: pointText(intervals) } } },
      },
      ...(series.length === 1 && values.length <= FEW ? [accuracyLabels(theme)] : []),
    ],
  } satisfies TopLevelSpec;
}

/** "fgsm L∞, ε = 0.1: 86.60%, 95% interval 85.92 to 87.25%" */
const pointText = (intervals: string): string =>
  `datum.series + ', ε = ' + format(datum.epsilon, '.4~g') + ': ' + format(datum.accuracy, '.2%') + ', ${intervals} ' + format(100 * datum.low, '.2f') + ' to ' + format(datum.high, '.2%')`;

/** Certified accuracy of each evaluation that has it. */
const certifiedSeries = (evaluations: readonly Evaluation[]) =>
  evaluations.flatMap((evaluation) => {
    const points = beyondClean(certifiedPoints(evaluation));
    const { model, clean } = evaluation;
    const name = evaluations.length === 1 ? CERTIFIED_ACCURACY : `${printable(model.name, 30)}, certified`;
    return points.length === 0 ? [] : [{ name, clean, points }];
  });

const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];

/** The series of all evaluations, named by what tells them apart: the attack, the model, or both. */
function namedSeries(evaluations: readonly Evaluation[]) {
  const all = evaluations.flatMap((evaluation) =>
    seriesOf(evaluation).map(({ name, points }) => ({
      model: evaluation.model.name,
      clean: evaluation.clean,
      name,
      points,
    })),
  );
  if (evaluations.length === 1) return all;
  const oneAttack = distinct(all.map(({ name }) => name)).length === 1;
  return all.map(({ model, name, ...rest }) => {
    const short = printable(model, 30);
    return { ...rest, name: oneAttack ? short : `${short}, ${name}` };
  });
}

/** What is neither proven nor fooled: the accuracy under the strongest attack there is lies in between. */
const openBand = ({ clean, worst }: Evaluation, theme: Theme) =>
  ({
    data: {
      values: [
        { epsilon: 0, proven: clean.accuracy, robust: clean.accuracy },
        ...beyondClean(worst).map(({ epsilon, accuracy, certified }) => ({
          epsilon,
          proven: certified?.accuracy ?? 0,
          robust: accuracy,
        })),
      ],
    },
    mark: { type: "area", opacity: 0.25, aria: false },
    encoding: {
      y: { ...ACCURACY, field: "proven" },
      y2: { field: "robust" },
      color: { value: PALETTES[theme].muted },
    },
  }) as const;

/** The accuracy beside each point, above where the line falls to. */
const accuracyLabels = (theme: Theme) =>
  ({
    mark: { type: "text", align: "left", baseline: "bottom", dx: 6, dy: -5, fontSize: 12 },
    encoding: {
      y: ACCURACY,
      color: { value: PALETTES[theme].muted },
      text: { field: "accuracy", type: "quantitative", format: ".1%" },
    },
  }) as const;

/** The clean accuracy, and that of each attack at its last ε, in words. */
function summary(evaluation: Evaluation): string {
  const last = seriesOf(evaluation).flatMap(({ name, points }) =>
    points
      .slice(-1)
      .map(({ accuracy, epsilon }) => `${formatPercent(accuracy)} at ε = ${formatEpsilon(epsilon)} (${name})`),
  );
  return [`${formatPercent(evaluation.clean.accuracy)} clean`, ...last].join(", ");
}

import type { Evaluation } from "../evaluate.ts";
import { formatCount, formatEpsilon, formatPercent, printable, seriesOf } from "./format.ts";
import { epsilonAxis, FEW, type PlotSpec, SCHEMA } from "./plot.ts";
import { dimensionPlot, linearityPlot } from "./rise-plots.ts";
import { PALETTES, plotConfig, type Theme } from "./theme.ts";

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
export function accuracyPlot(evaluation: Evaluation, theme: Theme = "light"): PlotSpec {
  const { clean, model, data, options } = evaluation;
  const series = seriesOf(evaluation);
  const names = series.map(({ name }) => name);
  const values = series.flatMap(({ name, points }) =>
    [{ ...clean, epsilon: 0 }, ...points].map(({ epsilon, accuracy, ci95: [low, high] }) => ({
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
  return {
    $schema: SCHEMA,
    description: `Accuracy against ε: ${summary(evaluation)}.`,
    width: 600,
    height: 360,
    config: plotConfig(theme),
    title: {
      text: `${printable(model.name, 30)} on ${printable(data.name, 18)}`,
      subtitle: `accuracy under ${names.length === 1 ? names[0] : "attack"}, ${formatCount(clean.total)} samples, 95% interval`,
    },
    data: { values },
    encoding: { x, color: attack },
    layer: [
      { mark: { type: "area", opacity: 0.18 }, encoding: { y: { ...ACCURACY, field: "low" }, y2: { field: "high" } } },
      { mark: { type: "line", strokeWidth: 2 }, encoding: { y: ACCURACY } },
      { mark: { type: "point", filled: true, size: 52, opacity: 1 }, encoding: { y: ACCURACY, shape: attack } },
      ...(series.length === 1 && values.length <= FEW ? [accuracyLabels(theme)] : []),
    ],
  };
}

const ACCURACY = {
  field: "accuracy",
  type: "quantitative",
  scale: { domain: [0, 1] as number[] },
  axis: { title: "accuracy", format: ".0%", values: [0, 0.2, 0.4, 0.6, 0.8, 1] as number[] },
} as const;

/** The accuracy beside each point, above where the line falls to. */
const accuracyLabels = (theme: Theme) =>
  ({
    mark: { type: "text", align: "left", baseline: "bottom", dx: 6, dy: -5, fontSize: 11 },
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
  return [`${formatPercent(evaluation.clean.accuracy)} when clean`, ...last].join(", ");
}

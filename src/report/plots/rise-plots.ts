import type { TopLevelSpec } from "vega-lite";
import type { Linearity } from "../../evaluate/linear/contract.ts";
import type { Evaluation } from "../../evaluate.ts";
import { formatCount, formatEpsilon } from "../format.ts";
import { PALETTES, plotConfig, type Theme } from "../theme.ts";
import { epsilonAxis, FEW, type PlotSpec, SCHEMA } from "./plot.ts";

/** The rise of the loss against ε: as the gradient predicts it, with the bounds, and as measured; or null. */
export function linearityPlot({ linearity, options }: Evaluation, theme: Theme = "light"): PlotSpec | null {
  if (!linearity || linearity.points.length === 0) return null;
  const points = [{ epsilon: 0, predicted: 0, predictedClipped: 0, measured: 0 }, ...linearity.points];
  const values = points.flatMap(({ epsilon, predicted, predictedClipped, measured }) => [
    { series: "predicted", epsilon, rise: predicted },
    { series: "predicted, clipped", epsilon, rise: predictedClipped },
    { series: "measured", epsilon, rise: measured },
  ]);
  const axis = epsilonAxis(points, options.norm);
  return {
    ...riseFrame(linearity, theme, "How linear is the loss?", ""),
    data: { values },
    encoding: {
      x: { field: "epsilon", type: "quantitative", scale: { nice: false }, axis },
      y: { field: "rise", type: "quantitative", axis: { title: "rise of the loss", format: "~g" } },
    },
    layer: [
      riseLines(theme, ["predicted", "predicted, clipped", "measured"], "', ε = ' + format(datum.epsilon, '.4~g')"),
    ],
  } satisfies TopLevelSpec;
}

/** The rise of the loss against the free dimensions of the perturbation, both axes logarithmic; or null. */
export function dimensionPlot({ linearity }: Evaluation, theme: Theme = "light"): PlotSpec | null {
  if (!linearity) return null;
  const values = linearity.dimensions
    .flatMap(({ dimensions, epsilon, predicted, measured, random }) => [
      { series: "predicted", dimensions, epsilon, rise: predicted },
      { series: "measured", dimensions, epsilon, rise: measured },
      { series: "random direction", dimensions, epsilon, rise: random },
    ])
    // A logarithmic axis has no place for a loss that fell.
    .filter(({ rise, dimensions }) => rise > 0 && dimensions > 0);
  if (values.length === 0) return null;
  const epsilons = [...new Set(values.map(({ epsilon }) => epsilon))];
  const ticks = [...new Set(values.map(({ dimensions }) => dimensions))];
  const axis = { title: "free dimensions of the perturbation", format: ",d" };
  return {
    ...riseFrame(
      linearity,
      theme,
      "Does the rise grow with dimension?",
      epsilons.length === 1 ? `, ε = ${formatEpsilon(epsilons[0]!)}` : "",
    ),
    data: { values },
    encoding: {
      x: {
        field: "dimensions",
        type: "quantitative",
        scale: { type: "log", nice: false },
        axis: ticks.length <= FEW ? { ...axis, values: ticks } : axis,
      },
      y: {
        field: "rise",
        type: "quantitative",
        scale: { type: "log" },
        axis: { title: "rise of the loss", format: "~g", values: decades(values.map(({ rise }) => rise)) },
      },
      detail: { field: "epsilon" },
    },
    layer: [
      riseLines(
        theme,
        ["predicted", "measured", "random direction"],
        "', ' + format(datum.dimensions, ',') + ' free dimensions, ε = ' + format(datum.epsilon, '.4~g')",
      ),
      ...(epsilons.length === 1 ? [] : [epsilonLabels(Math.max(...ticks), theme)]),
    ],
  } satisfies TopLevelSpec;
}

const riseFrame = ({ samples }: Linearity, theme: Theme, title: string, fixed: string) => {
  const subtitle = `rise of the loss, mean of ${formatCount(samples)} samples${fixed}`;
  return {
    $schema: SCHEMA,
    description: `${title} The ${subtitle}.`,
    width: 600,
    height: 300,
    config: plotConfig(theme),
    title: { text: title, subtitle },
  };
};

// What is measured is drawn through, what is predicted is dashed; the same in all plots.
const RISE_STYLES = {
  predicted: { color: "series-1", dash: [6, 4] },
  "predicted, clipped": { color: "series-3", dash: [2, 3] },
  measured: { color: "series-2", dash: [1, 0] },
  "random direction": { color: "series-6", dash: [1, 0] },
} as const;

/** A line with points for each of the series, in the colour and dash of what it is; `where` is the text of a point's place. */
function riseLines(theme: Theme, domain: (keyof typeof RISE_STYLES)[], where: string) {
  const field = { field: "series", type: "nominal", legend: { symbolType: "stroke", symbolSize: 400 } } as const;
  const colors = domain.map((name) => PALETTES[theme][RISE_STYLES[name].color]);
  const dashes = domain.map((name) => [...RISE_STYLES[name].dash]);
  return {
    mark: { type: "line", strokeWidth: 2, aria: false, point: { size: 44, aria: true } } as const,
    encoding: {
      color: { ...field, scale: { domain, range: colors } },
      strokeDash: { ...field, scale: { domain, range: dashes } },
      description: { value: { expr: `datum.series + ${where} + ': ' + format(datum.rise, ',.3r')` } },
    },
  };
}

/** Labels at the end of the measured lines, where there is a line for each of several ε. */
const epsilonLabels = (last: number, theme: Theme) => ({
  transform: [{ filter: `datum.dimensions === ${last} && datum.series === "measured"` }],
  mark: { type: "text", align: "left", dx: 8 } as const,
  encoding: {
    text: { field: "epsilon", type: "quantitative", format: ".4~g" } as const,
    color: { value: PALETTES[theme].muted },
  },
});

/** The powers of ten from just below to just above these values. */
function decades(values: readonly number[]): number[] {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  return Array.from({ length: high - low + 1 }, (_, i) => Number(`1e${low + i}`));
}

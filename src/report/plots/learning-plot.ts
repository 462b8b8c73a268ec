import type { TopLevelSpec } from "vega-lite";
import type { HardenEpoch, Validation } from "../../harden.ts";
import { plotConfig, type Theme } from "../theme.ts";
import { ACCURACY, FEW, type PlotSpec, SCHEMA } from "./plot.ts";

/** What was counted of the samples held out, by its name: clean, under FGSM and PGD-10, and what methods that train for proofs or for noise count. */
export const heldOut = ({ clean, fgsm, pgd, certified, smoothed }: Validation) => [
  { series: "clean", correct: clean },
  { series: "FGSM", correct: fgsm },
  { series: "PGD-10", correct: pgd },
  ...(certified === undefined ? [] : [{ series: "by bounds", correct: certified }]),
  ...(smoothed === undefined ? [] : [{ series: "smoothed", correct: smoothed }]),
];

/** Accuracy on the samples held out against the epoch. */
export function learningPlot(history: readonly HardenEpoch[], theme: Theme = "light"): PlotSpec {
  const values = history.flatMap(({ epoch, validation }) =>
    heldOut(validation).map(({ series, correct }) => ({ series, epoch, accuracy: correct / validation.total })),
  );
  const names = [...new Set(values.map(({ series }) => series))];
  const epochs = history.map(({ epoch }) => epoch);
  const color = { field: "series", type: "nominal", scale: { domain: names }, legend: {} } as const;
  return {
    $schema: SCHEMA,
    description: "Accuracy on the samples held out after each epoch.",
    width: 600,
    height: 300,
    config: plotConfig(theme),
    title: { text: "Accuracy after each epoch", subtitle: `${history[0]?.validation.total ?? 0} samples held out` },
    data: { values },
    encoding: {
      x: {
        field: "epoch",
        type: "quantitative",
        scale: { nice: false, zero: true },
        // Where the format is of whole numbers, Vega leaves ticks out by a step of 1 or more: with 3 epochs, the second.
        axis: {
          title: "epoch",
          format: "d",
          ...(epochs.length <= FEW ? { values: epochs, tickMinStep: 0.5 } : { tickMinStep: 1 }),
        },
      },
      y: ACCURACY,
      color,
    },
    layer: [
      { mark: { type: "line", strokeWidth: 2, aria: false } },
      {
        mark: { type: "point", filled: true, size: 44, opacity: 1, aria: true },
        encoding: { shape: color, description: { value: { expr: POINT_TEXT } } },
      },
    ],
  } satisfies TopLevelSpec;
}

/** "PGD-10, epoch 3: 91.20%" */
const POINT_TEXT = "datum.series + ', epoch ' + datum.epoch + ': ' + format(datum.accuracy, '.2%')";

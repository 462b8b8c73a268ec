import type { TopLevelSpec } from "vega-lite";
import type { LinearView } from "../../evaluate/linear/along.ts";
import { formatCount, NORM_SYMBOL, printable } from "../format.ts";
import { PALETTES, plotConfig, type Theme } from "../theme.ts";
import { type PlotSpec, SCHEMA } from "./plot.ts";

export interface AlongPlotOptions {
  readonly label: number;
  /** The class to show beside the label; by default what the model says at ε along the gradient. */
  readonly prediction?: number;
  readonly classNames?: readonly string[] | null;
  readonly theme?: Theme;
  /** Panels side by side: 2, or 1 for narrow places, where one stands below the other. */
  readonly columns?: 1 | 2;
  /** Pixels of one panel, without its axes. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** Classes that are drawn, and of them those that are named at the ends of their lines, beside label and prediction. */
const MOST = 12;
const NAMED = 3;
/** Names this near to each other, as a share of the height, would overlap. */
const SPACING = 0.05;
const SIZE = { width: 280, height: 300 };

/** The logits of each class against ε, along the steepest direction and beside it along a random one. */
export function alongPlot(view: LinearView, options: AlongPlotOptions): PlotSpec {
  const { label, prediction = largest(view.gradient.at(-1)!), theme = "light", columns = 2 } = options;
  const { ink, muted, line, ...palette } = PALETTES[theme];
  const nameOf = (c: number): string => printable(options.classNames?.[c] || String(c), 20);
  const roles = [`label: ${nameOf(label)}`, `prediction: ${nameOf(prediction)}`, "other classes"] as const;
  const roleOf = (c: number): string => (c === label ? roles[0] : c === prediction ? roles[1] : roles[2]);
  const panels = [
    { panel: `Along ${view.directions.gradient}`, lines: view.gradient },
    { panel: `Along ${view.directions.random}`, lines: view.random },
  ];
  const drawn = drawnClasses(view, [prediction, label]);
  const values = panels.flatMap(({ panel, lines }) => {
    const named = namedClasses(lines.at(-1)!, drawn, [prediction, label], spanOf(view, drawn));
    return drawn.flatMap((c) =>
      view.epsilons.map((epsilon, k) => ({
        panel,
        class: nameOf(c),
        index: c,
        role: roleOf(c),
        epsilon,
        logit: lines[k]![c]!,
        ...(k === lines.length - 1 && named.has(c) && { name: nameOf(c) }),
      })),
    );
  });
  const classes = view.gradient[0]!.length;
  const some =
    drawn.length < classes ? `the ${drawn.length} largest of ${formatCount(classes)} classes` : "all classes";
  const title = "How linear are the logits?";
  const x = {
    type: "quantitative",
    scale: { nice: false },
    axis: { title: `ε (${NORM_SYMBOL[view.norm]})`, format: ".4~g", tickCount: 5 },
  } as const;
  const y = { field: "logit", type: "quantitative", scale: { zero: false } } as const;
  // A sample that keeps its label has no second colour.
  const only = <T>(all: readonly [T, T, T]): T[] => (label === prediction ? [all[0], all[2]] : [...all]);
  const color = {
    field: "role",
    type: "nominal",
    scale: { domain: only(roles), range: only([palette["series-1"], palette["series-2"], muted]) },
    legend: {
      symbolType: "stroke",
      symbolSize: 400,
      direction: columns === 1 ? "vertical" : "horizontal",
    },
  } as const;
  const axes = { x: { ...x, field: "epsilon" }, y, color } as const;
  return {
    $schema: SCHEMA,
    description: `${title} Logits of ${some} against ε, along ${view.directions.gradient} and along ${view.directions.random}.`,
    config: plotConfig(theme),
    title: {
      text: title,
      subtitle: `${nameOf(label)} → ${nameOf(prediction)}, ${some}`,
    },
    data: { values },
    facet: {
      field: "panel",
      type: "nominal",
      sort: panels.map(({ panel }) => panel),
      header: { title: null, labelColor: ink, labelFontSize: 12, labelAnchor: "start", labelPadding: 8 },
    },
    columns,
    spacing: 40,
    spec: {
      ...(options.size ?? SIZE),
      layer: [
        { data: { values: [{}] }, mark: { type: "rule", color: line }, encoding: { x: { ...x, datum: 0 } } },
        ...[
          { filter: `datum.index !== ${label} && datum.index !== ${prediction}`, strokeWidth: 1 },
          { filter: `datum.index === ${label} || datum.index === ${prediction}`, strokeWidth: 2.5 },
        ].map(({ filter, strokeWidth }) => ({
          transform: [{ filter }],
          mark: { type: "line", strokeWidth } as const,
          encoding: {
            ...axes,
            detail: { field: "index" },
            tooltip: { field: "class", type: "nominal", title: "class" } as const,
          },
        })),
        {
          transform: [{ filter: "isValid(datum.name)" }],
          mark: { type: "text", align: "left", dx: 5, fontSize: 12 },
          encoding: { ...axes, text: { field: "name", type: "nominal" } },
        },
      ],
    },
  } satisfies TopLevelSpec;
}

const largest = (logits: readonly number[]): number => logits.reduce((best, z, c) => (z > logits[best]! ? c : best), 0);

/** The classes `kept`, and of the others those whose logit is the largest anywhere; the kept ones last, to lie on top. */
function drawnClasses({ gradient, random }: LinearView, kept: readonly number[]): number[] {
  const heights = gradient[0]!.map((_, c) => Math.max(...gradient.map((z) => z[c]!), ...random.map((z) => z[c]!)));
  const others = [...heights.keys()].filter((c) => !kept.includes(c)).sort((a, b) => heights[b]! - heights[a]!);
  const top = [...new Set(kept)];
  return [...others.slice(0, MOST - top.length).reverse(), ...top];
}

/** How far the logits reach that are drawn. */
function spanOf({ gradient, random }: LinearView, drawn: readonly number[]): number {
  const values = [...gradient, ...random].flatMap((z) => drawn.map((c) => z[c]!));
  return Math.max(...values) - Math.min(...values);
}

/** The classes to name where their lines end: those `kept`, and the largest few of the others, as far as there is room. */
function namedClasses(
  ends: readonly number[],
  drawn: readonly number[],
  kept: readonly number[],
  span: number,
): Set<number> {
  const others = drawn.filter((c) => !kept.includes(c)).sort((a, b) => ends[b]! - ends[a]!);
  const named = new Set<number>();
  for (const c of [...kept, ...others.slice(0, NAMED)])
    if ([...named].every((other) => Math.abs(ends[c]! - ends[other]!) >= SPACING * span)) named.add(c);
  return named;
}

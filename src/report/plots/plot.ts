import type { NormName } from "../../norm.ts";
import { NORM_SYMBOL } from "../format.ts";
import type { PlotConfig } from "../theme.ts";

/**
 * A Vega-Lite plot (version 6) that holds its own data, as JSON. Where one is made, Vega-Lite's own types check it; they stay out of
 * this one, because they do not compile in a strict project.
 */
export interface PlotSpec {
  readonly $schema: string;
  readonly description?: string;
  readonly config?: PlotConfig;
  readonly [property: string]: unknown;
}

export const SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json";

// More values than this crowd the axis or the line: then Vega chooses the ticks, and points go without a label.
export const FEW = 12;

/** The horizontal axis of ε, with a tick at each point. */
export function epsilonAxis(points: readonly { readonly epsilon: number }[], norm: NormName) {
  const values = [...new Set(points.map(({ epsilon }) => epsilon))];
  return { title: `ε (${NORM_SYMBOL[norm]})`, format: ".4~g", ...(values.length <= FEW && { values }) };
}

/** The vertical axis of accuracy. */
export const ACCURACY = {
  field: "accuracy",
  type: "quantitative",
  scale: { domain: [0, 1] as number[] },
  axis: { title: "accuracy", format: ".0%", values: [0, 0.2, 0.4, 0.6, 0.8, 1] as number[] },
} as const;

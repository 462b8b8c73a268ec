import type { PlotSpec } from "./plot.ts";

type VegaModules = readonly [typeof import("vega-lite"), typeof import("vega"), typeof import("vega-interpreter")];

/** Loads Vega, which takes longer than to draw with it. */
export const loadVega = (): Promise<VegaModules> =>
  Promise.all([import("vega-lite"), import("vega"), import("vega-interpreter")] as const);

/**
 * A plot as SVG text: the same text for the same plot. Needs no DOM, and no leave to make code from text: expressions are
 * interpreted, because the policy of a page may forbid `eval`.
 */
export async function toSvg(plot: PlotSpec): Promise<string> {
  const [{ compile }, { parse, View }, { expressionInterpreter: expr }] = await loadVega();
  return new View(parse(compile(plot).spec, undefined, { ast: true }), { renderer: "none", expr }).toSVG();
}

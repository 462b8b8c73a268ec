import type { PlotSpec } from "./plot.ts";

/** Loads Vega, which takes longer than to draw with it. */
export const loadVega = (): Promise<[typeof import("vega-lite"), typeof import("vega")]> =>
  Promise.all([import("vega-lite"), import("vega")]);

/** A plot as SVG text: the same text for the same plot. Needs no DOM. */
export async function toSvg(plot: PlotSpec): Promise<string> {
  const [{ compile }, { parse, View }] = await loadVega();
  return new View(parse(compile(plot).spec), { renderer: "none" }).toSVG();
}

import type { TopLevelSpec } from "vega-lite";
import type { PlotSpec } from "./plot.ts";

const vega = () => Promise.all([import("vega-lite"), import("vega"), import("vega-interpreter")] as const);

/** Loads Vega, which takes longer than to draw with it. */
export const loadVega = async (): Promise<void> => void (await vega());

/**
 * A plot as SVG text: the same text for the same plot. Needs no DOM, and no leave to make code from text: expressions are
 * interpreted, because the policy of a page may forbid `eval`.
 */
export async function toSvg(plot: PlotSpec): Promise<string> {
  const [{ compile }, { parse, View }, { expressionInterpreter: expr }] = await vega();
  return new View(parse(compile(plot as object as TopLevelSpec).spec, undefined, { ast: true }), {
    renderer: "none",
    expr,
  }).toSVG();
}

import { wrap } from "comlink";
import type { PlotSpec } from "../../../src/report/plot.ts";
import type { Plotter } from "./plots.worker.ts";

let plotter: ReturnType<typeof wrap<Plotter>> | undefined;

/** A plot as SVG text. Vega is loaded by the first, in a thread of its own. */
export function drawPlot(spec: PlotSpec): Promise<string> {
  plotter ??= wrap<Plotter>(
    new Worker(new URL("./plots.worker.ts", import.meta.url), { type: "module", name: "plots" }),
  );
  return plotter.draw(spec);
}

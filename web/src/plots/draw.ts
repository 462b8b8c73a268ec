import type { PlotSpec } from "../../../src/report/plots/plot.ts";
import { remote } from "../remote.ts";
import type { Plotter } from "./plots.worker.ts";

let plotter: ReturnType<typeof remote<Plotter>> | undefined;

/** A plot as SVG text. Vega is loaded by the first, in a thread of its own. */
export function drawPlot(spec: PlotSpec): Promise<string> {
  plotter ??= remote<Plotter>(
    new Worker(new URL("./plots.worker.ts", import.meta.url), { type: "module", name: "plots" }),
  );
  return plotter.draw(spec);
}

import { expose } from "comlink";
import { toSvg } from "../../../src/report/plots/vega.ts";

/** What the worker of plots does: a plot as SVG text. */
export interface Plotter {
  readonly draw: typeof toSvg;
}

expose({ draw: toSvg } satisfies Plotter);

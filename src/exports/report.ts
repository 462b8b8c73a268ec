/**
 * An evaluation as text, JSON, CSV, plots and a page. Writing it all to a folder is in "perturb/node".
 * @module
 */

export { toCsv } from "../report/files/csv.ts";
export { readReport, toJson } from "../report/files/json.ts";
export { toJunit } from "../report/files/junit.ts";
export { exampleArrays } from "../report/files/npz.ts";
export { type SampleTable, type Tabulator, tabulate } from "../report/files/sample-table.ts";
export {
  type ColumnType,
  readSamples,
  SAMPLE_COLUMNS,
  SAMPLES_HEADER,
  type SampleColumn,
  sampleLine,
} from "../report/files/samples.ts";
export { evaluationSchema, reportJsonSchema } from "../report/files/schema.ts";
export { type PageOptions, toHtml } from "../report/page/html.ts";
export { type PageScript, pageScript } from "../report/page/script.ts";
export { type AttackStrip, attackSvg } from "../report/pictures/attack-strip.ts";
export { examplesSvg } from "../report/pictures/examples.ts";
export { type Pixels, toPixels } from "../report/pictures/picture.ts";
export { encodePng } from "../report/pictures/png.ts";
export { type SaliencyStrip, saliencySvg } from "../report/pictures/saliency.ts";
export { type AlongPlotOptions, alongPlot } from "../report/plots/along-plot.ts";
export type { PlotSpec } from "../report/plots/plot.ts";
export { type Plots, plotsOf } from "../report/plots/plots.ts";
export { toSvg } from "../report/plots/vega.ts";
export { type CurveSize, type TableStyle, toCurve, toTable } from "../report/terminal/terminal.ts";
export type { PlotConfig, Theme } from "../report/theme.ts";

/**
 * An evaluation as text, JSON, CSV, plots and a page. Writing it all to a folder is in "perturb/node".
 * @module
 */
export { type AlongPlotOptions, alongPlot } from "../report/along-plot.ts";
export { type AttackStrip, attackSvg } from "../report/attack-strip.ts";
export { toCsv } from "../report/csv.ts";
export { examplesSvg } from "../report/examples.ts";
export { type PageOptions, toHtml } from "../report/html.ts";
export { readReport, toJson } from "../report/json.ts";
export { type JunitOptions, toJunit } from "../report/junit.ts";
export { exampleArrays } from "../report/npz.ts";
export { type PageScript, pageScript } from "../report/page/script.ts";
export { type Pixels, toPixels } from "../report/picture.ts";
export { type Plots, plotsOf } from "../report/plots.ts";
export { encodePng } from "../report/png.ts";
export { type SaliencyStrip, saliencySvg } from "../report/saliency.ts";
export { type SampleTable, type Tabulator, tabulate } from "../report/sample-table.ts";
export { readSamples, SAMPLE_COLUMNS, SAMPLES_HEADER, type SampleColumn, sampleLine } from "../report/samples.ts";
export { evaluationSchema, reportJsonSchema } from "../report/schema.ts";
export { type CurveSize, toCurve, toTable } from "../report/terminal.ts";
export type { Theme } from "../report/theme.ts";
export { toSvg } from "../report/vega.ts";

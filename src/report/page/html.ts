import type { EvaluationResult } from "../../evaluate.ts";
import type { SampleTable } from "../files/sample-table.ts";
import { printable } from "../format.ts";
import { html, jsonData, trusted } from "../markup.ts";
import { exampleRows } from "../pictures/examples.ts";
import { type Plots, plotsOf } from "../plots/plots.ts";
import type { Drawing } from "../plots/vega.ts";
import { accuracySection } from "./accuracy.ts";
import { attacksSection } from "./attacks.ts";
import { certifiedSection } from "./certified.ts";
import { type ReportData, reportData } from "./data.ts";
import { examplesSection } from "./examples.ts";
import { headline } from "./headline.ts";
import { labelsSection } from "./labels.ts";
import { linearitySection } from "./linearity.ts";
import { matrixSection } from "./matrix.ts";
import { samplesSection } from "./samples.ts";
import type { PageScript } from "./script.ts";
import { costSection, reproduceSection, settingSection, warningsSection } from "./setting.ts";
import { STYLE } from "./style.ts";
import { scrollNote } from "./table.ts";

export interface PageOptions {
  /** The plots of `plotsOf(evaluation)`, drawn in the light theme by `toSvg`. */
  readonly svgs: Plots<string>;
  /** The same for narrow windows: see `draw`. Without them the plots are drawn smaller there. */
  readonly narrow?: Partial<Plots<string>> | undefined;
  /** The command line that gives the same result; without one, the page names none. */
  readonly command?: string | undefined;
  /** The records of the samples; without them the page says nothing of single samples. */
  readonly samples?: SampleTable | undefined;
  /** What makes the page interactive; without it nothing in it runs. */
  readonly page?: PageScript | undefined;
}

// Nothing is loaded, and nothing runs but the script of the page: it may be opened from anywhere.
const policy = (page: PageScript | undefined): string =>
  `default-src 'none'; style-src 'unsafe-inline'; img-src data:;${page ? ` script-src '${page.source}';` : ""} base-uri 'none'; form-action 'none'`;

/** report.html: one page that holds all of a result, needs no script and no network, and is light or dark as preferred. */
export function toHtml(result: EvaluationResult, { svgs, narrow = {}, command, samples, page }: PageOptions): string {
  const { evaluation } = result;
  const examples = exampleRows(result);
  const drawing = (name: keyof Plots): Drawing | undefined => {
    const [wide, small] = [svgs[name], narrow[name]];
    return wide === undefined ? undefined : { wide, ...(small !== undefined && { narrow: small }) };
  };
  const specs = Object.entries(plotsOf(evaluation)).map(
    ([name, spec]) => html`<script type="application/json" id="vega-lite-${name}">${jsonData(spec)}</script>\n`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy(page))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${printable(evaluation.model.name, 120)} on ${printable(evaluation.data.name, 120)}: robustness report</title>
<style>${trusted(STYLE)}</style>${page ? html`\n<style>${trusted(page.style)}</style>` : null}
</head>
<body>
<main>
${headline(evaluation)}
${warningsSection(evaluation)}
${scrollNote}
${accuracySection(evaluation, drawing("accuracy")!)}
${labelsSection(evaluation)}
${attacksSection(evaluation)}
${certifiedSection(evaluation)}
${examplesSection(evaluation, examples)}
${matrixSection(evaluation)}
${linearitySection(evaluation, drawing("linearity"), drawing("dimensions"))}
${samples ? samplesSection(samples) : null}
${settingSection(evaluation)}
${costSection(evaluation)}
${command === undefined ? null : reproduceSection(command)}
</main>
<footer>The plots of this page are in it as Vega-Lite specifications: <code>script[type="application/json"]</code>.</footer>
${specs}${page ? scripts(page, reportData(result, examples, samples ?? null)) : null}</body>
</html>
`.text;
}

const scripts = (
  { script }: PageScript,
  data: ReportData,
) => html`<script type="application/json" id="report-data">${jsonData(data)}</script>
<script>${trusted(script)}</script>
`;

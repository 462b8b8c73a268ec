import type { EvaluationResult } from "../evaluate.ts";
import { printable } from "./format.ts";
import { html, jsonData, trusted } from "./markup.ts";
import { accuracySection } from "./page/accuracy.ts";
import { attacksSection } from "./page/attacks.ts";
import { examplesSection } from "./page/examples.ts";
import { headline } from "./page/headline.ts";
import { linearitySection } from "./page/linearity.ts";
import { matrixSection } from "./page/matrix.ts";
import { costSection, reproduceSection, settingSection, warningsSection } from "./page/setting.ts";
import { STYLE } from "./page/style.ts";
import { type Plots, plotsOf } from "./plots.ts";

export interface PageOptions {
  /** The plots of `plotsOf(evaluation)`, drawn in the light theme by `toSvg`. */
  readonly svgs: Plots<string>;
  /** The command line that gives the same result. */
  readonly command: string;
}

// Nothing is loaded, nothing runs: the page may be opened from anywhere.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** report.html: one page that holds all of a result, needs no script and no network, and is light or dark as preferred. */
export function toHtml(result: EvaluationResult, { svgs, command }: PageOptions): string {
  const { evaluation } = result;
  const specs = Object.entries(plotsOf(evaluation)).map(
    ([name, spec]) => html`<script type="application/json" id="vega-lite-${name}">${jsonData(spec)}</script>\n`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${printable(evaluation.model.name, 120)} on ${printable(evaluation.data.name, 120)}: robustness report</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
${headline(evaluation)}
${warningsSection(evaluation)}
${settingSection(evaluation)}
${accuracySection(evaluation, svgs.accuracy)}
${attacksSection(evaluation)}
${examplesSection(result)}
${matrixSection(evaluation)}
${linearitySection(evaluation, svgs)}
${costSection(evaluation)}
${reproduceSection(command)}
</main>
<footer>The plots of this page are in it as Vega-Lite specifications: <code>script[type="application/json"]</code>.</footer>
${specs}</body>
</html>
`.text;
}

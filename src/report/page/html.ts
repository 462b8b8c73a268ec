import type { EvaluationResult } from "../../evaluate.ts";
import type { SampleTable } from "../files/sample-table.ts";
import { printable } from "../format.ts";
import { html } from "../markup.ts";
import { exampleRows } from "../pictures/examples.ts";
import { type Plots, plotsOf } from "../plots/plots.ts";
import type { Drawing } from "../plots/vega.ts";
import { accuracySection } from "./accuracy.ts";
import { attacksSection } from "./attacks.ts";
import { certifiedSection } from "./certified.ts";
import { reportData } from "./data.ts";
import { pageDocument } from "./document.ts";
import { examplesSection } from "./examples.ts";
import { headline } from "./headline.ts";
import { labelsSection } from "./labels.ts";
import { linearitySection } from "./linearity.ts";
import { matrixSection } from "./matrix.ts";
import { samplesSection } from "./samples.ts";
import type { PageScript } from "./script.ts";
import { costSection, reproduceSection, settingSection, warningsSection } from "./setting.ts";
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

/** report.html: one page that holds all of a result, needs no script and no network, and is light or dark as preferred. */
export function toHtml(result: EvaluationResult, { svgs, narrow = {}, command, samples, page }: PageOptions): string {
  const { evaluation } = result;
  const examples = exampleRows(result);
  const drawing = (name: keyof Plots): Drawing | undefined => {
    const [wide, small] = [svgs[name], narrow[name]];
    return wide === undefined ? undefined : { wide, ...(small !== undefined && { narrow: small }) };
  };
  return pageDocument({
    title: `${printable(evaluation.model.name, 120)} on ${printable(evaluation.data.name, 120)}: robustness report`,
    main: html`${headline(evaluation)}
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
${command === undefined ? null : reproduceSection(command)}`,
    plots: { ...plotsOf(evaluation) },
    script: page && { page, data: reportData(result, examples, samples ?? null) },
  });
}

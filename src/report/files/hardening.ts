import { type HardeningReport, hardeningPage, hardeningPlots } from "../page/hardening.ts";
import { draw } from "../plots/vega.ts";

/** report.html of a hardening. */
export async function hardeningHtml(report: HardeningReport): Promise<string> {
  const { comparison, learning } = hardeningPlots(report);
  return hardeningPage(report, { comparison: await draw(comparison), learning: await draw(learning) });
}

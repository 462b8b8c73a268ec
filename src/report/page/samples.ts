import type { SampleTable } from "../files/sample-table.ts";
import { formatCount } from "../format.ts";
import { html, type Markup } from "../markup.ts";

/** What became of each sample. The script fills the place with a table; without it the files beside the page are named. */
export const samplesSection = ({ total }: SampleTable): Markup => html`<section>
<h2>Samples</h2>
<p>What became of each of the ${formatCount(total)} samples is in <code>samples.csv</code> and <code>samples.parquet</code>, beside this page.</p>
<div id="samples"></div>
</section>`;

import type { Evaluation } from "../../evaluate.ts";
import { className, formatEpsilon, formatPercent, printable } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { type ExampleCell, type ExampleRow, pictureUri } from "../pictures/examples.ts";

/** Pictures of adversarial examples, a row for each ε; the script finds them in this order. */
export function examplesSection(evaluation: Evaluation, rows: readonly ExampleRow[]): Markup {
  const name = (index: number) => className(evaluation, index, 24);
  const figure = (epsilon: number, { example, pixels }: ExampleCell): Markup => {
    const [label, prediction] = [name(example.label), name(example.prediction)];
    const file = example.source === undefined ? undefined : printable(example.source);
    const alt = `Sample ${example.index}${file === undefined ? "" : ` (${file})`}, ${epsilon === 0 ? "clean" : `attacked with ε = ${formatEpsilon(epsilon)}`}: label ${label}, predicted ${prediction}.`;
    const { width, height } = pixels;
    return html`<figure class="example"${file === undefined ? null : html` title="${file}"`}><img${width < 112 ? html` class="pixelated"` : null} width="${width}" height="${height}" alt="${alt}" src="${pictureUri(pixels)}"><figcaption>${label} → ${prediction} <span>${formatPercent(example.confidence)}</span></figcaption></figure>
`;
  };
  const row = ({
    series,
    epsilon,
    cells,
  }: ExampleRow): Markup => html`<div><h3>${epsilon === 0 ? "Clean, ε = 0" : `ε = ${formatEpsilon(epsilon)}`}${series === "" ? null : html` <span class="small">${series}</span>`}</h3>
${cells.length === 0 ? html`<p class="small">none</p>` : html`<div class="row">\n${cells.map((cell) => figure(epsilon, cell))}</div>`}</div>
`;
  return html`<section>
<h2>Examples</h2>
<p>The first adversarial examples found at each ε: label → prediction, with the probability that the model gives its prediction.</p>
<div class="examples">
${rows.map(row)}</div>
</section>`;
}

import { html, type Markup } from "../markup.ts";

/** What every table that may scroll is described by; it stands once on the page. */
export const scrollNote = html`<p class="hidden" id="scrolls">Where this table is wider than the page, it scrolls sideways.</p>`;

export interface ScrollTable {
  /** Of the caption; each once on the page. */
  readonly id: string;
  /** What a screen reader calls the part of the page that scrolls. */
  readonly label: string;
  readonly caption: string;
  /** "wide": at least as wide as the page. */
  readonly kind?: "wide" | "matrix";
  readonly head: Markup;
  readonly rows: readonly Markup[];
}

/** A table that scrolls where it is too wide, below its caption, which does not. */
export const scrollTable = ({ id, label, caption, kind, head, rows }: ScrollTable): Markup => html`<div class="table">
<p class="caption" id="${id}">${caption}</p>
<div class="scroll" tabindex="0" role="region" aria-label="${label}" aria-describedby="scrolls"><table${kind ? html` class="${kind}"` : null} aria-labelledby="${id}">
<thead>${head}</thead>
<tbody>
${rows}</tbody>
</table></div></div>`;

import { html, type Markup, trusted } from "../markup.ts";
import type { Drawing } from "../plots/vega.ts";
import { followTheme } from "../theme.ts";

/** A plot drawn in the light theme, in the colours of the page, as wide as its place. `label` says in words what it shows. */
export const plotFigure = ({ wide, narrow }: Drawing, label: string): Markup =>
  narrow === undefined
    ? figure(wide, label, null)
    : html`${figure(wide, label, "plot-wide")}${figure(narrow, label, "plot-narrow")}`;

const figure = (svg: string, label: string, place: string | null): Markup =>
  html`<figure class="plot${place && ` ${place}`}"><div role="img" aria-label="${label}">${trusted(followTheme(svg))}</div></figure>\n`;

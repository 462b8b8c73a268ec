import { printable } from "../format.ts";
import { type Content, html, jsonData, trusted } from "../markup.ts";
import type { PlotSpec } from "../plots/plot.ts";
import type { PageScript } from "./script.ts";
import { STYLE } from "./style.ts";

/** What a page holds. */
export interface PageDocument {
  readonly title: string;
  readonly main: Content;
  /** The plots of the page, by name: they go with it as Vega-Lite specifications. */
  readonly plots: Readonly<Record<string, PlotSpec>>;
  /** What makes it interactive, with the data that it reads. */
  readonly script?: { readonly page: PageScript; readonly data: unknown } | undefined;
}

// Nothing is loaded, and nothing runs but the script of the page: it may be opened from anywhere.
const policy = (page: PageScript | undefined): string =>
  `default-src 'none'; style-src 'unsafe-inline'; img-src data:;${page ? ` script-src '${page.source}';` : ""} base-uri 'none'; form-action 'none'`;

/** One page that holds all of itself: it needs no script and no network, and is light or dark as preferred. */
export function pageDocument({ title, main, plots, script }: PageDocument): string {
  const page = script?.page;
  const specs = Object.entries(plots).map(
    ([name, spec]) => html`<script type="application/json" id="vega-lite-${name}">${jsonData(spec)}</script>\n`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy(page))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${printable(title, 300)}</title>
<style>${trusted(STYLE)}</style>${page ? html`\n<style>${trusted(page.style)}</style>` : null}
</head>
<body>
<main>
${main}
</main>
<footer>The plots of this page are in it as Vega-Lite specifications: <code>script[type="application/json"]</code>.</footer>
${specs}${script ? scripts(script.page, script.data) : null}</body>
</html>
`.text;
}

const scripts = (
  { script }: PageScript,
  data: unknown,
) => html`<script type="application/json" id="report-data">${jsonData(data)}</script>
<script>${trusted(script)}</script>
`;

import { followTheme } from "../../../src/report/theme.ts";

/**
 * The element of an SVG text drawn in the light theme, in the colours of the page. Styles are set as properties: the page's policy
 * forbids style attributes in a parsed text. Its size is left to the page.
 */
export function svgElement(text: string): SVGSVGElement {
  const parsed = new DOMParser().parseFromString(followTheme(text), "image/svg+xml").documentElement;
  const svg = document.importNode(parsed, true) as unknown as SVGSVGElement;
  for (const element of [svg, ...svg.querySelectorAll<SVGElement>("[style]")]) {
    const style = element.getAttribute("style");
    if (style === null) continue;
    element.removeAttribute("style");
    for (const [, name, value] of style.matchAll(/([\w-]+)\s*:\s*([^;]+)/g)) element.style.setProperty(name!, value!);
  }
  return svg;
}

import { probability } from "../../evaluate/results/statistics.ts";
import type { Bounds, Model } from "../../model.ts";
import { formatNumber, printable } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { PALETTES, SVG_FONT } from "../theme.ts";
import { type Pixels, shrink, toPixels } from "./picture.ts";
import { encodePng, pngUri } from "./png.ts";
import { fullScale, mapPixels, overlayPixels, type SignedMap, STOPS, signedMap } from "./signed.ts";

/** One sample and what explains a class of it. */
export interface SaliencyStrip {
  /** Two lines over the pictures. */
  readonly heading: string;
  readonly details: string;
  readonly shape: readonly number[];
  readonly bounds: Bounds;
  /** The sample. */
  readonly values: Float32Array;
  /** Signed maps in the shape of the sample. */
  readonly maps: readonly { readonly title: string; readonly values: Float32Array }[];
}

/** What is explained, and how sure the model is of it: from the logits of one sample. */
export function explanationOf(
  { name, head }: Pick<Model, "name" | "head">,
  image: string,
  logits: Float32Array,
  chosen: number,
  predicted: number,
): Pick<SaliencyStrip, "heading" | "details"> {
  const share = probability(logits, 0, logits.length, chosen, head);
  const score = `${head === "hidden" ? "log-probability" : "logit"} ${logits[chosen]!.toPrecision(4)}, probability ${(100 * share).toFixed(1)} %`;
  return {
    heading: `class ${chosen} of ${printable(name)} on ${printable(image)}`,
    details: chosen === predicted ? `predicted, ${score}` : `${score}; predicted is ${predicted}`,
  };
}

const PADDING = 24;
const GAP = 22;
const HEADER = 52;
const TITLE = 22;
const BAR = 38;
// Wide enough for the longest title.
const COLUMN = 168;
// Small pictures are enlarged to about this, by a whole factor; larger ones than the second are shown smaller.
const USUAL = 196;
const LARGEST = 320;
// Width of a letter of the heading and of what is smaller, about.
const LETTER = 8.5;
const SMALL_LETTER = 6.8;

/** The sample, each map with its scale, and below it the map over the sample, as SVG. Pixels stay hard at any scale. */
export function saliencySvg({ heading, details, shape, bounds, values, maps }: SaliencyStrip): string {
  const sample = toPixels(shape, values, bounds);
  const shown = shownSize(sample);
  const column = Math.max(COLUMN, shown.width);
  const width =
    2 * PADDING +
    Math.max(
      (maps.length + 1) * (column + GAP) - GAP,
      Math.ceil(Math.max(heading.length * LETTER, details.length * SMALL_LETTER)),
    );
  const top = PADDING + HEADER + TITLE;
  const below = top + shown.height + BAR;
  const height = below + shown.height + PADDING;
  const { background, ink, muted } = PALETTES.light;

  const titleAt = (left: number, text: string): Markup =>
    html`<text x="${left}" y="${top - 8}" font-size="13" fill="${ink}">${text}</text>\n`;
  const imageAt = (left: number, y: number, pixels: Pixels): Markup =>
    html`<image x="${left}" y="${y}" width="${shown.width}" height="${shown.height}" preserveAspectRatio="none" image-rendering="optimizeSpeed" style="image-rendering:pixelated" href="${pngUri(encodePng(fitted(pixels)))}"/>\n`;
  const barAt = (left: number, scale: number): Markup => {
    const y = top + shown.height + 6;
    const label = (x: number, anchor: string, text: string) =>
      html`<text x="${x}" y="${y + 20}" font-size="11" text-anchor="${anchor}" fill="${muted}">${text}</text>\n`;
    if (scale === 0) return label(left, "start", "0 everywhere");
    return html`<rect x="${left}" y="${y}" width="${shown.width}" height="7" fill="url(#scale)"/>
${label(left, "start", `-${formatNumber(scale)}`)}${label(left + shown.width / 2, "middle", "0")}${label(left + shown.width, "end", `+${formatNumber(scale)}`)}`;
  };
  const legend = ["red: for the class, blue: against it", "scale: 99 % of the pixels lie within"];
  const mapAt = (left: number, title: string, map: SignedMap): Markup => {
    const scale = fullScale(map);
    return html`${titleAt(left, title)}${imageAt(left, top, mapPixels(map, scale))}${barAt(left, scale)}${imageAt(left, below, overlayPixels(map, sample, scale))}`;
  };
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${SVG_FONT}">
<defs><linearGradient id="scale">${STOPS.map((color, i) => html`<stop offset="${i / 4}" stop-color="rgb(${color.join(",")})"/>`)}</linearGradient></defs>
<rect width="${width}" height="${height}" fill="${background}"/>
<text x="${PADDING}" y="${PADDING + 14}" font-size="15" font-weight="bold" fill="${ink}">${heading}</text>
<text x="${PADDING}" y="${PADDING + 34}" font-size="12" fill="${muted}">${details}</text>
${titleAt(PADDING, "original")}${imageAt(PADDING, top, sample)}${legend.map((line, i) => html`<text x="${PADDING}" y="${below + 14 + 16 * i}" font-size="11" fill="${muted}">${line}</text>\n`)}${maps.map((map, i) => mapAt(PADDING + (i + 1) * (column + GAP), printable(map.title, 24), signedMap(shape, map.values)))}</svg>
`.text;
}

/** A picture made smaller by a whole factor where it is large. */
function fitted(pixels: Pixels): Pixels {
  const factor = Math.ceil(Math.max(pixels.width, pixels.height) / LARGEST);
  return factor > 1 ? shrink(pixels, factor) : pixels;
}

function shownSize(pixels: Pixels): { width: number; height: number } {
  const { width, height } = fitted(pixels);
  const factor = Math.max(1, Math.round(USUAL / Math.max(width, height, 1)));
  return { width: width * factor, height: height * factor };
}

import type { Bounds, Model } from "../model.ts";
import { formatNumber, printable } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { layoutOf, type Pixels, shrink, toPixels } from "./picture.ts";
import { encodePng, pngUri } from "./png.ts";
import { PALETTES, SVG_FONT } from "./theme.ts";

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
  const most = logits[predicted]!;
  const probability = Math.exp(logits[chosen]! - most) / logits.reduce((sum, z) => sum + Math.exp(z - most), 0);
  const score = `${head === "hidden" ? "log-probability" : "logit"} ${logits[chosen]!.toPrecision(4)}, probability ${(100 * probability).toFixed(1)} %`;
  return {
    heading: `class ${chosen} of ${printable(name)} on ${printable(image)}`,
    details: chosen === predicted ? `predicted, ${score}` : `${score}; predicted is ${predicted}`,
  };
}

/** A signed map with one value a pixel: the sum over the channels, so that what adds up still does. */
export interface SignedMap {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

export function signedMap(shape: readonly number[], values: Float32Array): SignedMap {
  const { width, height, at } = layoutOf(shape);
  const depth = Math.max(1, Math.floor(values.length / (width * height)));
  const sums = new Float32Array(width * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) for (let c = 0; c < depth; c++) sums[i]! += values[at(y, x, c)] ?? 0;
  return { width, height, values: sums };
}

/** The value shown in full colour: the 99th percentile of the magnitudes (Smilkov et al. 2017, §3.2), or the largest where that is 0. */
export function fullScale({ values }: SignedMap): number {
  const sorted = values.map(Math.abs).sort();
  return sorted[Math.ceil(0.99 * sorted.length) - 1] || sorted.at(-1) || 0;
}

type Color = readonly [number, number, number];
/** ColorBrewer's RdBu, five classes, from -1 to 1: safe for those who see no red or no green. */
const STOPS: readonly Color[] = [
  [33, 102, 172],
  [103, 169, 207],
  [247, 247, 247],
  [239, 138, 98],
  [178, 24, 43],
];

/** The colour of a share of the full scale, from -1 to 1; what is beyond has the last colour. */
export function divergingColor(share: number): Color {
  const at = 2 + 2 * Math.min(1, Math.max(-1, share));
  const low = Math.min(3, Math.floor(at));
  const [a, b] = [STOPS[low]!, STOPS[low + 1]!];
  return [0, 1, 2].map((k) => Math.round(a[k]! + (at - low) * (b[k]! - a[k]!))) as unknown as Color;
}

/** Red where the map is positive, blue where it is negative, near white at 0. */
export const mapPixels = (map: SignedMap, scale = fullScale(map)): Pixels =>
  paint(map, (value) => divergingColor(scale > 0 ? value / scale : 0));

/** The sample in grey, and over it red or blue, the denser the larger the map. */
export function overlayPixels(map: SignedMap, sample: Pixels, scale = fullScale(map)): Pixels {
  return paint(map, (value, i) => {
    const share = scale > 0 ? Math.min(1, Math.abs(value) / scale) : 0;
    const color = value < 0 ? STOPS[0]! : STOPS[4]!;
    let grey = 0;
    for (let c = 0; c < sample.channels; c++) grey += sample.data[i * sample.channels + c]! / sample.channels;
    return color.map((v) => Math.round(grey + share * (v - grey))) as unknown as Color;
  });
}

function paint({ width, height, values }: SignedMap, color: (value: number, i: number) => Color): Pixels {
  const data = new Uint8Array(3 * values.length);
  for (const [i, value] of values.entries()) data.set(color(value, i), 3 * i);
  return { width, height, channels: 3, data };
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

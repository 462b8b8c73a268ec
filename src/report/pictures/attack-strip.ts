import type { Bounds } from "../../model.ts";
import { formatNumber, printable } from "../format.ts";
import { html, type Markup } from "../markup.ts";
import { PALETTES, SVG_FONT } from "../theme.ts";
import { type Pixels, toPixels } from "./picture.ts";
import { encodePng, pngUri } from "./png.ts";
import { fullScale, mapPixels, signedMap } from "./signed.ts";

/** One attacked sample. */
export interface AttackStrip {
  /** Such as "7 → 3". */
  readonly heading: string;
  /** Such as "fgsm, L∞, ε = 0.2". */
  readonly details: string;
  readonly shape: readonly number[];
  readonly bounds: Bounds;
  readonly original: Float32Array;
  readonly adversarial: Float32Array;
}

const PADDING = 24;
const GAP = 22;
const SIDE = 224;
const HEADER = 76;

/** Original, perturbation and adversarial side by side, as SVG. Pixels stay hard at any scale. */
export function attackSvg({ heading, details, shape, bounds, original, adversarial }: AttackStrip): string {
  const { background, ink, muted } = PALETTES.light;
  const map = signedMap(
    shape,
    adversarial.map((v, i) => v - original[i]!),
  );
  const scale = fullScale(map);
  const pictures: readonly (readonly [string, Pixels])[] = [
    ["original", toPixels(shape, original, bounds)],
    [`perturbation, ±${formatNumber(scale)}`, mapPixels(map, scale)],
    ["adversarial", toPixels(shape, adversarial, bounds)],
  ];
  const first = pictures[0]![1];
  const height = Math.round((SIDE * first.height) / first.width);
  const at = (i: number): number => PADDING + i * (SIDE + GAP);
  const picture = ([title, pixels]: (typeof pictures)[number], i: number): Markup =>
    html`<text x="${at(i)}" y="${PADDING + HEADER - 10}" font-size="13" fill="${ink}">${title}</text>
<image x="${at(i)}" y="${PADDING + HEADER}" width="${SIDE}" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="${pngUri(encodePng(pixels))}"/>
`;
  const [width, whole] = [at(3) - GAP + PADDING, 2 * PADDING + HEADER + height];
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${whole}" viewBox="0 0 ${width} ${whole}" font-family="${SVG_FONT}">
<rect width="${width}" height="${whole}" fill="${background}"/>
<text x="${PADDING}" y="${PADDING + 14}" font-size="16" font-weight="bold" fill="${ink}">${printable(heading, 80)}</text>
<text x="${PADDING}" y="${PADDING + 36}" font-size="12" fill="${muted}">${printable(details, 110)}</text>
${pictures.map(picture)}</svg>
`.text;
}

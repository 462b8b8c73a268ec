import type { Pixels } from "./picture.ts";

/** Loads sharp. */
export const loadSharp = async () => (await import("sharp")).default;

/** An SVG as PNG, `scale` pixels for each of its own. */
export async function svgToPng(svg: string, scale = 1): Promise<Uint8Array> {
  const sharp = await loadSharp();
  // An SVG's own pixel is 1/72 inch; pictures embedded in it may pass the parser's usual 10 MB.
  return sharp(new TextEncoder().encode(svg), { density: 72 * scale, unlimited: true })
    .png()
    .toBuffer();
}

/** Pixels as PNG. */
export async function pixelsToPng({ width, height, channels, data }: Pixels): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels } }).png().toBuffer();
}

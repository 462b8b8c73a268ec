import { layoutOf, type Pixels } from "./picture.ts";

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
export const STOPS: readonly Color[] = [
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

/** v / 255 in float32, as torchvision's ToTensor: rounding the double quotient gives the float quotient (53 ≥ 2 · 24 + 2 bits). */
export const UNIT = Float32Array.from({ length: 256 }, (_, v) => v / 255);

/** Bytes 0 … 255 to pixels in [0, 1], in an array of their number. */
export function toPixels(bytes: Uint8Array, pixels = new Float32Array(bytes.length)): Float32Array {
  for (let i = 0; i < bytes.length; i++) pixels[i] = UNIT[bytes[i]!]!;
  return pixels;
}

/** The shape of one image in a set of this shape: [N, H, W] is grey, [1, H, W]; any other is taken as it is. */
export function imageShape(dims: readonly number[]): readonly number[] {
  return dims.length === 3 ? [1, ...dims.slice(1)] : dims.slice(1);
}

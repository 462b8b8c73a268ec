import type { Picture } from "../../evaluate.ts";

/** The pixels of an example as a line holds them. */
export interface PixelText {
  readonly original: string;
  readonly adversarial: string;
}

/** float32, little-endian as on every platform of Node, in base64. */
export const pixelText = ({ original, adversarial }: Picture): PixelText => ({
  original: toBase64(original),
  adversarial: toBase64(adversarial),
});

/** A picture of this shape; null where the text does not hold just as many values. */
export function pictureOf({ original, adversarial }: PixelText, shape: readonly number[]): Picture | null {
  const size = shape.reduce((a, b) => a * b, 1);
  const [x, y] = [fromBase64(original, size), fromBase64(adversarial, size)];
  return x && y && { shape: [...shape], original: x, adversarial: y };
}

/** Characters of `size` values in base64. */
export const textLength = (size: number): number => 4 * Math.ceil((4 * size) / 3);

const toBase64 = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

function fromBase64(text: string, size: number): Float32Array | null {
  if (text.length !== textLength(size)) return null;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== 4 * size) return null;
  // Buffers share memory, and may begin anywhere in it.
  return new Float32Array(new Uint8Array(bytes).buffer);
}

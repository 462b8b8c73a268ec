import { brokenLine } from "./certificate.ts";

/** Bytes that are made text at a time: String.fromCharCode takes so many arguments. */
const CHUNK = 2 ** 13;

/** An array in base64, 4 bytes an element, little-endian. */
export function encode(values: Float32Array | Int32Array): string {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, v] of values.entries())
    if (values instanceof Int32Array) view.setInt32(4 * i, v, true);
    else view.setFloat32(4 * i, v, true);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

/** So many float32 numbers. @throws invalid-file for another number of them, or what is not finite */
export function decodeFloats(text: unknown, count: number, line: number): Float32Array {
  const view = decode(text, line, (bytes) => bytes === 4 * count, `${count} numbers`);
  const values = Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
  if (!values.every(Number.isFinite)) throw brokenLine(line, "an array holds what is not finite");
  return values;
}

/** Rising places of elements, of which there are `size`. @throws invalid-file */
export function decodePlaces(text: unknown, size: number, line: number): Int32Array {
  const view = decode(text, line, (bytes) => bytes % 4 === 0 && bytes <= 4 * size, `at most ${size} places`);
  const values = Int32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));
  if (!values.every((v, i) => v >= 0 && v < size && (i === 0 || v > values[i - 1]!)))
    throw brokenLine(line, "places of elements do not rise, or are outside of every layer");
  return values;
}

/** The bytes of base64, once their number is known to be allowed. */
function decode(text: unknown, line: number, isAllowed: (bytes: number) => boolean, expected: string): DataView {
  if (typeof text !== "string") throw brokenLine(line, "an array is no base64 text");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = (text.length / 4) * 3 - padding;
  if (text.length % 4 !== 0 || !isAllowed(bytes)) throw brokenLine(line, `an array of ${expected} is expected`);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw brokenLine(line, "an array is no base64 text");
  return new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}

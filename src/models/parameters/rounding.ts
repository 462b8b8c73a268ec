import type { ElementType } from "../../tensor.ts";

const word = new DataView(new ArrayBuffer(4));

/** The 16 bits of the half-precision number nearest to a float32, ties to even; beyond 65504 the infinite one. */
export function toFloat16(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From 65520 on, the nearest is 2^16, which there is none of.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundedShift(magnitude - 0x38000000, 13);
  // Below 2^-14: multiples of 2^-24.
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign;
  return sign | roundedShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** The 16 bits of the bfloat16 number nearest to a float32, ties to even. */
export function toBfloat16(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return roundedShift(bits, 16);
}

/** n / 2^shift, to the nearest whole number, ties to even. */
function roundedShift(n: number, shift: number): number {
  const whole = Math.floor(n / 2 ** shift);
  const rest = n - whole * 2 ** shift;
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && whole % 2 === 1) ? whole + 1 : whole;
}

/** Writes a float32 as an element of a type, rounded to it, little-endian. */
export function writeElement(view: DataView, at: number, type: ElementType, value: number): void {
  if (type === "float32") view.setFloat32(at, value, true);
  else if (type === "float64") view.setFloat64(at, value, true);
  else view.setUint16(at, type === "float16" ? toFloat16(value) : toBfloat16(value), true);
}

import { PerturbError } from "../errors.ts";
import type { Note } from "../option.ts";
import { type ElementType, type TensorArrays, toFloat32 } from "../tensor.ts";
import { toPixels } from "./pixels.ts";

/** Types of whole numbers that are no 8-bit pixels: what range they have is for whoever gives them to say. */
const WHOLE = ["bool", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64"] as const;
type Whole = (typeof WHOLE)[number];

export const isWhole = (type: ElementType): type is Whole => WHOLE.some((one) => one === type);

/** Elements to values: bytes (uint8) are pixels and divided by 255, all other numbers are taken as they are. */
export const VALUES: Partial<Record<ElementType, (data: TensorArrays[ElementType], file: string) => Float32Array>> = {
  uint8: (data) => toPixels(data as Uint8Array),
  float32: (data) => data as Float32Array,
  float64: (data) => new Float32Array(data as Float64Array),
  float16: (data) => toFloat32({ type: "float16", dims: [data.length], data: data as Uint16Array }).data,
  ...Object.fromEntries(WHOLE.map((type) => [type, (data: TensorArrays[Whole], file: string) => exact(data, file)])),
};

/** Whole numbers in float32. @throws unsupported for one that float32 has not */
function exact(data: TensorArrays[Whole], file: string): Float32Array {
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    values[i] = Number(data[i]);
    if (BigInt(values[i]!) !== BigInt(data[i]!))
      throw new PerturbError(
        "unsupported",
        `${file} holds the whole number ${data[i]}, which is not exact in float32. Bring the numbers into a smaller range, and save them as floats.`,
        { data: { file, value: String(data[i]) } },
      );
  }
  return values;
}

/** What is said of whole numbers. */
export const wholeNote = (file: string, type: ElementType): Note => ({
  code: "whole-numbers",
  message: `${file} holds ${type}, whose numbers were taken as they are; only bytes of uint8 are divided by 255.`,
});

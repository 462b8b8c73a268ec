import { PerturbError } from "./errors.ts";

/** The array that holds the elements of each type; float16 and bfloat16 are kept as their bits. */
export interface TensorArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}
export type ElementType = keyof TensorArrays;

/** A dense array in row-major order. `data.length` is the product of `dims`. Treated as immutable. */
export interface Tensor<T extends ElementType = ElementType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: TensorArrays[T];
}
export type FloatTensor = Tensor<"float32">;

export const ARRAY_OF = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies { [T in ElementType]: new (length: number) => TensorArrays[T] };

export const bytesPerElement = (type: ElementType): number => ARRAY_OF[type].BYTES_PER_ELEMENT;

/** Values of one batch at most: 1 GiB in float32, of which an attack holds several copies. */
export const MOST_VALUES = 2 ** 28;

export const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** A tensor of these elements. @throws mismatch when the length is not the product of `dims`. */
export function tensor<T extends ElementType>(type: T, dims: readonly number[], data: TensorArrays[T]): Tensor<T> {
  if (data.length !== product(dims))
    throw new PerturbError(
      "mismatch",
      `A tensor of shape [${dims}] needs ${product(dims)} elements, got ${data.length}.`,
    );
  return { type, dims, data };
}

/** Elements per sample of a batch [n, ...]. */
export const sampleSize = (t: Tensor): number => product(t.dims.slice(1));

/** Samples one after the other, [n, ...], of the shape of those of `like`. */
export function stacked(samples: readonly Float32Array[], like: FloatTensor): FloatTensor {
  const size = sampleSize(like);
  const data = new Float32Array(samples.length * size);
  for (const [i, sample] of samples.entries()) data.set(sample, i * size);
  return tensor("float32", [samples.length, ...like.dims.slice(1)], data);
}

/** The samples `rows` of a batch [n, ...], copied, in that order. */
export function takeRows(t: FloatTensor, rows: ArrayLike<number>): FloatTensor {
  const size = sampleSize(t);
  const data = new Float32Array(rows.length * size);
  for (let i = 0; i < rows.length; i++) data.set(t.data.subarray(rows[i]! * size, (rows[i]! + 1) * size), i * size);
  return { type: "float32", dims: [rows.length, ...t.dims.slice(1)], data };
}

/** Index of the largest of `count` values from `offset`; the first of equals, as torch and numpy. -1 where one is NaN. */
export function argmax(values: ArrayLike<number>, offset: number, count: number): number {
  let best = 0;
  for (let j = 0; j < count; j++) {
    const v = values[offset + j]!;
    if (Number.isNaN(v)) return -1;
    if (v > values[offset + best]!) best = j;
  }
  return best;
}

const scratch = new DataView(new ArrayBuffer(4));

/** IEEE half precision (its 16 bits) to a number. */
export function fromFloat16(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  const magnitude =
    exponent === 31
      ? mantissa === 0
        ? Number.POSITIVE_INFINITY
        : Number.NaN
      : exponent === 0
        ? mantissa * 2 ** -24
        : (1 + mantissa / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** bfloat16 (its 16 bits: the upper half of a float32) to a number. */
export function fromBfloat16(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** Every half-precision number, by its bits: made when it is first needed. */
let halves: Float32Array | undefined;

/** The same values in float32. 64-bit integers above 2^24 and doubles are rounded. */
export function toFloat32(t: Tensor): FloatTensor {
  if (t.type === "float32") return t as FloatTensor;
  return { type: "float32", dims: t.dims, data: float32Data(t) };
}

function float32Data({ type, data }: Tensor): Float32Array<ArrayBuffer> {
  if (type === "bfloat16") return new Float32Array(Uint32Array.from(data as Uint16Array, (bits) => bits << 16).buffer);
  if (type === "float16") {
    halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromFloat16(bits));
    return Float32Array.from(data as Uint16Array, (bits) => halves![bits]!);
  }
  return Float32Array.from(data as ArrayLike<number | bigint>, Number);
}

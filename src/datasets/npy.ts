import { PerturbError } from "../errors.ts";
import {
  ARRAY_OF,
  bytesPerElement,
  type ElementType,
  product,
  type Tensor,
  type TensorArrays,
  tensor,
} from "../tensor.ts";
import { type NpyHeader, npyDescr, parseNpyHeader } from "./npy-header.ts";
import { oversized, truncated } from "./reader.ts";

/**
 * The array of a .npy file (versions 1 to 3, either byte order, C or Fortran order), in row-major order.
 * 64-bit integers stay BigInts; float16 stays its bits.
 * @throws invalid-file, unsupported, unsafe-file (Python objects)
 */
export function readNpy(bytes: Uint8Array, name: string): Tensor {
  const header = parseNpyHeader(bytes, name);
  checkNpySize(header, name, bytes.length);
  const data = decodeElements(bytes.subarray(header.dataOffset), header);
  return tensor(header.type, header.dims, header.fortran ? toRowMajor(header.type, header.dims, data) : data);
}

/** The bytes of a .npy file, version 1, little-endian, C order. @throws unsupported for bfloat16, which numpy lacks */
export function writeNpy(t: Tensor): Uint8Array {
  const header = npyPreamble(t.type, t.dims);
  const elements = new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
  const bytes = new Uint8Array(header.length + elements.length);
  bytes.set(header);
  bytes.set(elements, header.length);
  return bytes;
}

/** What stands before the elements in a .npy file as `writeNpy` writes it. @throws unsupported */
export function npyPreamble(type: ElementType, dims: readonly number[]): Uint8Array {
  const descr = npyDescr(type);
  if (descr === undefined)
    throw new PerturbError("unsupported", `.npy has no element type ${type}. Convert to float32 first.`, {
      data: { type },
    });
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const fields = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const length = Math.ceil((10 + fields.length + 1) / 64) * 64;
  const text = `\x93NUMPY\x01\x00  ${fields}`.padEnd(length - 1);
  const preamble = Uint8Array.from(`${text}\n`, (c) => c.charCodeAt(0));
  new DataView(preamble.buffer).setUint16(8, length - 10, true);
  return preamble;
}

/** @throws invalid-file unless a .npy file of `size` bytes holds exactly what its header declares */
export function checkNpySize({ dataOffset, dataBytes }: NpyHeader, name: string, size: number): void {
  const expected = dataOffset + dataBytes;
  if (size < expected) throw truncated(name, expected, size);
  if (size > expected) throw oversized(name, expected, size);
}

/** The elements in a file's bytes, in the file's order, copied: an aligned array in the machine's byte order. */
export function decodeElements<T extends ElementType>(
  bytes: Uint8Array,
  { type, bigEndian }: { readonly type: T; readonly bigEndian: boolean },
): TensorArrays[T] {
  // Not slice: that of a Node Buffer shares its memory.
  const copy = new Uint8Array(bytes);
  const width = bytesPerElement(type);
  if (bigEndian) for (let i = 0; i < copy.length; i += width) copy.subarray(i, i + width).reverse();
  if (type === "bool") for (let i = 0; i < copy.length; i++) copy[i] = copy[i] === 0 ? 0 : 1;
  return new ARRAY_OF[type](copy.buffer) as TensorArrays[T];
}

/** Column-major elements in row-major order. */
function toRowMajor<T extends ElementType>(type: T, dims: readonly number[], data: TensorArrays[T]): TensorArrays[T] {
  const result = new ARRAY_OF[type](data.length) as TensorArrays[T];
  const strides = dims.map((_, axis) => product(dims.slice(0, axis)));
  const index = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    result[to] = data[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      from -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

import { PerturbError } from "../../../errors.ts";
import { quote } from "../../../quote.ts";
import { bytesPerElement, type ElementType, type Tensor, type TensorArrays } from "../../../tensor.ts";
import { decodeElements, elementCount } from "../binary.ts";
import type { StateDict } from "../state-dict.ts";
import type { StoredTensor, TorchFile, TorchStorage } from "./tensor.ts";

/** What tensors may take beyond five times the file: once each storage, four times for views that are copied. */
const SPARE_BYTES = 2 ** 24;

/**
 * The tensors, dense. Contiguous views share the memory of their storage; others are copied, and what those copies take
 * together is bounded, so that a few bytes (a stride of 0) cannot ask for all memory.
 */
export function loadTensors(
  found: ReadonlyMap<string, StoredTensor>,
  { read, littleEndian }: TorchFile,
  fileSize: number,
  file: string,
): StateDict {
  const limit = 5 * fileSize + SPARE_BYTES;
  let taken = 0;
  const take = (name: string, { type, dims }: StoredTensor, size: number): void => {
    taken += size;
    if (taken <= limit) return;
    const problem = `with ${quote(name)}, ${type} of shape [${dims}], views take more than ${limit} bytes.`;
    throw new PerturbError(
      "unsafe-file",
      `${file}: ${problem} Save tensors that are their own storage: tensor.clone().`,
      { data: { file, tensor: name, limit } },
    );
  };

  const blocks = new Map<TorchStorage, { [T in ElementType]?: TensorArrays[T] }>();
  const blockOf = (name: string, stored: StoredTensor): TensorArrays[ElementType] => {
    const { storage, type } = stored;
    const known = blocks.get(storage);
    if (known?.[type] !== undefined) return known[type];
    const bytes = read(storage);
    take(name, stored, bytes.length);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % bytesPerElement(type)));
    const block = decodeElements(type, whole, littleEndian);
    blocks.set(storage, { ...known, [type]: block });
    return block;
  };

  const load = (name: string, stored: StoredTensor): Tensor => {
    const { type, dims, offset } = stored;
    const size = elementCount(dims)!;
    const block = blockOf(name, stored);
    if (isContiguous(stored)) return { type, dims, data: block.subarray(offset, offset + size) };
    take(name, stored, size * bytesPerElement(type));
    return { type, dims, data: gather(block, stored, size) };
  };

  const loaded = new Map<StoredTensor, Tensor>();
  const dict = new Map<string, Tensor>();
  for (const [name, stored] of found) {
    const tensor = loaded.get(stored) ?? load(name, stored);
    loaded.set(stored, tensor);
    dict.set(name, tensor);
  }
  return dict;
}

/** The dimensions that move: the stride of one of size 1 says nothing. */
const movingDims = ({ dims, strides }: StoredTensor): { dim: number; stride: number }[] =>
  dims.map((dim, i) => ({ dim, stride: strides[i]! })).filter(({ dim }) => dim !== 1);

function isContiguous(stored: StoredTensor): boolean {
  if (stored.dims.includes(0)) return true;
  let expected = 1;
  for (const { dim, stride } of movingDims(stored).reverse()) {
    if (stride !== expected) return false;
    expected *= dim;
  }
  return true;
}

/** The elements of a view in row-major order. */
function gather(block: TensorArrays[ElementType], stored: StoredTensor, size: number): TensorArrays[ElementType] {
  const dense = new (block.constructor as new (length: number) => TensorArrays[ElementType])(size);
  const axes = movingDims(stored);
  const index = axes.map(() => 0);
  let from = stored.offset;
  for (let i = 0; i < size; i++) {
    dense[i] = block[from]!;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const { dim, stride } = axes[axis]!;
      from += stride;
      index[axis]!++;
      if (index[axis]! < dim) break;
      from -= stride * dim;
      index[axis] = 0;
    }
  }
  return dense;
}

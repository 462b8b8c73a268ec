import type { ElementType } from "../../../tensor.ts";
import { elementCount } from "../binary.ts";

/** What either kind of torch file holds. */
export interface TorchFile {
  /** Containers of StoredTensor and of plain values. */
  readonly value: unknown;
  /** The bytes of a storage, `byteLength` of them. */
  readonly read: (storage: TorchStorage) => Uint8Array;
  readonly littleEndian: boolean;
}

/** A block of memory that a torch file holds, by its key; tensors are views of it. */
export class TorchStorage {
  readonly key: string;
  /** `untyped`: bytes, whose type each tensor says. */
  readonly type: ElementType | "untyped";
  readonly byteLength: number;

  constructor(key: string, type: ElementType | "untyped", byteLength: number) {
    this.key = key;
    this.type = type;
    this.byteLength = byteLength;
  }
}

/** A tensor as a pickle describes it, not yet read. Offset and strides count elements. */
export class StoredTensor {
  readonly storage: TorchStorage;
  readonly type: ElementType;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];

  /** The view must lie inside the storage: see `viewProblem`. */
  constructor(
    storage: TorchStorage,
    type: ElementType,
    offset: number,
    dims: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.type = type;
    this.offset = offset;
    this.dims = dims;
    this.strides = strides;
  }
}

export const isStoredTensor = (value: unknown): value is StoredTensor => value instanceof StoredTensor;

/** torch's own limit. */
export const MAX_RANK = 64;

/** What is wrong with a view of a storage of `count` elements, or undefined. */
export function viewProblem(offset: number, dims: readonly number[], strides: readonly number[], count: number) {
  if (dims.length > MAX_RANK) return `a tensor of ${dims.length} dimensions; torch has at most ${MAX_RANK}.`;
  const view = `a tensor of shape [${dims}], strides [${strides}], offset ${offset}`;
  if (dims.length !== strides.length) return `${view} has not one stride for each dimension.`;
  if (![offset, ...strides].every((n) => elementCount([n]) !== undefined))
    return `${view} has a negative or fractional offset or stride.`;
  const size = elementCount(dims);
  if (size === undefined) return `${view} has a shape that no tensor has.`;
  const last = dims.reduce((at, dim, i) => at + (dim - 1) * strides[i]!, offset);
  return size === 0 || last < count ? undefined : `${view} reaches element ${last} of a storage of ${count}.`;
}

import { findStateDict, type StateDict, type WeightFormat } from "./state-dict.ts";
import { openTorchLegacy } from "./torch/legacy.ts";
import { loadTensors } from "./torch/load.ts";
import { isStoredTensor } from "./torch/tensor.ts";
import { openTorchZip } from "./torch/zip.ts";

const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
const isPickle = (bytes: Uint8Array): boolean => bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5;

/**
 * The network's weights in a file of `torch.save`, new (zip) or old, with each tensor's own type, in the file's order: a
 * state dict, or a checkpoint that holds one. Storages of any device; views are made dense. Nothing in the file is run,
 * and memory is bounded by a few times its size. Tensors of one storage share memory.
 * @throws invalid-file, unsafe-file (it names Python objects other than tensors and plain containers), unsupported
 */
export function readTorch(bytes: Uint8Array, file: string): StateDict {
  const content = isZip(bytes) ? openTorchZip(bytes, file) : openTorchLegacy(bytes, file);
  return loadTensors(findStateDict(content.value, isStoredTensor, file), content, bytes.length, file);
}

export const torch: WeightFormat = {
  name: "torch (.pth, .pt)",
  matches: (bytes) => isZip(bytes) || isPickle(bytes),
  read: readTorch,
};

import { quote } from "../../../quote.ts";
import { bytesPerElement } from "../../../tensor.ts";
import { ByteReader, describe } from "../binary.ts";
import { unpickleTorch } from "./global-table.ts";
import type { TorchFile } from "./tensor.ts";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;

/**
 * The file kind of torch before 1.6: five pickles (magic number, version, the writer's machine, the object, the keys of
 * its storages), then each storage as a count of elements and its bytes, little-endian whatever the machine.
 */
export function openTorchLegacy(bytes: Uint8Array, file: string): TorchFile {
  const reader = new ByteReader(file, bytes);
  if (unpickleTorch(reader).value !== MAGIC) throw reader.error("a pickle that torch.save did not write.", 0);
  const versionAt = reader.position;
  const version = unpickleTorch(reader).value;
  if (version !== VERSION) throw reader.error(`version ${describe(version)}; ${VERSION} is read.`, versionAt);
  unpickleTorch(reader);
  const { value, storages } = unpickleTorch(reader);

  const keysAt = reader.position;
  const keys = unpickleTorch(reader).value;
  if (!Array.isArray(keys)) throw reader.error("the list of storages is missing.", keysAt);
  const blocks = new Map<string, Uint8Array>();
  for (const key of keys as unknown[]) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined || blocks.has(storage.key))
      throw reader.error("a storage that no tensor has, or that comes twice.", keysAt);
    const at = reader.position;
    const size = reader.u64() * (storage.type === "untyped" ? 1 : bytesPerElement(storage.type));
    if (size !== storage.byteLength)
      throw reader.error(`storage ${quote(storage.key)} has ${size} bytes instead of ${storage.byteLength}.`, at);
    blocks.set(storage.key, reader.take(size));
  }

  const read = ({ key }: { readonly key: string }): Uint8Array => {
    const block = blocks.get(key);
    if (block === undefined) throw reader.error(`storage ${quote(key)} is not in the list of storages.`, keysAt);
    return block;
  };
  return { value, littleEndian: true, read };
}

import { quote } from "../../../quote.ts";
import { bytesPerElement } from "../../../tensor.ts";
import { type ByteReader, describe } from "../binary.ts";
import type { PickleMachine } from "../pickle/machine.ts";
import { unpickle } from "../pickle/pickle.ts";
import { StorageClass, torchGlobal } from "./globals.ts";
import { TorchStorage } from "./tensor.ts";

/** The pickle at `reader`, which may name nothing but what describes tensors, and the storages it refers to, by key. */
export function unpickleTorch(reader: ByteReader): { value: unknown; storages: ReadonlyMap<string, TorchStorage> } {
  const storages = new Map<string, TorchStorage>();
  const persistent = (id: unknown, m: PickleMachine): TorchStorage => {
    const storage = parseStorage(id, m);
    const known = storages.get(storage.key) ?? storage;
    if (known.type !== storage.type || known.byteLength !== storage.byteLength)
      throw m.error(`storage ${quote(storage.key)} has two types or sizes.`);
    storages.set(storage.key, known);
    return known;
  };
  return { value: unpickle(reader, { global: torchGlobal, persistent }), storages };
}

/** ("storage", class, key, device, count), and in old files the part of it that is meant; None is all. */
function parseStorage(id: unknown, m: PickleMachine): TorchStorage {
  if (!Array.isArray(id) || id[0] !== "storage") throw m.error("a persistent id that is no storage.");
  const [, kind, key, , count, part = null] = id as unknown[];
  if (!(kind instanceof StorageClass) || typeof key !== "string") throw m.error("a storage without a type or a key.");
  if (part !== null) throw m.unsupported("A view of a storage, as torch before 0.4 wrote them.");
  const byteLength = Number(count) * (kind.type === "untyped" ? 1 : bytesPerElement(kind.type));
  if (typeof count !== "number" || !Number.isSafeInteger(byteLength) || count < 0)
    throw m.error(`storage ${quote(key)} has ${describe(count)} elements.`);
  return new TorchStorage(key, kind.type, byteLength);
}

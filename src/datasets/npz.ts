import { zipSync } from "fflate";
import type { Tensor } from "../tensor.ts";
import { openZip } from "../zip.ts";
import { readNpy, writeNpy } from "./npy.ts";

/** What numpy adds to the name of each array. */
const EXTENSION = ".npy";
/** The first date that zip knows, so that equal arrays give equal bytes. */
const TIMESTAMP = new Date(1980, 0, 1);

/** The arrays of a .npz file by name, each read when asked for; entries that are no arrays are left out. */
export function openNpzEntries(bytes: Uint8Array, name: string): ReadonlyMap<string, () => Tensor> {
  const arrays = openZip(bytes, name).filter((entry) => entry.name.endsWith(EXTENSION));
  return new Map(
    arrays.map((entry) => [
      entry.name.slice(0, -EXTENSION.length),
      () => readNpy(entry.read(), `${name}/${entry.name}`),
    ]),
  );
}

/**
 * All arrays of a .npz file, stored or deflated, by name.
 * @throws invalid-file, unsupported, unsafe-file (Python objects, or more content than 2 GiB)
 */
export function readNpz(bytes: Uint8Array, name: string): Map<string, Tensor> {
  return new Map(Array.from(openNpzEntries(bytes, name), ([key, read]) => [key, read()]));
}

/** The bytes of a .npz file, as numpy.savez or, with `compress`, numpy.savez_compressed. Equal arrays give equal bytes. */
export function writeNpz(entries: Readonly<Record<string, Tensor>>, { compress = false } = {}): Uint8Array {
  const files = Object.entries(entries).map(([name, t]) => [name + EXTENSION, writeNpy(t)] as const);
  return zipSync(Object.fromEntries(files), { level: compress ? 6 : 0, mtime: TIMESTAMP });
}

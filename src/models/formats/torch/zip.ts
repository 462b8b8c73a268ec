import { PerturbError } from "../../../errors.ts";
import { quote } from "../../../quote.ts";
import { openZip, type ZipEntry } from "../../../zip.ts";
import { ByteReader, invalidFile } from "../binary.ts";
import { unpickleTorch } from "./global-table.ts";
import type { TorchFile, TorchStorage } from "./tensor.ts";

/** The file kind of torch 1.6 and later: a zip archive with NAME/data.pkl and each storage as NAME/data/KEY. */
export function openTorchZip(bytes: Uint8Array, file: string): TorchFile {
  const entries = new Map(openZip(bytes, file).map((entry) => [entry.name, entry]));
  const pickles = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw invalidFile(file, 0, `a zip archive with ${pickles.length} pickles NAME/data.pkl; torch writes one.`);
  const folder = pickles[0]!.slice(0, -"data.pkl".length);
  if (entries.has(`${folder}constants.pkl`))
    throw new PerturbError(
      "unsupported",
      `${file}: a TorchScript program. Load it in Python with torch.jit.load and save its weights alone: torch.save(model.state_dict(), "weights.pth").`,
      { data: { file } },
    );

  const { start, end } = find(pickles[0]!);
  const { value } = unpickleTorch(new ByteReader(file, bytes, start, end));
  const littleEndian = !entries.has(`${folder}byteorder`) || readByteOrder(`${folder}byteorder`);
  return { value, littleEndian, read: readStorage };

  /** An entry whose bytes lie in the archive as they are, checked. */
  function find(name: string): ZipEntry {
    const entry = entries.get(name);
    if (!entry) throw invalidFile(file, bytes.length, `the archive has no entry ${quote(name)}.`);
    if (!entry.stored)
      throw invalidFile(file, entry.start, `entry ${quote(name)} is compressed or encrypted; torch only stores.`);
    // torch writes a checksum of 0 where it was told to compute none.
    if (entry.crc !== 0) entry.read();
    return entry;
  }

  function readByteOrder(entry: string): boolean {
    const at = find(entry);
    const order = new ByteReader(file, bytes, at.start, at.end).text(at.end - at.start);
    if (order === "little" || order === "big") return order === "little";
    throw invalidFile(file, at.start, `the byte order ${quote(order)}; "little" and "big" are allowed.`);
  }

  function readStorage({ key, byteLength }: TorchStorage): Uint8Array {
    const at = find(`${folder}data/${key}`);
    if (at.end - at.start !== byteLength)
      throw invalidFile(
        file,
        at.start,
        `storage ${quote(key)} has ${at.end - at.start} bytes instead of ${byteLength}.`,
      );
    return bytes.subarray(at.start, at.end);
  }
}

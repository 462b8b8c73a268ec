// @ts-check
import { unzipSync, zipSync } from "fflate";
import { few, mutateBytes, NUMBERS, pick, setNumber } from "./bytes.js";

/** @typedef {import("../reader.js").Random} Random */

/** The fields of each record of an archive: offset and width (PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16). */
const RECORDS = new Map([
  [
    0x04034b50,
    [
      [4, 2],
      [6, 2],
      [8, 2],
      [14, 4],
      [18, 4],
      [22, 4],
      [26, 2],
      [28, 2],
    ],
  ],
  [
    0x02014b50,
    [
      [6, 2],
      [8, 2],
      [10, 2],
      [16, 4],
      [20, 4],
      [24, 4],
      [28, 2],
      [30, 2],
      [32, 2],
      [42, 4],
    ],
  ],
  [
    0x06054b50,
    [
      [4, 2],
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 4],
      [20, 2],
    ],
  ],
]);

/**
 * An archive with a few changes to the fields of its records.
 * @param {Uint8Array} archive
 * @param {Random} random
 */
function mutateRecords(archive, random) {
  const bytes = archive.slice();
  const view = new DataView(bytes.buffer);
  /** @type {(readonly [at: number, width: number])[]} */
  const fields = [];
  for (let at = 0; at + 4 <= bytes.length; at++)
    for (const [offset, width] of RECORDS.get(view.getUint32(at, true)) ?? [])
      fields.push([at + /** @type {number} */ (offset), /** @type {number} */ (width)]);
  const numbers = [...NUMBERS, bytes.length, bytes.length - 22];
  for (let left = few(random); left > 0 && fields.length > 0; left--) {
    const [at, width] = pick(fields, random);
    const [from] = pick(fields, random);
    if (random.integer(2) === 0) setNumber(bytes, at, width, pick(numbers, random));
    else bytes.copyWithin(at, from, from + width);
  }
  return bytes;
}

/**
 * An archive whose content, records or bytes are changed. Of changed content, sizes and checksums are made right.
 * @param {Uint8Array} archive in order
 * @param {Random} random
 * @param {(content: Uint8Array, name: string, random: Random) => Uint8Array} mutateContent
 */
export function mutateZip(archive, random, mutateContent) {
  const way = random.integer(10);
  if (way === 0) return mutateBytes(archive, random);
  if (way < 4) return mutateRecords(archive, random);
  /** @type {Record<string, Uint8Array>} */
  const files = unzipSync(archive);
  const names = Object.keys(files);
  const name = pick(names, random);
  files[name] = mutateContent(/** @type {Uint8Array} */ (files[name]), name, random);
  if (random.integer(8) === 0) delete files[pick(names, random)];
  if (random.integer(8) === 0)
    files[`${pick(names, random)}${pick(["", "/", "\0", "../x"], random)}`] = new Uint8Array(random.integer(100));
  return zipSync(files, { level: random.integer(2) === 0 ? 0 : 6, mtime: new Date(1980, 0, 1) });
}

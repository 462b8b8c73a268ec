// @ts-check
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { crc32 } from "../../dist/crc32.js";
import { readImage } from "../../dist/datasets/image.node.js";
import { openImageFolder } from "../../dist/datasets/image-folder.node.js";
import { concat, few, mutateBytes, NUMBERS, pick, setNumber } from "../mutators/bytes.js";
import { drain } from "./npy.js";

const folder = mkdtempSync(join(tmpdir(), "perturb-fuzz-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "class"));
const path = join(folder, "class", "picture");

/** Eight by eight, of colours that differ. */
const picture = () =>
  sharp(
    Uint8Array.from({ length: 192 }, (_, i) => (37 * i) % 256),
    { raw: { width: 8, height: 8, channels: 3 } },
  );
const seeds = await Promise.all([
  picture().png().toBuffer(),
  picture().png({ palette: true }).toBuffer(),
  picture().greyscale().png().toBuffer(),
  picture().jpeg().toBuffer(),
  picture().webp().toBuffer(),
  picture().gif().toBuffer(),
  picture().tiff().toBuffer(),
]);

/** A PNG with a few changes to its chunks, whose lengths and checksums are made right. @param {Uint8Array} bytes @param {import("../reader.js").Random} random */
function mutateChunks(bytes, random) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  /** @type {{ type: Uint8Array, data: Uint8Array }[]} */
  const chunks = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at))
    chunks.push({ type: bytes.subarray(at + 4, at + 8), data: bytes.slice(at + 8, at + 8 + view.getUint32(at)) });
  for (let left = few(random); left > 0; left--) {
    const chunk = pick(chunks, random);
    const way = random.integer(4);
    if (way === 0) chunks.splice(random.integer(chunks.length), 0, chunk);
    else if (way === 1 && chunks.length > 1) chunks.splice(random.integer(chunks.length), 1);
    else if (way === 2) chunk.data = mutateBytes(chunk.data, random);
    else setNumber(chunk.data, 4 * random.integer(2), 4, pick(NUMBERS, random), false);
  }
  const written = chunks.flatMap(({ type, data }) => {
    const [length, sum, body] = [new Uint8Array(4), new Uint8Array(4), concat([type, data])];
    setNumber(length, 0, 4, data.length, false);
    setNumber(sum, 0, 4, crc32(body), false);
    return [length, body, sum];
  });
  return concat([bytes.subarray(0, 8), ...written]);
}

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "picture",
  seeds: seeds.map((bytes) => new Uint8Array(bytes)),
  mutate: (seed, random) =>
    seed[1] === 0x50 && random.integer(3) > 0 ? mutateChunks(seed, random) : mutateBytes(seed, random),
  reads: [
    (bytes) => {
      writeFileSync(path, bytes);
      return readImage(path, null);
    },
    async () => drain(await openImageFolder(folder)),
  ],
};

// @ts-check
import { gunzipSync, gzipSync } from "fflate";
import { bytesSource } from "../../dist/dataset.js";
import { openIdx } from "../../dist/datasets/idx.js";
import { few, mutateBytes, NUMBERS, pick, setNumber } from "../mutators/bytes.js";
import { drain } from "./npy.js";

const images = Uint8Array.of(
  0,
  0,
  8,
  3,
  0,
  0,
  0,
  2,
  0,
  0,
  0,
  2,
  0,
  0,
  0,
  3,
  ...Array.from({ length: 12 }, (_, i) => 20 * i),
);
const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 0, 1);
const HONEST = { name: "x", images: bytesSource("images", images), labels: bytesSource("labels", labels) };

/** Only in the head: type, rank and sizes. @param {Uint8Array} bytes @param {import("../reader.js").Random} random */
function mutateHead(bytes, random) {
  const changed = bytes.slice();
  for (let left = few(random); left > 0; left--)
    if (random.integer(3) === 0) changed[2 + random.integer(2)] = pick([0, 1, 2, 3, 4, 8, 9, 13, 255], random);
    else setNumber(changed, 4 + 4 * random.integer(3), 4, pick(NUMBERS, random), false);
  return changed;
}

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "idx",
  seeds: [images, labels, gzipSync(images, { mtime: 0 }), gzipSync(labels, { mtime: 0 })],
  mutate(seed, random) {
    const isGzip = seed[0] === 0x1f;
    if (isGzip && random.integer(2) === 0) return mutateBytes(seed, random);
    const plain = isGzip ? gunzipSync(seed) : seed;
    const changed = random.integer(2) === 0 ? mutateHead(plain, random) : mutateBytes(plain, random);
    return isGzip ? gzipSync(changed, { mtime: 0 }) : changed;
  },
  reads: [
    async (bytes) => drain(await openIdx({ ...HONEST, images: bytesSource("x", bytes) })),
    async (bytes) => drain(await openIdx({ ...HONEST, labels: bytesSource("x", bytes) })),
  ],
};

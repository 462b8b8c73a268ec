// @ts-check

import { bytesSource } from "../../dist/dataset.js";
import { openNpy } from "../../dist/datasets/arrays.js";
import { readNpy, writeNpy } from "../../dist/datasets/npy.js";
import { tensor } from "../../dist/tensor.js";
import { concat, latin1, mutateBytes, setNumber } from "../mutators/bytes.js";
import { mutateText } from "../mutators/text.js";

const WORDS = [
  "True",
  "False",
  "None",
  "'<f4'",
  "'>f8'",
  "'|u1'",
  "'|b1'",
  "'|O'",
  "'<i8'",
  "'<f2'",
  "'<c8'",
  "[('a', '<f4')]",
  "(2,)",
  "(2, 3, 4)",
  "()",
  "(0,)",
  "(-1,)",
  "'shape'",
  "'descr'",
  "'fortran_order'",
];

const images = writeNpy(
  tensor(
    "float32",
    [2, 1, 2, 3],
    Float32Array.from({ length: 12 }, (_, i) => i / 12),
  ),
);
const labels = writeNpy(tensor("int64", [2], BigInt64Array.of(0n, 1n)));
const pixels = writeNpy(
  tensor(
    "uint8",
    [2, 3, 4],
    Uint8Array.from({ length: 24 }, (_, i) => i),
  ),
);

const HONEST = { name: "x", images: bytesSource("images.npy", images), labels: bytesSource("labels.npy", labels) };

/** Puts other text into the header. Its length is made right. @type {(bytes: Uint8Array, change: (text: string) => string) => Uint8Array} */
export function withHeader(bytes, change) {
  const end = 10 + /** @type {number} */ (bytes[8]) + 256 * /** @type {number} */ (bytes[9]);
  const header = latin1(change(String.fromCharCode(...bytes.subarray(10, end))));
  const head = bytes.slice(0, 10);
  setNumber(head, 8, 2, header.length);
  return concat([head, header, bytes.subarray(end)]);
}

/** @param {Uint8Array} bytes @param {import("../reader.js").Random} random */
export const mutateNpy = (bytes, random) =>
  random.integer(3) === 0 ? mutateBytes(bytes, random) : withHeader(bytes, (text) => mutateText(text, random, WORDS));

/** @param {import("../../dist/dataset.js").Dataset} data */
export async function drain(data) {
  for await (const _ of data.batches({ batch: 100 }));
}

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "npy",
  seeds: [images, labels, pixels, withHeader(images, (text) => text.replace("False", "True "))],
  mutate: mutateNpy,
  reads: [
    (bytes) => readNpy(bytes, "x.npy"),
    async (bytes) => drain(await openNpy({ ...HONEST, images: bytesSource("x.npy", bytes) })),
    async (bytes) => drain(await openNpy({ ...HONEST, labels: bytesSource("x.npy", bytes) })),
  ],
};

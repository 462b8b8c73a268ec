// @ts-check
import { readFileSync } from "node:fs";
import { readWeights } from "../../dist/models/formats/weights.js";
import { concat, mutateBytes, setNumber } from "../mutators/bytes.js";
import { mutateText } from "../mutators/text.js";

const fixture = readFileSync(new URL("../../test/fixtures/pytorch/dtypes.safetensors", import.meta.url));
const WORDS = [
  '"F32"',
  '"F64"',
  '"BOOL"',
  '"I64"',
  '"BF16"',
  '"F8_E4M3"',
  '"dtype"',
  '"shape"',
  '"data_offsets"',
  '"__metadata__"',
  "[",
  "]",
  "{",
  "}",
  "[0, 0]",
  "[[]]",
];

/** Puts other text into the header. Its length is made right. @param {Uint8Array} bytes @param {(text: string) => string} change */
function withHeader(bytes, change) {
  const end = 8 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = new TextEncoder().encode(change(new TextDecoder().decode(bytes.subarray(8, end))));
  const head = new Uint8Array(8);
  setNumber(head, 0, 8, header.length);
  return concat([head, header, bytes.subarray(end)]);
}

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "safetensors",
  seeds: [new Uint8Array(fixture)],
  mutate: (seed, random) =>
    random.integer(3) === 0 ? mutateBytes(seed, random) : withHeader(seed, (text) => mutateText(text, random, WORDS)),
  reads: [(bytes) => readWeights(bytes, "x.safetensors")],
};

// @ts-check
import { concat, few, mutateBytes, NUMBERS, pick } from "./bytes.js";

/**
 * A field as it is written (https://protobuf.dev/programming-guides/encoding/): a number, bytes of a fixed width or with a length, or
 * fields of its own.
 * @typedef {import("../reader.js").Random} Random
 * @typedef {{ tag: number, wire: number, value: bigint | Uint8Array | Field[] }} Field
 */

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];
/** A nested message is told from a text only by whether it can be one. */
const DEEPEST = 12;

/**
 * The fields in bytes, or undefined where these are no message.
 * @param {Uint8Array} bytes
 * @param {number} depth
 * @returns {Field[] | undefined}
 */
function parse(bytes, depth = 0) {
  const fields = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const key = varint();
    if (key === undefined || key >> 3n < 1n || key >> 3n > 1000n) return undefined;
    const [tag, wire] = [Number(key >> 3n), Number(key & 7n)];
    if (wire === VARINT) {
      const value = varint();
      if (value === undefined) return undefined;
      fields.push({ tag, wire, value });
      continue;
    }
    const length = wire === FIXED64 ? 8 : wire === FIXED32 ? 4 : wire === BYTES ? Number(varint() ?? -1n) : -1;
    if (length < 0 || at + length > bytes.length) return undefined;
    const content = bytes.subarray(at, at + length);
    at += length;
    const nested =
      wire === BYTES && length > 1 && depth < DEEPEST && !isText(content) ? parse(content, depth + 1) : undefined;
    fields.push({ tag, wire, value: nested ?? content });
  }
  return fields;
}

/** @param {Uint8Array} bytes */
const isText = (bytes) => bytes.every((byte) => byte >= 32 && byte < 127);

/** @param {bigint} value */
function varintBytes(value) {
  const bytes = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

/** @param {readonly Field[]} fields @returns {Uint8Array} */
const write = (fields) =>
  concat(
    fields.flatMap(({ tag, wire, value }) => {
      const key = varintBytes(BigInt(8 * tag + wire));
      if (typeof value === "bigint") return [key, varintBytes(value)];
      const content = Array.isArray(value) ? write(value) : value;
      return wire === BYTES ? [key, varintBytes(BigInt(content.length)), content] : [key, content];
    }),
  );

/** Every list of fields, with those inside of it. @param {Field[]} fields @returns {Field[][]} */
const lists = (fields) => [fields, ...fields.flatMap(({ value }) => (Array.isArray(value) ? lists(value) : []))];

/** A copy that can be changed. @param {readonly Field[]} fields @returns {Field[]} */
const copied = (fields) =>
  fields.map((field) => ({ ...field, value: Array.isArray(field.value) ? copied(field.value) : field.value }));

/** @type {readonly ((list: Field[], random: Random, all: readonly Field[], words: readonly Uint8Array[]) => void)[]} */
const CHANGES = [
  (list, random) => void list.splice(random.integer(list.length), 1),
  (list, random) => void list.splice(random.integer(list.length), 0, ...copied([pick(list, random)])),
  (list, random) => {
    const [a, b] = [random.integer(list.length), random.integer(list.length)];
    [list[a], list[b]] = [/** @type {Field} */ (list[b]), /** @type {Field} */ (list[a])];
  },
  // A field becomes another of its kind, from anywhere in the file: names meet other names.
  (list, random, all) => {
    const field = pick(list, random);
    const others = all.filter(
      ({ tag, wire, value }) =>
        tag === field.tag && wire === field.wire && Array.isArray(value) === Array.isArray(field.value),
    );
    const { value } = pick(others, random);
    field.value = Array.isArray(value) ? copied(value) : value;
  },
  (list, random, all) => {
    const field = pick(list, random);
    field.tag = pick(all, random).tag;
  },
  (list, random) => {
    const numbers = list.filter(({ wire }) => wire === VARINT);
    if (numbers.length > 0) pick(numbers, random).value = BigInt(pick(NUMBERS, random));
  },
  (list, random, _, words) => {
    const texts = list.filter(({ value }) => value instanceof Uint8Array && isText(value));
    if (texts.length > 0) pick(texts, random).value = pick(words, random);
  },
  (list, random) => {
    const contents = list.filter(({ wire, value }) => wire === BYTES && value instanceof Uint8Array);
    if (contents.length === 0) return;
    const field = pick(contents, random);
    field.value = mutateBytes(/** @type {Uint8Array} */ (field.value), random);
  },
];

/**
 * A message with a few changes to its fields at any depth; its lengths are made right.
 * @param {Uint8Array} bytes
 * @param {Random} random
 * @param {readonly Uint8Array[]} words that texts may become
 */
export function mutateProtobuf(bytes, random, words) {
  const fields = parse(bytes);
  if (!fields || random.integer(10) === 0) return mutateBytes(bytes, random);
  for (let left = few(random); left > 0; left--) {
    const all = lists(fields);
    const list = pick(all, random);
    if (list.length > 0) pick(CHANGES, random)(list, random, all.flat(), words);
  }
  return write(fields);
}

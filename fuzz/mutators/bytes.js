// @ts-check
/** @typedef {import("../reader.js").Random} Random */

/** Sizes and counts at which code goes wrong. */
export const NUMBERS = [
  0,
  1,
  2,
  3,
  7,
  8,
  64,
  127,
  128,
  255,
  256,
  1000,
  65535,
  65536,
  2 ** 20,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 40,
  2 ** 53,
  -1,
  -2,
];

/**
 * @template T
 * @param {readonly T[]} list not empty
 * @param {Random} random
 * @returns {T}
 */
export const pick = (list, random) => /** @type {T} */ (list[random.integer(list.length)]);

/** How many changes to make: one as often as more, each further one half as often. @param {Random} random */
export function few(random) {
  let count = 1;
  while (count < 8 && random.integer(2) === 0) count++;
  return count;
}

/** @param {readonly Uint8Array[]} parts */
export function concat(parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {string} text whose characters are bytes */
export const latin1 = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/**
 * Sets a whole number of 1, 2, 4 or 8 bytes, as far as it lies inside.
 * @param {Uint8Array} bytes changed
 * @param {number} at
 * @param {number} width
 * @param {number} value
 * @param {boolean} little
 */
export function setNumber(bytes, at, width, value, little = true) {
  const number = BigInt.asUintN(8 * width, BigInt(value));
  for (let i = 0; i < width && at + i < bytes.length; i++)
    bytes[at + i] = Number((number >> BigInt(8 * (little ? i : width - 1 - i))) & 255n);
}

/** @type {readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[]} */
const CHANGES = [
  (bytes, random) => {
    const at = random.integer(bytes.length);
    bytes[at] = /** @type {number} */ (bytes[at]) ^ (1 << random.integer(8));
    return bytes;
  },
  (bytes, random) => {
    bytes[random.integer(bytes.length)] = random.integer(256);
    return bytes;
  },
  (bytes, random) => {
    setNumber(
      bytes,
      random.integer(bytes.length),
      2 ** random.integer(4),
      pick(NUMBERS, random),
      random.integer(2) === 0,
    );
    return bytes;
  },
  (bytes, random) => bytes.slice(0, random.integer(bytes.length)),
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return concat([
      bytes.subarray(0, from),
      bytes.subarray(from, to).map(() => random.integer(256)),
      bytes.subarray(to),
    ]);
  },
];

/**
 * A short piece.
 * @param {Uint8Array} bytes
 * @param {Random} random
 */
function range({ length }, random) {
  const from = random.integer(length);
  return [from, Math.min(length, from + 1 + random.integer(2 ** random.integer(8)))];
}

/**
 * A few changes that know nothing of the format.
 * @param {Uint8Array} bytes left as they are
 * @param {Random} random
 */
export function mutateBytes(bytes, random) {
  /** @type {Uint8Array} */
  let changed = bytes.slice();
  for (let left = few(random); left > 0 && changed.length > 0; left--) changed = pick(CHANGES, random)(changed, random);
  return changed;
}

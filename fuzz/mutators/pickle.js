// @ts-check
import { concat, few, latin1, mutateBytes, NUMBERS, pick, setNumber } from "./bytes.js";

/** @typedef {import("../reader.js").Random} Random */

/** Bytes of the argument of each instruction; "line", two of them, or a length of so many bytes before it. */
const ARGUMENTS = /** @type {Readonly<Record<string, number | "line" | "lines" | readonly [number]>>} */ ({
  q: 1,
  r: 4,
  h: 1,
  j: 4,
  I: "line",
  J: 4,
  K: 1,
  M: 2,
  "\x8a": [1],
  "\x8b": [4],
  G: 8,
  T: [4],
  U: [1],
  X: [4],
  "\x8c": [1],
  "\x8d": [8],
  B: [4],
  C: [1],
  "\x8e": [8],
  "\x96": [8],
  c: "lines",
  "\x80": 1,
  "\x95": 8,
});
/** Instructions to put in: whole, with an argument that is in order. */
const INSTRUCTIONS = [
  "(",
  "0",
  "1",
  "2",
  "q\0",
  "h\0",
  "h\x05",
  "\x94",
  "N",
  "\x88",
  "\x89",
  "I1\n",
  "J\xff\xff\xff\xff",
  "J\xff\xff\xff\x7f",
  "K\0",
  "M\xff\xff",
  "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
  "G\x7f\xf8\0\0\0\0\0\0",
  "X\x01\0\0\0x",
  "X\x09\0\0\0__proto__",
  ")",
  "\x85",
  "\x86",
  "\x87",
  "t",
  "]",
  "l",
  "a",
  "e",
  "}",
  "d",
  "s",
  "u",
  "\x8f",
  "\x90",
  "\x91",
  "R",
  "\x81",
  "b",
  "Q",
  ".",
  "\x93",
  "ctorch._utils\n_rebuild_tensor_v2\n",
  "ctorch\nFloatStorage\n",
  "ccollections\nOrderedDict\n",
  "ctorch\nSize\n",
  "cos\nsystem\n",
].map(latin1);

/**
 * The instructions from `at` on, each with its argument, up to the one that stops.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function instructions(bytes, at) {
  const list = [];
  while (at < bytes.length) {
    const code = String.fromCharCode(/** @type {number} */ (bytes[at]));
    const end = at + 1 + argumentLength(bytes, at + 1, ARGUMENTS[code] ?? 0);
    list.push(bytes.subarray(at, end));
    at = end;
    if (code === ".") break;
  }
  return { list, end: Math.min(at, bytes.length) };
}

/** @param {Uint8Array} bytes @param {number} at @param {number | "line" | "lines" | readonly [number]} kind */
function argumentLength(bytes, at, kind) {
  if (typeof kind === "number") return kind;
  if (typeof kind === "string") {
    const first = bytes.indexOf(10, at) + 1;
    const last = kind === "line" ? first : bytes.indexOf(10, first) + 1;
    return Math.max(last - at, 0);
  }
  let length = 0;
  for (let i = kind[0] - 1; i >= 0; i--) length = 256 * length + (bytes[at + i] ?? 0);
  return kind[0] + length;
}

/** @type {readonly ((list: Uint8Array[], random: Random) => void)[]} */
const CHANGES = [
  (list, random) => void list.splice(random.integer(list.length), 1 + random.integer(3)),
  (list, random) => {
    const at = random.integer(list.length);
    list.splice(at, 0, ...list.slice(at, at + 1 + random.integer(6)));
  },
  (list, random) => void list.splice(random.integer(list.length), 0, pick(INSTRUCTIONS, random)),
  (list, random) => {
    list[random.integer(list.length)] = pick(INSTRUCTIONS, random);
  },
  (list, random) => {
    list[random.integer(list.length)] = pick(list, random);
  },
  (list, random) => {
    const numbers = [...list.keys()].filter((i) => "JKMjhrq".includes(String.fromCharCode(list[i]?.[0] ?? 0)));
    if (numbers.length === 0) return;
    const at = pick(numbers, random);
    const changed = /** @type {Uint8Array} */ (list[at]).slice();
    setNumber(changed, 1, changed.length - 1, pick(NUMBERS, random));
    list[at] = changed;
  },
  (list, random) => {
    const at = random.integer(list.length);
    const one = pick(INSTRUCTIONS, random);
    if (random.integer(8) === 0) list.splice(at, 0, ...new Array(10_000).fill(one));
  },
];

/**
 * A pickle with a few changes to its instructions, or its bytes. What lies behind it is left.
 * @param {Uint8Array} bytes
 * @param {Random} random
 * @param {number} start of the pickle, among several one behind the other
 */
export function mutatePickle(bytes, random, start = 0) {
  if (random.integer(6) === 0) return mutateBytes(bytes, random);
  const { list, end } = instructions(bytes, start);
  for (let left = few(random); left > 0 && list.length > 0; left--) pick(CHANGES, random)(list, random);
  return concat([bytes.subarray(0, start), ...list, bytes.subarray(end)]);
}

/**
 * Where each pickle begins that lies behind another.
 * @param {Uint8Array} bytes
 * @param {number} count
 */
export function pickleStarts(bytes, count) {
  const starts = [0];
  while (starts.length < count) starts.push(instructions(bytes, /** @type {number} */ (starts.at(-1))).end);
  return starts;
}

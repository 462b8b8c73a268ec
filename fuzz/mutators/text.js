// @ts-check
import { few, NUMBERS, pick } from "./bytes.js";

/** @typedef {import("../reader.js").Random} Random */

/** Words, numbers, texts in quotes, and single signs. */
const TOKEN = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[-+]?[\w.]+|\s+|[\s\S]/g;
const STRANGE = [
  "",
  "NaN",
  "1e999",
  "-0",
  "1e-400",
  "0x10",
  "9".repeat(400),
  "null",
  "true",
  "__proto__",
  '"__proto__"',
  '"constructor"',
  "\0",
  "\u202e",
  "\ud800",
  "é",
];
/** Of signs, as deep as a stack is not. */
const NESTED = 20_000;
const LONGEST = 100_000;

/** @type {readonly ((tokens: string[], random: Random, words: readonly string[]) => void)[]} */
const CHANGES = [
  (tokens, random) => void tokens.splice(random.integer(tokens.length), 1 + random.integer(3)),
  (tokens, random) => {
    const at = random.integer(tokens.length);
    tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random.integer(8)));
  },
  (tokens, random) => {
    tokens[random.integer(tokens.length)] = pick(tokens, random);
  },
  (tokens, random) => {
    tokens[random.integer(tokens.length)] = String(pick(NUMBERS, random));
  },
  // Numbers become numbers: what is around them stays in order.
  (tokens, random) => {
    const numbers = [...tokens.keys()].filter((i) => /^[-+]?\d/.test(tokens[i] ?? ""));
    if (numbers.length > 0) tokens[pick(numbers, random)] = String(pick(NUMBERS, random));
  },
  (tokens, random, words) => {
    tokens[random.integer(tokens.length)] = pick(words, random);
  },
  (tokens, random) => {
    tokens[random.integer(tokens.length)] = pick(STRANGE, random);
  },
  (tokens, random) => {
    const at = random.integer(tokens.length);
    const token = tokens[at] ?? "";
    const times = random.integer(8) === 0 ? NESTED : 1 + random.integer(64);
    if (token.length * times < LONGEST) tokens[at] = token.repeat(times);
  },
];

/**
 * A few changes to the tokens of a text.
 * @param {string} text
 * @param {Random} random
 * @param {readonly string[]} words of the language
 */
export function mutateText(text, random, words) {
  const tokens = text.match(TOKEN) ?? [];
  for (let left = few(random); left > 0 && tokens.length > 0; left--) pick(CHANGES, random)(tokens, random, words);
  return tokens.join("");
}

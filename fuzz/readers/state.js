// @ts-check
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tallyText } from "../../dist/evaluate/state/encode.js";
import { headingText, readHeading, STATE } from "../../dist/evaluate/state/heading.node.js";
import { lineOf } from "../../dist/evaluate/state/lines.node.js";
import { pixelText } from "../../dist/evaluate/state/pixels.node.js";
import { readTallies } from "../../dist/evaluate/state/read.node.js";
import { concat, mutateBytes, pick } from "../mutators/bytes.js";
import { mutateText } from "../mutators/text.js";

/** @typedef {import("../../dist/evaluate/results/tally.js").Tally} Tally */

const folder = mkdtempSync(join(tmpdir(), "perturb-fuzz-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

/** A run of two samples. */
const EXTENT = {
  classes: 2,
  budgets: 1,
  points: 1,
  attacks: 1,
  first: 0,
  total: 2,
  batch: 2,
  shape: [1],
  epsilons: [0.1],
  names: ["fgsm"],
  size: 2,
};
const PICTURE = { shape: [1], original: Float32Array.of(0.5), adversarial: Float32Array.of(0.6) };
const MEASURED = {
  margin: 1.5,
  linf: 0.1,
  l2: 0.1,
  l1: 0.1,
  l0: 1,
  queries: 2,
  forwards: 2,
  gradients: 1,
  seconds: 0.01,
  source: null,
};
/** @type {Tally} */
const TALLY = {
  total: 2,
  correct: 1,
  confusion: new Map([
    [0, 1],
    [2, 1],
  ]),
  cleanExamples: [],
  points: [
    {
      attacked: 1,
      correct: 0,
      fooled: 1,
      confidence: 0.9,
      largestDistance: 0.1,
      confusion: new Map([[1, 1]]),
      examples: [{ ...PICTURE, index: 0, label: 0, prediction: 1, confidence: 0.9 }],
    },
  ],
  worst: [{ correct: 0, errors: 0, notFooled: [] }],
  attacks: [{ attacked: 1, fooled: [1], forwards: 4, gradients: 2, seconds: 0.02, distances: [0.1] }],
  records: [
    {
      ...MEASURED,
      index: 0,
      label: 0,
      prediction: 0,
      outcome: "fooled",
      epsilon: 0.1,
      attack: "fgsm",
      adversarialPrediction: 1,
    },
    {
      ...MEASURED,
      index: 1,
      label: 1,
      prediction: 0,
      outcome: "misclassified",
      epsilon: null,
      attack: null,
      adversarialPrediction: null,
    },
  ],
  linearity: null,
  invalid: 0,
  deadGradients: 0,
  nanGradients: 0,
  tinyGradients: 0,
  unitScores: 0,
  labelScores: 0,
  forwards: 6,
  gradients: 2,
};
const LINES = [
  headingText({ began: "2026-01-01T00:00:00.000Z", words: ["--eps", "0.1"], facts: [["--eps", "0.1"]] }),
  JSON.stringify(pixelText(PICTURE)),
  tallyText({ tally: TALLY, seconds: 1 }),
];
const WORDS = [
  "null",
  "[]",
  "{}",
  '"NaN"',
  '"-0"',
  '"fooled"',
  '"error"',
  '"tally"',
  '"original"',
  '"records"',
  '"certified"',
  '"linearity"',
  "0.5",
  "-1",
];

/** The file of these lines, with check sums that are right. @param {readonly string[]} lines */
function fileOf(lines) {
  let crc = 0;
  return concat(
    lines.map((json) => {
      const line = lineOf(json, crc);
      crc = line.crc;
      return line.bytes;
    }),
  );
}

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "jsonl",
  seeds: [fileOf(LINES)],
  mutate(seed, random) {
    if (random.integer(4) === 0) return mutateBytes(seed, random);
    const lines = [...LINES];
    if (random.integer(8) === 0) lines.splice(random.integer(lines.length), random.integer(2), pick(LINES, random));
    const at = random.integer(lines.length);
    lines[at] = mutateText(/** @type {string} */ (lines[at]), random, WORDS);
    return fileOf(lines);
  },
  reads: [
    async (bytes) => {
      writeFileSync(join(folder, STATE), bytes);
      const heading = await readHeading(folder);
      if (!heading) return;
      const file = await open(join(folder, STATE));
      try {
        for await (const _ of readTallies(file, heading, EXTENT, STATE));
      } finally {
        await file.close();
      }
    },
  ],
};

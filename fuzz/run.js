// @ts-check
// Feeds the readers hostile files, and keeps those that show a fault. `npm run fuzz -- --help`.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fuzz } from "./campaign.js";
import { pathOf, READERS } from "./reader.js";

const { values: options } = parseArgs({
  options: {
    reader: { type: "string", default: READERS.join(",") },
    minutes: { type: "string", default: "1" },
    inputs: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "0" },
    input: { type: "string" },
    out: { type: "string", default: fileURLToPath(new URL("../runs/fuzz", import.meta.url)) },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run fuzz -- [--reader ${READERS.join(",")}] [--minutes 1] [--inputs N] [--seed 0] [--out runs/fuzz]
  Each reader gets so many minutes, or inputs if they are fewer. Equal seeds give equal inputs.
  --input N: the input of this number alone, again.
A fault is a crash, over 5 seconds, an error that is no PerturbError, or more memory than ten times the input and 200 MB.
Faults are kept in the folder, made smaller. The exit code is 1 where there are any.
`);
  process.exit(0);
}

/** @param {string} message @returns {never} */
function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

/** @param {"minutes" | "inputs" | "seed" | "input"} option @param {(value: number) => boolean} fits @param {string} what */
function number(option, fits, what) {
  const text = options[option] ?? "";
  const value = Number(text);
  return text.trim() !== "" && fits(value) ? value : refuse(`--${option} must be ${what}, got "${text}".`);
}
const isWhole = (/** @type {number} */ value) => Number.isSafeInteger(value) && value >= 0;

const wanted = options.reader.split(",");
const unknown = wanted.find((name) => !READERS.includes(name));
if (unknown !== undefined) refuse(`There is no reader "${unknown}". Known: ${READERS.join(", ")}.`);
const seed = number("seed", isWhole, "a whole number");
const only = options.input === undefined ? undefined : number("input", isWhole, "a whole number");
const bounds = {
  seconds: 60 * number("minutes", (value) => value > 0, "a number above 0"),
  inputs: only === undefined ? number("inputs", (value) => value === Infinity || isWhole(value), "a whole number") : 1,
};
const folder = options.out;

process.stdout.write(
  `${"reader".padEnd(12)}${"inputs".padStart(10)}${"read".padStart(10)}${"refused".padStart(10)}${"faults".padStart(10)}${"seconds".padStart(10)}\n`,
);
let total = 0;
for (const name of wanted) {
  const { inputs, read, refused, faults, unconfirmed, seconds } = await fuzz({
    name,
    path: pathOf(name),
    seed,
    first: only ?? 0,
    ...bounds,
    folder,
  });
  const cells = [inputs, read, refused, faults.length, Math.round(seconds)].map((n) => String(n).padStart(10));
  process.stdout.write(`${name.padEnd(12)}${cells.join("")}\n`);
  if (unconfirmed > 0) process.stdout.write(`  ${unconfirmed} did not come again in a fresh process\n`);
  for (const { signature, file, number: at, count, message } of faults)
    process.stdout.write(
      `  ${count} × ${signature}\n    ${file}, from --reader ${name} --seed ${seed} --input ${at}\n    ${message.split("\n").slice(0, 6).join("\n    ")}\n`,
    );
  total += faults.length;
}
if (total > 0) process.stdout.write(`${total} faults are kept in ${folder}.\n`);
process.exitCode = total > 0 ? 1 : 0;

// @ts-check
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inputOf, isFault, signatureOf } from "./attempt.js";
import { minimise } from "./minimise.js";
import { loadReader } from "./reader.js";
import { LIMITS, runnerOf } from "./runner.js";

/** For each fault. */
const MINIMISE_SECONDS = 20;

/**
 * @typedef {object} Fault
 * @property {string} signature
 * @property {number} number of the first input that shows it
 * @property {string} message
 * @property {string} file the input, made smaller
 * @property {number} count of inputs
 *
 * @typedef {object} Result
 * @property {number} inputs
 * @property {number} read
 * @property {number} refused
 * @property {number} unconfirmed faults that did not come again in a fresh process: a busy machine
 * @property {readonly Fault[]} faults
 * @property {number} seconds
 */

/**
 * Reads the inputs from `first` on, until `inputs` of them or `seconds` are over, and keeps what shows a fault in `folder`.
 * @param {object} task
 * @param {string} task.name for files
 * @param {string} task.path of the reader's module
 * @param {number} task.seed
 * @param {number} [task.first]
 * @param {number} task.inputs
 * @param {number} task.seconds
 * @param {string} task.folder
 * @param {import("./runner.js").Limits} [task.limits]
 * @returns {Promise<Result>}
 */
export async function fuzz({ name, path, seed, first = 0, inputs, seconds, folder, limits = LIMITS }) {
  const reader = await loadReader(path);
  const runner = runnerOf(path, limits);
  const began = Date.now();
  const result = { inputs: 0, read: 0, refused: 0, unconfirmed: 0 };
  /** @type {Map<string, Fault>} */
  const faults = new Map();

  /** @param {Uint8Array} bytes */
  const fresh = async (bytes) => {
    await runner.end();
    return runner.ask({ bytes });
  };

  /** @param {number} number @param {Uint8Array} bytes @param {import("./attempt.js").Outcome} outcome */
  async function keep(number, bytes, outcome) {
    const signature = signatureOf(outcome);
    const known = faults.get(signature);
    if (known) return void known.count++;
    // Only memory is what earlier inputs left too.
    const ask = outcome.kind === "memory" ? fresh : (/** @type {Uint8Array} */ some) => runner.ask({ bytes: some });
    const small = await minimise(bytes, async (some) => signatureOf(await ask(some)) === signature, MINIMISE_SECONDS);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}-${seed}-${number}.${reader.extension}`);
    writeFileSync(file, small);
    faults.set(signature, { signature, number, message: outcome.message, file, count: 1 });
  }

  try {
    for (; result.inputs < inputs && Date.now() < began + 1000 * seconds; result.inputs++) {
      const number = first + result.inputs;
      const outcome = await runner.ask({ seed, number });
      if (outcome.kind === "read") result.read++;
      else if (outcome.kind === "refused") result.refused++;
      if (!isFault(outcome)) continue;
      // What earlier inputs left, or a busy machine, is not this input's fault.
      const bytes = inputOf(reader, seed, number);
      const again = await fresh(bytes);
      if (isFault(again)) await keep(number, bytes, again);
      else result.unconfirmed++;
    }
  } finally {
    await runner.end();
  }
  return { ...result, faults: [...faults.values()], seconds: (Date.now() - began) / 1000 };
}

// @ts-check
// A process that reads one input at a time, each asked for by a message: its number, or its bytes.
import { attempt, inputOf, isFault } from "./attempt.js";
import { loadReader } from "./reader.js";

const [path, spareBytes] = process.argv.slice(2);
const reader = await loadReader(/** @type {string} */ (path));
const peak = () => process.resourceUsage().maxRSS * 1024;
const start = peak();

/** @param {{ seed: number, number: number } | { bytes: Uint8Array }} task */
async function answer(task) {
  const bytes = "bytes" in task ? task.bytes : inputOf(reader, task.seed, task.number);
  const outcome = await attempt(reader, bytes);
  // What it left to fail later, such as a promise nobody waits for, fails now.
  await new Promise(setImmediate);
  const taken = peak() - start;
  if (!isFault(outcome) && taken > 10 * bytes.length + Number(spareBytes))
    return { kind: "memory", message: `${Math.round(taken / 1e6)} MB for ${bytes.length} bytes` };
  return outcome;
}

process.on("message", (/** @type {any} */ task) => {
  void answer(task).then((outcome) => process.send?.(outcome));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

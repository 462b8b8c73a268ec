// @ts-check
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {import("./attempt.js").Outcome} Outcome
 * @typedef {object} Limits
 * @property {number} seconds for one input, of the clock and of the processor: others may need the machine too
 * @property {number} heap of V8, in MB
 * @property {number} spare resident bytes beyond the start and ten times the input
 */

/** @type {Limits} */
export const LIMITS = { seconds: 5, heap: 512, spare: 200e6 };

const CHILD = fileURLToPath(new URL("./child.js", import.meta.url));

/** Limits of the clock until a process that took less of the processor has hung too: it waits for what does not come. */
const PATIENCE = 60;

/** Seconds of processor time that a process took; infinite where the system does not tell. @param {number | undefined} pid */
function processorSeconds(pid) {
  try {
    // Fields 14 and 15, in hundredths, counted behind the name of the program (man proc).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Reads inputs in a process of its own, which is started when it is needed, and anew after it ended.
 * @param {string} path of the reader's module
 * @param {Limits} limits
 */
export function runnerOf(path, limits = LIMITS) {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child;
  let errors = "";
  /** For what the process writes: it may be killed before it can remove it. */
  let scratch = "";

  async function start() {
    scratch = mkdtempSync(join(tmpdir(), "perturb-fuzz-"));
    const fresh = fork(CHILD, [path, String(limits.spare)], {
      env: { ...process.env, TMPDIR: scratch, TEMP: scratch },
      execArgv: [`--max-old-space-size=${limits.heap}`],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    errors = "";
    fresh.stderr?.on("data", (text) => {
      errors = (errors + text).slice(-4000);
    });
    const ready = await Promise.race([once(fresh, "message"), once(fresh, "close")]);
    if (ready[0] !== "ready") throw new Error(`The reader ${path} does not start:\n${errors}`);
    return fresh;
  }

  /** Ends the process: the next input meets a fresh one. */
  async function end() {
    const old = child;
    child = undefined;
    if (!old) return;
    if (old.exitCode === null && old.signalCode === null) {
      old.kill("SIGKILL");
      await once(old, "close");
    }
    rmSync(scratch, { recursive: true, force: true });
  }

  /**
   * @param {{ seed: number, number: number } | { bytes: Uint8Array }} task
   * @returns {Promise<Outcome>}
   */
  async function ask(task) {
    child ??= await start();
    const here = child;
    /** @type {Outcome} */
    const outcome = await new Promise((resolve) => {
      const settle = (/** @type {Outcome} */ what) => {
        clearInterval(timer);
        here.off("message", settle).off("close", closed);
        resolve(what);
      };
      const closed = (/** @type {number | null} */ code, /** @type {string | null} */ signal) =>
        settle({ kind: "crash", message: `${signal ?? `exit ${code}`}\n${errors}` });
      const [began, before] = [Date.now(), processorSeconds(here.pid)];
      const timer = setInterval(() => {
        const passed = (Date.now() - began) / 1000;
        const isBusy = !(processorSeconds(here.pid) - before < limits.seconds);
        if (passed > limits.seconds && (isBusy || passed > PATIENCE * limits.seconds))
          settle({ kind: "hang", message: `over ${limits.seconds} s` });
      }, 200 * limits.seconds);
      here.on("message", settle).on("close", closed);
      // Told by the error, and not by an event, where it has ended since its last answer.
      here.send(task, (error) => error && settle({ kind: "crash", message: `after the input before\n${errors}` }));
    });
    if (["memory", "hang", "crash"].includes(outcome.kind)) await end();
    return outcome;
  }

  return { ask, end };
}

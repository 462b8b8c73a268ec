import { CommanderError } from "@commander-js/extra-typings";
import { PerturbError } from "../errors.ts";
import { commandWords } from "./option-words.ts";

/** What the process answers with. Scripts rely on it. */
export const EXIT = {
  ok: 0,
  /** `--fail-under` not met. */
  failed: 1,
  /** Wrong usage or bad input. */
  usage: 2,
  /** Interrupted, with its state saved. */
  saved: 3,
  /** A bug of ours. */
  bug: 70,
  /** Interrupted with nothing to save (128 + SIGINT). */
  interrupted: 130,
  /** Told to end with nothing to save (128 + SIGTERM). */
  terminated: 143,
} as const;

/** The exit code for an error, and the text that goes to stderr. */
export function explain(error: unknown): { readonly code: number; readonly text: string } {
  // Commander has printed its own.
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? EXIT.ok : EXIT.usage, text: "" };
  if (error instanceof PerturbError) {
    if (error.code === "cancelled") return { code: EXIT.interrupted, text: `perturb: ${commandWords(error.message)}` };
    if (error.code !== "internal") return { code: EXIT.usage, text: `perturb: ${commandWords(error.message)}` };
  }
  if (isRefused(error))
    return { code: EXIT.usage, text: `perturb: ${error.message}. Free some space, or write elsewhere.` };
  const stack = error instanceof Error ? error.stack : String(error);
  return {
    code: EXIT.bug,
    text: `perturb: this is a bug in perturb. Please report it with the text below.\n  ${stack}`,
  };
}

/** Whether the same may go well later: a service that did not answer, a disk that was full. */
export const mayPass = (error: unknown): boolean =>
  error instanceof Error &&
  (("code" in error && ["unreachable", "ENOSPC", "EDQUOT"].includes(String(error.code))) || mayPass(error.cause));

/** Whether the system said no: no space, no permission. */
const isRefused = (error: unknown): error is Error =>
  error instanceof Error &&
  "code" in error &&
  ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EPERM"].includes(String(error.code));

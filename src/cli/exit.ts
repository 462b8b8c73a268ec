import { CommanderError } from "@commander-js/extra-typings";
import { PerturbError } from "../errors.ts";

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
} as const;

/** The exit code for an error, and the text that goes to stderr. */
export function explain(error: unknown): { readonly code: number; readonly text: string } {
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? EXIT.ok : EXIT.usage, text: "" };
  if (error instanceof PerturbError) {
    if (error.code === "cancelled") return { code: EXIT.interrupted, text: error.message };
    if (error.code !== "internal") return { code: EXIT.usage, text: `perturb: ${error.message}` };
  }
  if (isOutOfSpace(error)) return { code: EXIT.usage, text: `perturb: ${(error as Error).message}. Free some space, or choose another --out.` };
  const stack = error instanceof Error ? error.stack : String(error);
  return { code: EXIT.bug, text: `perturb: this is a bug in perturb. Please report it with the text below.\n${stack}` };
}

const isOutOfSpace = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["ENOSPC", "EACCES", "EROFS", "EPERM"].includes(String(error.code));

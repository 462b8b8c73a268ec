import { messageOf, PerturbError } from "./errors.ts";
import { option } from "./option.ts";

/** What is said of a thread that failed: that it ran out of memory is no bug, and something can be done about it. */
export function threadFailure(cause: unknown): PerturbError {
  if (cause instanceof PerturbError) return cause;
  if (!isOutOfMemory(cause))
    return new PerturbError("internal", `A worker thread failed: ${messageOf(cause)}`, { cause });
  return new PerturbError(
    "runtime",
    `A worker thread ran out of memory. Give it less at a time, by a smaller batch (${option("batch")}) or less memory to fill (${option("memory")}), or more to use: NODE_OPTIONS=--max-old-space-size=8192 allows 8 GB.`,
    { cause },
  );
}

const isOutOfMemory = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";

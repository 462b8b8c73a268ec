import { plain } from "./quote.ts";

/**
 * What went wrong, for programs.
 *
 * - `usage`: a wrong option or argument. - `invalid-file`: a file that breaks its own format.
 * - `unsafe-file`: a file that asks for code, or for memory, time or places it may not have.
 * - `checksum`: a known data set whose bytes differ from the published ones.
 * - `not-found`: a file, data set or model that is not there. - `mismatch`: parts that do not fit (weights and
 *   architecture, images and labels, data and model). - `out-of-bounds`: values outside the model's bounds.
 * - `unsupported`: valid, but not handled. - `no-gradient`: no path, or no rule, from output to input.
 * - `device`: a device that was asked for and is missing. - `runtime`: the graph failed while running.
 * - `unreachable`: a service that does not answer, or not usably, however often it is asked.
 * - `cancelled`: stopped by its signal. - `internal`: a bug of ours.
 */
export type ErrorCode =
  | "usage"
  | "invalid-file"
  | "unsafe-file"
  | "checksum"
  | "not-found"
  | "mismatch"
  | "out-of-bounds"
  | "unsupported"
  | "no-gradient"
  | "device"
  | "runtime"
  | "unreachable"
  | "cancelled"
  | "internal";

export interface ErrorDetails {
  /** Facts for programs: names, offsets, what was got, what is allowed. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The only error that this library throws on purpose. The message says what, where, and what to do next; names that files
 * chose are cut and escaped in it.
 */
export class PerturbError extends Error {
  override readonly name = "PerturbError";
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, { data = {}, cause }: ErrorDetails = {}) {
    super(plain(message), cause === undefined ? undefined : { cause });
    this.code = code;
    this.data = data;
  }
}

/** Throws `cancelled` when the signal has fired. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PerturbError("cancelled", "Stopped on request.", { cause: signal.reason });
}

/** @throws usage unless `value` is a whole number of at least 1; `what` names it in the message */
export function checkCount(what: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1))
    throw new PerturbError("usage", `${what} must be a whole number of at least 1, got ${value}.`);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The closest of `candidates` to a mistyped `word`, as " Did you mean X?", or "". */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best === undefined ? "" : ` Did you mean ${best}?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

import { checkSignal, messageOf, PerturbError } from "../../errors.ts";
import { quote } from "../../quote.ts";
import { type Outcome, readAnswer } from "./http-answer.ts";

/** How a service is asked, and for how long. */
export interface HttpOptions {
  /** Sent with every request: what the service asks for to let one in. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds that one request may take, its answer read to the end; by default 30,000. */
  readonly timeout?: number;
  /** How often a request is repeated after a failure that may pass; by default 5. */
  readonly retries?: number;
  /** Milliseconds of the first pause before a retry and of the longest; each is twice the one before. By default 500, 30,000. */
  readonly backoff?: { readonly first: number; readonly limit: number };
  readonly signal?: AbortSignal | undefined;
  /** Sends requests; by default the platform's own. */
  readonly fetch?: typeof fetch;
  /** Told of each failure before the pause that follows it. */
  readonly onRetry?: (failure: Retry) => void;
}

export interface Retry {
  /** What happened, as a clause: "it answered 503". */
  readonly what: string;
  /** How often the request was sent. */
  readonly attempt: number;
  /** Milliseconds until the next attempt. */
  readonly wait: number;
}

export interface HttpRequest {
  /** Sent by POST as JSON; without it, GET. */
  readonly body?: string;
  /** Bytes that an answer may have, decompressed. */
  readonly most: number;
}

/** Asks an address for JSON. */
export type AskJson = (url: URL, request: HttpRequest) => Promise<unknown>;

/** A service that asks for a longer pause is given up. */
const LONGEST_PAUSE = 300_000;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * A client of JSON over HTTP that asks again after failures that may pass: no connection, no answer in time, an answer that
 * breaks off, 429 and 5xx. `Retry-After` is honoured. Redirections are not followed: samples go nowhere but where they were
 * sent. @throws usage for options that cannot be, and the client for other refusals and redirections; not-found for 404;
 * mismatch for what is no JSON or too large; unreachable when all attempts failed; cancelled
 */
export function jsonClient(options: HttpOptions): AskJson {
  const { timeout = 30_000, retries = 5, backoff = { first: 500, limit: 30_000 }, signal, onRetry } = options;
  // Looked up at each call, and not as a method: the browser's fetch wants no other `this`.
  const send: typeof fetch = options.fetch ?? ((...args) => fetch(...args));
  const wholes = { timeout, retries, "backoff.first": backoff.first, "backoff.limit": backoff.limit };
  for (const [name, value] of Object.entries(wholes))
    if (!(Number.isInteger(value) && value >= (name === "timeout" ? 1 : 0) && value <= LONGEST_TIMER))
      throw new PerturbError("usage", `The option ${name} of an endpoint is a whole number below 2^31, got ${value}.`);
  const headers = headersOf(options.headers);

  return async (url, request) => {
    for (let attempt = 1; ; attempt++) {
      checkSignal(signal);
      const outcome = await withTimeout(timeout, signal, (limited) =>
        attemptOnce(send, url, request, headers, limited),
      );
      if ("answer" in outcome) return outcome.answer;
      const { what, after = 0, cause } = outcome;
      if (attempt > retries || after > LONGEST_PAUSE) {
        const longer = after > LONGEST_PAUSE ? `, and wants to be left alone for ${Math.ceil(after / 1000)} s` : "";
        throw new PerturbError(
          "unreachable",
          `${nameOf(url)} cannot be used: ${what}${longer} (tried ${attempt === 1 ? "once" : `${attempt} times`}). Check that the server runs and is not overloaded, and that the address is right; smaller batches or a longer timeout help a slow one.`,
          { data: { url: nameOf(url), attempts: attempt, what }, cause },
        );
      }
      const wait = Math.max(after, Math.min(backoff.first * 2 ** (attempt - 1), backoff.limit));
      onRetry?.({ what, attempt, wait });
      checkSignal(signal);
      await pause(wait, signal);
    }
  };
}

/** An address without what may be secret in it. */
export const nameOf = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

async function attemptOnce(
  send: typeof fetch,
  url: URL,
  { body, most }: HttpRequest,
  headers: Headers,
  signal: AbortSignal,
): Promise<Outcome> {
  const init: RequestInit = { method: body === undefined ? "GET" : "POST", headers, redirect: "manual", signal };
  return readAnswer(nameOf(url), await send(url, body === undefined ? init : { ...init, body }), most);
}

/** Runs one attempt; what the network throws, and time that ran out, are failures. @throws cancelled, PerturbErrors */
async function withTimeout(
  timeout: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> {
  // Not AbortSignal.any, which lets a signal that lives long collect what it was ever joined with.
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, timeout);
  signal?.addEventListener("abort", stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (error instanceof PerturbError) throw error;
    checkSignal(signal);
    if (late) return { what: `no whole answer came within ${timeout} ms`, cause: error };
    const { cause } = error as { cause?: unknown };
    const why = cause === undefined ? "" : ` (${quote(messageOf(cause))})`;
    return { what: `the connection failed: ${quote(messageOf(error))}${why}`, cause: error };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** @throws cancelled */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    }
    signal?.addEventListener("abort", finish);
  });
  checkSignal(signal);
}

function headersOf(given: Readonly<Record<string, string>> = {}): Headers {
  try {
    const headers = new Headers({ accept: "application/json", ...given });
    headers.set("content-type", "application/json");
    return headers;
  } catch {
    // Not with the value, which the cause holds: it may be a password.
    throw new PerturbError("usage", "A header of the endpoint cannot be sent: check its name and value.");
  }
}

import { messageOf, PerturbError } from "../../errors.ts";
import { quote } from "../../quote.ts";

/** A failure that may pass. */
export interface Failure {
  readonly what: string;
  /** Milliseconds that the service asks for. */
  readonly after?: number;
  readonly cause?: unknown;
}

/** The JSON that was answered, or why there is none yet. */
export type Outcome = { readonly answer: unknown } | Failure;

/** Bytes of an error's text that are read. */
const ERROR_BYTES = 4096;

/**
 * What a response says: JSON of at most `most` bytes, decompressed, or a failure that may pass: 429, 5xx, an answer that
 * breaks off. @throws not-found for 404; usage for other refusals and redirections; mismatch for what is no JSON or too large
 */
export async function readAnswer(name: string, response: Response, most: number): Promise<Outcome> {
  const { status } = response;
  if (response.type === "opaqueredirect" || (status >= 300 && status < 400)) {
    await response.body?.cancel();
    const to = response.headers.get("location");
    throw new PerturbError(
      "usage",
      `${name} redirects${to === null ? "" : ` to ${quote(to)}`}, which is not followed. Give the final address.`,
    );
  }
  if (!response.ok) return refusal(name, response);
  const text = await readText(response, most);
  if (text === undefined)
    throw new PerturbError(
      "mismatch",
      `${name} answered more than ${most} bytes, which is more than such an answer needs. Check the address.`,
      { data: { url: name, most } },
    );
  return parse(name, text);
}

/** What a status that is no success means. @throws not-found, usage for one that will not pass */
async function refusal(name: string, response: Response): Promise<Failure> {
  const { status } = response;
  const said = wordsOf((await readText(response, ERROR_BYTES)) ?? "");
  const what = `it answered ${status}${said}`;
  if (status === 429 || status >= 500) return { what, after: retryAfter(response.headers) };
  const advice =
    status === 404
      ? "Check the model's name, and that the address is like http://host:port/v2/models/NAME."
      : status === 401 || status === 403
        ? "Give the header that lets you in, such as Authorization."
        : "Check the names and shapes of its input and output, and whether it takes batches this large.";
  throw new PerturbError(status === 404 ? "not-found" : "usage", `${name} refused: ${what}. ${advice}`, {
    data: { url: name, status },
  });
}

/** What a server says of its failure, shown so that it cannot play tricks on a terminal. */
function wordsOf(text: string): string {
  let words = text;
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string") words = error;
  } catch {
    // Plain text or HTML: as it is.
  }
  const pieces = words.trim().match(/.{1,80}/gs) ?? [];
  const shown = pieces.slice(0, 3).map((piece) => quote(piece).slice(1, -1));
  return shown.length === 0 ? "" : `, "${shown.join("")}${pieces.length > 3 ? "…" : ""}"`;
}

/** Milliseconds of a Retry-After, which is in seconds or a date. */
function retryAfter(headers: Headers): number {
  const value = headers.get("retry-after");
  if (value === null) return 0;
  const wait = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return wait > 0 ? wait : 0;
}

/** The text of a body; undefined where it has more than `most` bytes, of which no more are held. */
async function readText(response: Response, most: number): Promise<string | undefined> {
  if (!response.body) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > most) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** JSON, with the bare NaN and Infinity that Triton and Python write. @throws mismatch for what is something else */
function parse(name: string, text: string): Outcome {
  try {
    return { answer: JSON.parse(text) };
  } catch (cause) {
    const quoted = text.replace(/([[,:]\s*)(-?(?:NaN|Infinity|Inf))(?=\s*[\],}])/gi, '$1"$2"');
    try {
      return { answer: JSON.parse(quoted) };
    } catch {
      // Whatever begins as JSON is taken for an answer that was cut off on its way.
      if (/^\s*\{/.test(text)) return { what: `its answer is broken JSON (${quote(messageOf(cause))})`, cause };
    }
    throw new PerturbError(
      "mismatch",
      `${name} answered no JSON but ${quote(text)}. Check that the address is that of a model, like http://host:port/v2/models/NAME.`,
      { cause },
    );
  }
}

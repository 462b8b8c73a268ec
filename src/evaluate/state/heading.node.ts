import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import { checkLine, type Line } from "./lines.node.ts";

/** The first line of a state: which run it is of. */
export interface Heading {
  /** When the run began, ISO 8601. */
  readonly began: string;
  /** The command line behind the program's name that began it; null where a program did. */
  readonly words: readonly string[] | null;
  /** All that the result depends on, by name. */
  readonly facts: Facts;
}

export type Facts = readonly (readonly [name: string, value: string])[];

/** With the end of its line. */
export type ReadHeading = Heading & Pick<Line, "crc" | "end">;

export const STATE = "state.jsonl";
/** Version of the layout. */
const LAYOUT = 3;
/** How every state begins. */
const BEGINNING = '{"perturb state":';
const LONGEST = 2 ** 20;
const NEWLINE = 10;

export const headingText = ({ began, words, facts }: Heading): string =>
  JSON.stringify({ "perturb state": LAYOUT, began, words, facts });

/** Whether a file is a state, or the torn beginning of one. */
export function beginsAsState(head: Uint8Array): boolean {
  const text = new TextDecoder().decode(head);
  return text.startsWith(BEGINNING) || BEGINNING.startsWith(text);
}

/**
 * The heading of the state that a folder holds, and where its line ends; null where there is no state, or one that was torn
 * before anything was saved. @throws invalid-file, unsupported (a later layout)
 */
export async function readHeading(folder: string): Promise<ReadHeading | null> {
  const path = join(folder, STATE);
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new PerturbError("not-found", `${path} cannot be read: ${messageOf(cause)}.`, { data: { path }, cause });
  }
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(LONGEST), 0, LONGEST, 0);
    const head = buffer.subarray(0, bytesRead);
    const end = head.indexOf(NEWLINE);
    if (end < 0 && bytesRead < LONGEST && beginsAsState(head.subarray(0, BEGINNING.length))) return null;
    const line = end < 0 ? null : checkLine(head.subarray(0, end), 0);
    if (!line) throw unfit(path, "its first line is damaged");
    return { ...(await parse(line.text, path)), crc: line.crc, end: end + 1 };
  } catch (cause) {
    if (cause instanceof PerturbError) throw cause;
    throw unfit(path, messageOf(cause), cause);
  } finally {
    await file.close();
  }
}

async function parse(text: string, path: string): Promise<Heading> {
  const { headingSchema, layoutSchema, prettify } = await import("./decode.ts");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unfit(path, messageOf(cause), cause);
  }
  // Of another layout, no more than its number can be understood.
  const found = layoutSchema.safeParse(value);
  const layout = found.data?.["perturb state"] ?? LAYOUT;
  if (layout !== LAYOUT)
    throw new PerturbError(
      "unsupported",
      `${path} has layout ${layout}, of another version of perturb; this one reads layout ${LAYOUT}. Go on with the version that began the run, or start anew without ${option("resume")}.`,
      { data: { path, layout } },
    );
  const result = headingSchema.safeParse(value);
  if (!result.success) throw unfit(path, prettify(result.error), result.error);
  const { "perturb state": _, ...heading } = result.data;
  return heading;
}

/** @throws mismatch that names all in which a run differs from the one that began it */
export function checkFacts(
  folder: string,
  began: Facts,
  now: Facts,
  advice = `Resume it with what it began with, or start anew without ${option("resume")}.`,
): void {
  const [before, after] = [new Map(began), new Map(now)];
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  if (names.length === 0) return;
  const differences = names.map(
    (name) => `${name} was ${before.get(name) ?? "none"}, and is ${after.get(name) ?? "none"}`,
  );
  throw new PerturbError("mismatch", `The run in ${folder} is another one: ${differences.join("; ")}. ${advice}`, {
    data: { folder, differences: names.map((name) => ({ name, was: before.get(name), is: after.get(name) })) },
  });
}

export const unfit = (path: string, problem: string, cause?: unknown): PerturbError =>
  new PerturbError(
    "invalid-file",
    `${path} is no state of an evaluation: ${problem}. Start anew without ${option("resume")}.`,
    { data: { path, state: path }, cause },
  );

/** Whether an error says that a state is none: there is nothing to go on with. */
export const isUnfit = (error: unknown): boolean => error instanceof PerturbError && "state" in error.data;

import { stderr } from "node:process";
import type { Note } from "../../option.ts";
import { commandWords } from "../option-words.ts";

/** Says what was assumed, for commands whose result has no room for it. */
export function sayNotes(notes: readonly Note[] = []): void {
  for (const { message } of notes) stderr.write(`note: ${commandWords(message)}\n`);
}

import type { Note } from "../../option.ts";
import { commandWords } from "../option-words.ts";
import { complain } from "../output.ts";

/** Says what was assumed, for commands whose result has no room for it. */
export function sayNotes(notes: readonly Note[] = []): void {
  for (const { message } of notes) complain(`note: ${commandWords(message)}`);
}

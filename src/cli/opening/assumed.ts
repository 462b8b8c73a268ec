import { stderr } from "node:process";
import type { Model } from "../../model.ts";
import { commandWords } from "../option-words.ts";

/** Says what was assumed of a model, for commands whose result has no room for it. */
export function sayAssumed({ assumptions = [] }: Pick<Model, "assumptions">): void {
  for (const assumption of assumptions) stderr.write(`note: ${commandWords(assumption)}\n`);
}

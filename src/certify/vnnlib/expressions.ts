import { PerturbError } from "../../errors.ts";

/** An atom, or a list in brackets, with the line that it begins in. */
export type Expression = Atom | List;
export interface Atom {
  readonly text: string;
  readonly line: number;
}
export interface List {
  readonly items: readonly Expression[];
  readonly line: number;
}

export const isList = (e: Expression): e is List => "items" in e;

const TOKEN = /;[^\n]*|\(|\)|"(?:[^"\\\n]|\\.)*"|[^\s();"]+|\n|[^\S\n]+|"/g;
const DEEPEST = 64;

/** The lists of a text, one after the other; comments go from ";" to the end of a line. @throws invalid-file */
export function readExpressions(text: string, name: string): List[] {
  const wrong = (what: string, line: number): PerturbError =>
    new PerturbError("invalid-file", `${name}, line ${line}: ${what}`, { data: { line } });
  const top: Expression[] = [];
  const open: { items: Expression[]; line: number }[] = [];
  let line = 1;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "\n") line++;
    else if (token === "(") {
      open.push({ items: [], line });
      if (open.length > DEEPEST) throw wrong(`brackets are nested more than ${DEEPEST} deep.`, line);
    } else if (token === ")") {
      const done = open.pop();
      if (!done) throw wrong(`this ")" closes nothing.`, line);
      (open.at(-1)?.items ?? top).push(done);
    } else if (!token.startsWith(";") && token.trim() !== "") {
      const inside = open.at(-1);
      if (!inside) throw wrong(`"${token}" stands outside of brackets.`, line);
      inside.items.push({ text: token, line });
    }
  }
  const left = open.at(-1);
  if (left) throw wrong(`this "(" is not closed.`, left.line);
  return top as List[];
}

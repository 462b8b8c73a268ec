import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSC = fileURLToPath(new URL("../../node_modules/@typescript/native/bin/tsc", import.meta.url));
const OPTIONS = "--strict --module nodenext --target es2023 --skipLibCheck --types node --ignoreConfig".split(" ");

/** The code blocks of a document in one language. */
export const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map((match) => match[1]!);

/** The files that a document links to. */
export const links = (text: string): string[] =>
  [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);

/** Throws unless every file is there that the document at `url` links to. */
export async function followLinks(text: string, url: URL): Promise<void> {
  for (const link of links(text)) await readFile(new URL(link, url));
}

/**
 * Type checks programs in a folder inside the package, so that they can import it by name, and runs them one after the
 * other at its root. Gives what each printed.
 */
export async function runPrograms(programs: readonly string[], folder: URL): Promise<string[]> {
  const names = programs.map((_, i) => fileURLToPath(new URL(`example-${i}`, folder)));
  for (const [i, name] of names.entries()) await writeFile(`${name}.ts`, programs[i]!);
  await run(process.execPath, [TSC, ...OPTIONS, ...names.map((name) => `${name}.ts`)], { cwd: ROOT });
  const outputs: string[] = [];
  for (const name of names) outputs.push((await run(process.execPath, [`${name}.js`], { cwd: ROOT })).stdout.trim());
  return outputs;
}

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

/** The files, with sections, that a document links to. */
export const links = (text: string): string[] =>
  [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map((match) => match[1]!);

/** The links of the document at `url` to files or sections that are not there. */
export async function brokenLinks(text: string, url: URL): Promise<string[]> {
  const broken: string[] = [];
  for (const link of links(text)) {
    const [, section] = link.split("#");
    const found = await readFile(new URL(link, url), "utf8").catch(() => null);
    if (found === null || (section && !sections(found).includes(section))) broken.push(link);
  }
  return broken;
}

/** The sections of a document, as links name them. */
const sections = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );

/** The files that a document names between backticks: what has a folder, and the end of a name. */
export const namedFiles = (text: string): string[] =>
  [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.\w+)`/g)].map((match) => match[1]!);

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

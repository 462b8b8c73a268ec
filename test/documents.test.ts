import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { brokenLinks, namedFiles, ROOT } from "./support/documents.ts";

const documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"].concat(
  readdirSync(`${ROOT}docs`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
);
/** Every file of the checkout that a document may name. */
const files = ["src", "web", "test", "tools", "scripts", "bench", "fuzz", "models", "schema", "docs"].flatMap(
  (folder) =>
    (readdirSync(ROOT + folder, { recursive: true }) as string[]).map(
      (name) => `/${folder}/${name.replaceAll("\\", "/")}`,
    ),
);
/** Of a file that is still to be made, its folder must be there. */
const PLACEHOLDER = /(FAMILY\/)?NAME\.[jt]s$/;
const exists = (name: string): boolean =>
  PLACEHOLDER.test(name)
    ? files.some((file) => file.startsWith(`/${name.replace(PLACEHOLDER, "")}`))
    : files.some((file) => file.endsWith(`/${name}`));

it.each(documents)("%s links to files and sections that are there, and names such files", async (name) => {
  const text = readFileSync(ROOT + name, "utf8");
  expect(await brokenLinks(text, new URL(`../${name}`, import.meta.url))).toEqual([]);
  expect(namedFiles(text).filter((named) => !exists(named))).toEqual([]);
});

import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map((match) => match[1]!);
/** Inside the package, so that it can import itself by name; ignored by git. */
const folder = new URL("../runs/readme/", import.meta.url);

beforeAll(() => mkdir(folder, { recursive: true }));
afterAll(() => rm(folder, { recursive: true, force: true }));

const commands = blocks("sh").flatMap((block) =>
  block
    .split("\n")
    .map((line) => line.replace(/\s+#.*/, "").trim())
    .filter(Boolean),
);

describe("the README", () => {
  it("has commands and code", () => expect([commands.length, blocks("ts").length]).toEqual([7, 1]));

  // `npm test` is what runs this.
  it.each(commands.filter((command) => command !== "npm test"))("%s", async (command) => {
    const [program, ...args] = command.split(" ");
    const { stdout } = await run(program!, args, { cwd: root });
    expect(stdout).not.toBe("");
  });

  it("links to files that are there", async () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) await readFile(new URL(`../${link}`, import.meta.url));
  });

  it("has an example that type checks and runs", async () => {
    const source = new URL("example.ts", folder);
    await writeFile(source, blocks("ts")[0]!);
    const compiler = fileURLToPath(new URL("../node_modules/@typescript/native/bin/tsc", import.meta.url));
    const options = [
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2023",
      "--skipLibCheck",
      "--types",
      "node",
      "--ignoreConfig",
    ];
    await run(process.execPath, [compiler, ...options, fileURLToPath(source)], { cwd: root });
    const { stdout } = await run(process.execPath, [fileURLToPath(new URL("example.js", folder))], { cwd: root });
    const lines = stdout.trim().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^0\.\d+ [01](\.\d+)? \[/);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocks, followLinks, links, ROOT, run, runPrograms } from "./support/documents.ts";

const place = new URL("../README.md", import.meta.url);
const readme = await readFile(place, "utf8");
/** Inside the package, so that it can import itself by name; ignored by git. */
const folder = new URL("../runs/readme/", import.meta.url);

beforeAll(() => mkdir(folder, { recursive: true }));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `test/installed.test.ts` follows that section, with the package as it is installed. */
const commands = blocks(readme.replace(/^## Install\n.*?(?=^## )/ms, ""), "sh").flatMap((block) =>
  block
    .split("\n")
    .map((line) => line.replace(/\s+#.*/, "").trim())
    .filter(Boolean),
);

describe("the README", () => {
  it("has commands and code", () => expect([commands.length, blocks(readme, "ts").length]).toEqual([12, 1]));

  // `npm test` is what runs this, and the server has a test of its own.
  it.each(commands.filter((command) => !["npm test", "npm run playground"].includes(command)))(
    "%s",
    async (command) => {
      const [program, ...args] = command.split(" ");
      const { stdout } = await run(program!, args, { cwd: ROOT });
      expect(stdout).not.toBe("");
    },
  );

  it("serves the page until Ctrl-C", async () => {
    expect(commands).toContain("npm run playground");
    // A group of its own, which a signal reaches as Ctrl-C does.
    const child = spawn("npm", ["run", "playground"], {
      cwd: ROOT,
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(child, "exit");
    let address: string | undefined;
    for await (const line of createInterface(child.stdout)) {
      address = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0];
      if (!address) continue;
      expect(await (await fetch(address)).text()).toContain("<title>perturb playground</title>");
      process.kill(-child.pid!, "SIGINT");
    }
    expect(address).toBeDefined();
    await ended;
    await expect(fetch(address!)).rejects.toThrow("fetch failed");
  });

  it("links to files that are there", async () => {
    expect(links(readme).length).toBeGreaterThan(5);
    await followLinks(readme, place);
  });

  it("has an example that type checks and runs", async () => {
    const [output] = await runPrograms(blocks(readme, "ts"), folder);
    const lines = output!.split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^0\.\d+ [01](\.\d+)? \[/);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readReport } from "../src/report/files/json.ts";
import { blocks, ROOT, run, runPrograms } from "./support/documents.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
/** Inside the package, so that it can import itself by name; ignored by git. */
const folder = new URL("../runs/readme/", import.meta.url);

beforeAll(() => mkdir(folder, { recursive: true }));
/** Where an example writes its report. */
const report = new URL("../runs/pgd/", import.meta.url);
/** What its commands make. They refuse a folder that already holds a network. */
const networks = ["new", "robust"].map((name) => new URL(`../runs/${name}/`, import.meta.url));
beforeAll(async () => {
  for (const one of networks) await rm(one, { recursive: true, force: true });
});
afterAll(async () => {
  for (const one of [folder, report, ...networks]) await rm(one, { recursive: true, force: true });
});

/** `test/installed.test.ts` follows that section, with the package as it is installed. */
const commands = blocks(readme.replace(/^## Install\n.*?(?=^## )/ms, ""), "sh").flatMap((block) =>
  block
    .split("\n")
    .map((line) => line.replace(/\s+#.*/, "").trim())
    .filter(Boolean),
);

describe("the README", () => {
  it("has commands and code", () => expect([commands.length, blocks(readme, "ts").length]).toEqual([17, 3]));

  // `npm test` is what runs this, and the server has a test of its own.
  it.each(commands.filter((command) => !["npm test", "npm run playground"].includes(command)))(
    "%s",
    { timeout: 300_000 },
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

  it("has examples that type check and run", { timeout: 300_000 }, async () => {
    await rm(report, { recursive: true, force: true });
    const [accuracies, progress, proofs] = await runPrograms(blocks(readme, "ts"), folder);
    const lines = accuracies!.split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^0\.\d+ [01](\.\d+)? \[/);
    // Each ε with its certified and its robust accuracy, then each sample with the ε that is proven, and that which fooled it.
    const [small, large, ...samples] = proofs!.split("\n");
    expect([small, large]).toEqual(["0.005 1 1", "0.3 0 0"]);
    expect(samples).toHaveLength(3);
    for (const line of samples) expect(line).toMatch(/^\d 0\.0[0-9]+ 0\.3$/);
    expect(progress!.split("\n").slice(-2)).toEqual(["100 of 100", "Report: runs/pgd/report.html"]);
    const { options, worst } = await readReport(await readFile(new URL("report.json", report), "utf8"), "the report");
    expect(options.settings).toEqual(expect.arrayContaining(["pgd.steps=100"]));
    expect(worst.map(({ epsilon, total }) => [epsilon, total])).toEqual([
      [0.1, 100],
      [0.2, 100],
    ]);
  });
});

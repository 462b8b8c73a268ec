import { mkdir, readFile, rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { blocks, runPrograms } from "./support/documents.ts";

const text = await readFile(new URL("../docs/certification.md", import.meta.url), "utf8");
const folder = new URL("../runs/certification/", import.meta.url);

beforeAll(() => mkdir(folder, { recursive: true }));
afterAll(() => rm(folder, { recursive: true, force: true }));

it("docs/certification.md has a program that type checks, runs, and prints what is said of it", {
  timeout: 120_000,
}, async () => {
  expect(await runPrograms(blocks(text, "ts"), folder)).toEqual(["unsat\ntrue"]);
});

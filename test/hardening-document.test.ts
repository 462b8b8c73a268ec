import { mkdir, readFile, rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { blocks, runPrograms } from "./support/documents.ts";

const text = await readFile(new URL("../docs/hardening.md", import.meta.url), "utf8");
const folder = new URL("../runs/hardening/", import.meta.url);

beforeAll(() => mkdir(folder, { recursive: true }));
afterAll(() => rm(folder, { recursive: true, force: true }));

it("docs/hardening.md has a program that type checks, runs, and makes the network withstand more", {
  timeout: 120_000,
}, async () => {
  const [printed] = await runPrograms(blocks(text, "ts"), folder);
  const [before, after, length] = printed!.split("\n");
  const counts = [before, after].map((line, epoch) =>
    Number(new RegExp(`^epoch ${epoch}: (\\d+) of 500 withstand PGD-10$`).exec(line!)![1]),
  );
  expect(counts[1]).toBeGreaterThan(counts[0]!);
  expect(length).toBe("0 bytes more");
});

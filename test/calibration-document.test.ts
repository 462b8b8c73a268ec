import { mkdir, readFile, rm } from "node:fs/promises";
import { afterAll, expect, it } from "vitest";
import { blocks, ROOT, run, runPrograms } from "./support/documents.ts";

const text = await readFile(new URL("../docs/calibration.md", import.meta.url), "utf8");
/** Inside the package, so that programs can import it by name; ignored by git. */
const folder = new URL("../runs/calibration/", import.meta.url);
const outputs = ["../runs/calibrated.onnx", "../runs/calibration.json"].map((name) => new URL(name, import.meta.url));

afterAll(async () => {
  for (const one of [folder, ...outputs]) await rm(one, { recursive: true, force: true });
});

it("the command of docs/calibration.md prints what stands below it", { timeout: 120_000 }, async () => {
  await mkdir(folder, { recursive: true });
  const [program, ...args] = blocks(text, "sh")[0]!.trim().split(" ");
  const { stdout } = await run(program!, args, { cwd: ROOT });
  expect(stdout).toContain(blocks(text, "text")[0]!);
});

it("the program of docs/calibration.md compiles, and runs", { timeout: 120_000 }, async () => {
  const [printed] = await runPrograms(blocks(text, "ts"), folder);
  expect(printed).toMatch(/^[\d.]+ [\d.]+ [\d.]+ [\d.]+\n\d+$/);
});

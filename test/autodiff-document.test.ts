import { mkdir, readFile, rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocks, runPrograms } from "./support/documents.ts";

const text = await readFile(new URL("../docs/autodiff.md", import.meta.url), "utf8");
const folder = new URL("../runs/autodiff/", import.meta.url);

beforeAll(() => mkdir(folder, { recursive: true }));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("docs/autodiff.md", () => {
  it("has programs that type check and run, each after those above it", async () => {
    const outputs = await runPrograms(blocks(text, "ts"), folder);
    expect(outputs).toHaveLength(4);
    const [classifier, session, any, saliency] = outputs;
    expect(classifier).toMatch(/^(logits|log-softmax|softmax) 10$/);
    expect(session).toBe("[ 2 ] [ 2, 1, 28, 28 ]");
    expect(Number(any)).toBeGreaterThan(100);
    const [, sum, rise] = /sum: ([\d.-]+), rise: ([\d.-]+)/.exec(saliency!)!.map(Number);
    expect(Math.abs(sum! - rise!)).toBeLessThan(0.02 * rise!);
  });

  it("marks the only code that is not run", () => {
    expect(text.match(/^```\w+$/gm)!.filter((fence) => fence !== "```ts")).toEqual(["```python"]);
    expect(text).toContain("In Python (the one block of this page that its test does not run)");
  });
});

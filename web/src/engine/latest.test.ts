import { expect, it } from "vitest";
import { latest } from "./latest.ts";

/** Work that ends a turn after it is stopped. */
const stoppable = (ends: string[], name: string) => (signal: AbortSignal) =>
  new Promise<void>((_, reject) => {
    signal.addEventListener("abort", () =>
      setTimeout(() => {
        ends.push(name);
        reject(new Error(name));
      }),
    );
  });

it("stops what began before", async () => {
  const work = latest();
  const ends: string[] = [];
  const first = work.run(["a"], stoppable(ends, "first"));
  expect(await work.run(["a"], async ({ aborted }) => aborted)).toBe(false);
  await expect(first).rejects.toThrow("first");
});

it("leaves a model once nothing runs on it, and lets work on others go on", async () => {
  const work = latest();
  const ends: string[] = [];
  const older = work.run(["a"], stoppable(ends, "older"));
  const newer = work.run(["b", null], stoppable(ends, "newer"));
  await work.leave("a");
  expect(ends).toEqual(["older"]);
  await work.leave("b");
  expect(ends).toEqual(["older", "newer"]);
  await expect(older).rejects.toThrow("older");
  await expect(newer).rejects.toThrow("newer");
});

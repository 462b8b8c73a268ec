import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { explain } from "./cli/exit.ts";
import { PerturbError } from "./errors.ts";
import { threadFailure } from "./thread-failure.ts";

it("a thread without memory says so, and what to change: it is no bug", async () => {
  const fill = "const all = []; for (;;) all.push(new Array(1e5).fill({}).map(() => ({})));";
  const worker = new Worker(fill, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 16 } });
  const [cause] = await once(worker, "error");
  const error = threadFailure(cause);
  expect(error).toMatchObject({ code: "runtime", cause });
  const { code, text } = explain(error);
  expect(code).toBe(2);
  expect(text).toContain("A worker thread ran out of memory.");
  for (const way of ["--batch", "--memory", "NODE_OPTIONS=--max-old-space-size"]) expect(text).toContain(way);
});

it("any other failure of a thread is a bug; an error of ours stays what it is", () => {
  expect(threadFailure(new TypeError("x"))).toMatchObject({ code: "internal", message: "A worker thread failed: x" });
  const own = new PerturbError("cancelled", "Stopped.");
  expect(threadFailure(own)).toBe(own);
});

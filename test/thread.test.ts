import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { gradientGraph } from "../src/models/classifier/classifier.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { lenetFile } from "./support/models.ts";

// A worker's file is JavaScript: the built one.
const { threadRuntime }: typeof import("../src/runtime/thread.node.ts") = await import(
  new URL("../dist/runtime/thread.node.js", import.meta.url).href
);

it("a runtime in a thread is closed in the middle of a graph without taking the process with it", async () => {
  const runtime = threadRuntime();
  const program = await runtime.load(writeOnnx(gradientGraph(lenetFile(), "cross-entropy")));
  const n = 2000;
  let done = false;
  const running = program
    .run({
      x: { type: "float32", dims: [n, 1, 28, 28], data: new Float32Array(n * 784) },
      labels: { type: "int64", dims: [n], data: new BigInt64Array(n) },
    })
    .finally(() => {
      done = true;
    });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(done).toBe(false);
  await runtime.close();
  expect((await running)["gradient"]!.dims).toEqual([n, 1, 28, 28]);
  await expect(program.run({})).rejects.toMatchObject({ code: "cancelled" });
});

it("a program that closes evaluations in threads in the middle goes on until they are closed", async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("support/closed-child.js", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  expect([await once(child, "close"), said]).toEqual([[0, null], "closed"]);
}, 70_000);

it("a program ends that leaves an evaluation in threads in the middle, and never closes it", async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("support/left-child.js", import.meta.url))], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kill = setTimeout(() => child.kill("SIGKILL"), 60_000);
  expect(await once(child, "close")).toEqual([0, null]);
  clearTimeout(kill);
}, 70_000);

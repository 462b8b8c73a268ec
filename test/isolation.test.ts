import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeNpz } from "../src/datasets/npz.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { tensor } from "../src/tensor.ts";
import { listing, perturb, scratch } from "./support/cli.ts";
import { crashingGraph, floats, linearGraph, numbers } from "./support/models.ts";

// A process's file is JavaScript: the built one.
const built = (path: string) => import(new URL(`../dist/${path}`, import.meta.url).href);
const { processRuntime }: typeof import("../src/runtime/process.node.ts") = await built("runtime/process.node.js");
const { openModel }: typeof import("../src/node.ts") = await built("node.js");

const space = scratch();
afterAll(space.remove);
const made = (name: string) => join(space.path, name);
const honest = writeOnnx(linearGraph([4], numbers(12, 1), [0, 0.1, 0.2]));
writeFileSync(made("honest.onnx"), honest);
writeFileSync(made("crash.onnx"), writeOnnx(crashingGraph()));
const labels = tensor("int64", [6], BigInt64Array.from([0n, 1n, 2n, 0n, 1n, 2n]));
writeFileSync(made("data.npz"), writeNpz({ x: floats([6, 4], numbers(24, 2, 0, 1)), y: labels }));
const property = [
  ...["X_0", "X_1", "X_2", "X_3"].map((x) => `(declare-const ${x} Real) (assert (and (>= ${x} 0) (<= ${x} 1)))`),
  ...["Y_0", "Y_1", "Y_2"].map((y) => `(declare-const ${y} Real)`),
  "(assert (<= Y_0 Y_1))",
];
writeFileSync(made("property.vnnlib"), property.join("\n"));

// The assertion that ends the process is in ONNX Runtime's build for Linux.
const onLinux = it.skipIf(process.platform !== "linux");

describe("a runtime in a process", () => {
  it("answers as the one in this process, and is closed without harm", async () => {
    const runtime = processRuntime();
    const program = await runtime.load(honest);
    const x = floats([2, 4], numbers(8, 3));
    const [output] = program.outputs;
    const { nodeRuntime } = await import("../src/runtime/ort.node.ts");
    const here = await nodeRuntime("cpu", 1).load(honest);
    expect((await program.run({ x }))[output!]).toEqual((await here.run({ x }))[output!]);
    await expect(program.run({})).rejects.toMatchObject({ code: "runtime", data: {} });
    await runtime.close();
    await expect(program.run({ x })).rejects.toMatchObject({ code: "runtime", data: { ended: "SIGKILL" } });
  });

  onLinux("ends with the signal of its native code, and this process goes on", async () => {
    const runtime = processRuntime();
    const bytes = new Uint8Array(readFileSync(made("crash.onnx")));
    await expect(runtime.load(bytes)).rejects.toMatchObject({ code: "runtime", data: { ended: "SIGABRT" } });
    await runtime.close();
  });
});

describe("a file that ends the process which runs it", () => {
  onLinux("is an error where the library isolates it", async () => {
    await expect(openModel(made("crash.onnx"), { isolate: true })).rejects.toMatchObject({ code: "unsafe-file" });
    const model = await openModel(made("honest.onnx"), { isolate: true });
    expect((await model.logits(floats([1, 4], [0, 0, 0, 0]))).data).toEqual(Float32Array.of(0, 0.1, 0.2));
    await model.release();
  });

  onLinux.each([
    ["evaluate --model crash.onnx --data data.npz --eps 0.1"],
    ["gradient crash.onnx --out gradient.onnx"],
    ["compare honest.onnx crash.onnx --data data.npz --eps 0.1"],
    ["verify crash.onnx property.vnnlib"],
    ["evaluate --model honest.onnx --surrogate crash.onnx --attack transfer --data data.npz --eps 0.1"],
  ])("is one line and exit 2: %s", async (line) => {
    const before = listing(space.path);
    const { code, stdout, stderr } = await perturb(line.split(" "), space.path);
    expect(stderr).toMatch(/^perturb: crash.onnx ends the process that runs it: .*SIGABRT.*\n$/);
    expect([code, stdout]).toEqual([2, ""]);
    expect(listing(space.path)).toEqual(before);
  });

  it("is tried first only where it is not trusted, and no figure depends on it", async () => {
    const args = "evaluate --model honest.onnx --data data.npz --eps 0.1 --json - --quiet".split(" ");
    const runs = await Promise.all([perturb(args, space.path), perturb([...args, "--no-isolate"], space.path)]);
    const [a, b] = runs.map(({ stdout }) => JSON.parse(stdout));
    expect(a.worst).toEqual(b.worst);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  });
});

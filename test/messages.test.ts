import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { writeNpy } from "../src/datasets/npy.ts";
import { writeNpz } from "../src/datasets/npz.ts";
import { emptyGraph } from "../src/onnx/builder.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { Ops } from "../src/onnx/ops.ts";
import { renameValues } from "../src/onnx/rewrite.ts";
import { tensor } from "../src/tensor.ts";
import { perturb, scratch } from "./support/cli.ts";
import { ramp } from "./support/onnx.ts";

const space = scratch();
afterAll(space.remove);
const made = (name: string) => join(space.path, name);

const EVIL = "\x1b]0;title\x07\x1b[2J\nperturb: all is well";
/** What a terminal would obey: all of a control character but the ends of lines, and bars of progress. */
const OBEYED = /(?!\n)\p{Cc}|^perturb: all is well/mu;

writeFileSync(made("x.npy"), writeNpy(ramp([4, 6])));
writeFileSync(made("y.npy"), writeNpy(tensor("int64", [4], BigInt64Array.of(0n, 1n, 2n, 0n))));
const samples = { type: "float32", dims: [4, 6], data: ramp([4, 6]).data.map((v) => Math.abs(v)) } as const;
writeFileSync(made("data.npz"), writeNpz({ x: samples, y: tensor("int64", [4], BigInt64Array.of(0n, 1n, 2n, 0n)) }));

/** [batch, 6] to [batch, 3]; `op` stands on the way. */
function model(batch: string | number, op: (b: Ops, x: string) => string): Uint8Array {
  const b = new Ops(emptyGraph("g"));
  const x = b.input({ name: "x", type: "float32", dims: [batch, 6] });
  b.alias("y", b.add("MatMul", [op(b, x), b.constant(ramp([6, 3]))]));
  return writeOnnx(b.finish(["y"]));
}

it("names of a file reach no terminal as they are, in any command", async () => {
  const b = new Ops(emptyGraph(EVIL));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 6] });
  b.alias("y", b.add("MatMul", [b.add(`No${EVIL}`, [x]), b.constant(ramp([6, 3]))]));
  const named = renameValues(b.finish(["y"]), new Map(["x", "y"].map((name) => [name, `${name}${EVIL}`])));
  writeFileSync(made("evil.onnx"), writeOnnx(named));
  const commands = [
    ["inspect", "evil.onnx"],
    ["inspect", "evil.onnx", "--json"],
    ["gradient", "evil.onnx", "--out", "g.onnx"],
    ["evaluate", "--model", "evil.onnx", "--data", "data.npz", "--quiet", "--out", "r"],
  ];
  const ends = await Promise.all(commands.map((words) => perturb(words, space.path)));
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 2, 2]);
  for (const { stdout, stderr } of ends) {
    expect(stdout).not.toMatch(OBEYED);
    expect(stderr).not.toMatch(OBEYED);
  }
  expect(JSON.parse(ends[1]!.stdout)).toMatchObject({ inputs: [{ name: `x${EVIL}` }] });
}, 60_000);

it("names without end are cut, in any command", async () => {
  const long = "n".repeat(300_000);
  const b = new Ops(emptyGraph("g"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 6] });
  b.alias("y", b.add("MatMul", [b.add(long, [x]), b.constant(ramp([6, 3]))]));
  const named = renameValues(b.finish(["y"]), new Map(["x", "y"].map((name) => [name, `${name} ${long}`])));
  writeFileSync(made("long.onnx"), writeOnnx(named));
  const array = { type: "float32", dims: [4, 6], data: ramp([4, 6]).data } as const;
  writeFileSync(made("long.npz"), writeNpz({ [`${EVIL} ${long.slice(0, 60_000)}`]: array }));
  writeFileSync(made("classes.txt"), `${EVIL}\n${EVIL} ${long}\n`);
  const commands = [
    ["inspect", "long.onnx"],
    ["gradient", "long.onnx", "--out", "g.onnx"],
    ["evaluate", "--model", "lenet-mnist", "--data", "long.npz", "--quiet"],
    ["evaluate", "--model", "lenet-mnist", "--data", "data.npz", "--classes", "classes.txt", "--quiet"],
  ];
  const ends = await Promise.all(commands.map((words) => perturb(words, space.path)));
  expect(ends.map(({ code }) => code)).toEqual([0, 2, 2, 2]);
  for (const { stdout, stderr } of ends) {
    expect(stdout.length + stderr.length).toBeLessThan(5000);
    expect(stdout + stderr).not.toMatch(OBEYED);
    expect(stdout + stderr).not.toMatch(/n{201}/);
  }
}, 60_000);

it("nothing writes to the terminal but what guards it", () => {
  const src = fileURLToPath(new URL("../src/", import.meta.url));
  const writers = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
    (file) =>
      /(?<!\.test)\.ts$/.test(file) &&
      /\b(?:stdout|stderr|output)\.write\(|\bconsole\./.test(readFileSync(join(src, file), "utf8")),
  );
  expect(writers.toSorted()).toEqual(["cli/output.ts", "cli/progress.ts"]);
});

it("what ONNX Runtime refuses while a model is probed is not written to stderr", async () => {
  // Runs with a batch of 1 alone, although nothing in the file says so of this node.
  const one = (b: Ops, x: string) =>
    b.add("Slice", [
      b.add("Concat", [x, b.constant(ramp([1, 2]))], { axis: 1 }),
      b.int64([0]),
      b.int64([6]),
      b.int64([1]),
    ]);
  writeFileSync(made("one.onnx"), model(1, one));
  writeFileSync(made("open.onnx"), model("N", one));
  for (const file of ["one.onnx", "open.onnx"]) {
    const words = ["gradient", file, "--input", "x.npy", "--labels", "y.npy", "--values", "g.npy", "--quiet"];
    expect(await perturb(words, space.path)).toMatchObject({ code: 0, stderr: "" });
  }
}, 60_000);

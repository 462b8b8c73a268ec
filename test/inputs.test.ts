import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../src/datasets/npy.ts";
import { writeNpz } from "../src/datasets/npz.ts";
import type { Evaluation } from "../src/evaluate.ts";
import { emptyGraph } from "../src/onnx/builder.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { Ops } from "../src/onnx/ops.ts";
import { nodeRuntime } from "../src/runtime/ort.node.ts";
import { tensor } from "../src/tensor.ts";
import { perturb, scratch } from "./support/cli.ts";
import { withExternalData } from "./support/external.ts";
import { floats, linearGraph, numbers } from "./support/models.ts";

const space = scratch();
afterAll(space.remove);
const at = (name: string) => join(space.path, name);
const read = (name: string) => readNpy(new Uint8Array(readFileSync(at(name))), name);
const LENET = fileURLToPath(new URL("../models/lenet-mnist.onnx", import.meta.url));

const x = floats([4, 6], numbers(24, 1, 0));
const weights = numbers(18, 2);
const samples = ["--input", "x.npy", "--labels", "y.npy"];

beforeAll(() => {
  writeFileSync(at("x.npy"), writeNpy(x));
  writeFileSync(at("y.npy"), writeNpy(tensor("int64", [4], BigInt64Array.of(0n, 1n, 2n, 0n))));
  writeFileSync(at("plain.onnx"), writeOnnx(linearGraph([6], weights, [0, 0, 0])));
});

describe("several inputs and outputs", () => {
  beforeAll(() => {
    const b = new Ops(emptyGraph("two"));
    const scale = b.input({ name: "scale", type: "float32", dims: [1, 6] });
    const image = b.input({ name: "image", type: "float32", dims: ["N", 6] });
    b.alias("scores", b.matmul(b.mul(image, scale), b.constant(floats([6, 3], weights))));
    b.alias("label", b.add("ArgMax", ["scores"], { axis: 1 }));
    writeFileSync(at("two.onnx"), writeOnnx(b.finish(["label", "scores"])));
    writeFileSync(at("ones.npy"), writeNpy(floats([1, 6], new Float32Array(6).fill(1))));
  });

  it("are refused with the options that choose among them", async () => {
    const { code, stderr } = await perturb(["gradient", "two.onnx", ...samples, "--values", "g.npy"], space.path);
    expect(code).toBe(2);
    expect(stderr).toContain('("scale", "image"). Name the one to perturb (--input-name)');
  });

  it("are chosen by --input-name, --feed and --output-name", async () => {
    const choice = ["--input-name", "image", "--feed", "scale=ones.npy", "--output-name", "scores"];
    const two = await perturb(["gradient", "two.onnx", ...choice, ...samples, "--values", "two.npy"], space.path);
    expect(two.code, two.stderr).toBe(0);
    await perturb(["gradient", "plain.onnx", ...samples, "--values", "plain.npy"], space.path);
    expect(read("two.npy")).toEqual(read("plain.npy"));
    const inspected = await perturb(["inspect", "two.onnx", ...choice], space.path);
    expect(inspected.stdout).toContain("3 classes");
  });

  it.each([["scale"], ["=ones.npy"], ["scale=gone.npy"], ["scal=ones.npy"], ["scale=x.npy"]])(
    "--feed %s ends with one error",
    async (feed) => {
      const args = ["inspect", "two.onnx", "--input-name", "image", "--feed", feed, "--output-name", "scores"];
      const { code, stderr } = await perturb(args, space.path);
      expect(code).toBe(2);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    },
  );
});

it("what attack writes of a model with a row for each sample is read back with the rows of its samples", async () => {
  const N = 12;
  const b = new Ops(emptyGraph("about"));
  const image = b.input({ name: "image", type: "float32", dims: ["N", 6] });
  const about = b.input({ name: "about", type: "float32", dims: ["N", 3] });
  b.alias("scores", b.plus(b.matmul(image, b.constant(floats([6, 3], weights))), about));
  writeFileSync(at("about.onnx"), writeOnnx(b.finish(["scores"])));
  // What is beside a sample decides its class.
  const labels = Array.from({ length: N }, (_, i) => (i * 5) % 3);
  const rows = labels.flatMap((k) => [0, 1, 2].map((c) => (c === k ? 100 : 0)));
  writeFileSync(at("about.npy"), writeNpy(floats([N, 3], rows)));
  writeFileSync(
    at("twelve.npz"),
    writeNpz({
      x: floats([N, 6], numbers(N * 6, 3, 0)),
      y: tensor("int64", [N], BigInt64Array.from(labels, BigInt)),
    }),
  );
  const model = ["--model", "about.onnx", "--input-name", "image", "--feed"];
  const attack = await perturb(
    [
      "attack",
      ...model,
      "about=about.npy",
      "--data",
      "twelve.npz",
      "--limit",
      "5",
      "--eps",
      "0.1,0.2",
      "--out",
      "adv.npz",
    ],
    space.path,
  );
  expect(attack.code, attack.stderr).toBe(0);
  const again = ["evaluate", "--data", "adv.npz", "--data-eps", "0.1", "--eps", "0", "--json", "-", "--quiet"];
  const right = await perturb([...again, ...model, "about=adv.npz"], space.path);
  expect(right.code, right.stderr).toBe(0);
  const { clean, warnings } = JSON.parse(right.stdout) as Evaluation;
  expect(clean).toMatchObject({ correct: 5, total: 5 });
  expect(warnings.map(({ message }) => message).join()).toContain("--feed about=adv.npz");
  const wrong = await perturb([...again, ...model, "about=about.npy"], space.path);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("has 12 rows");
});

describe("weights in another file", () => {
  beforeAll(() => {
    const { onnx, data } = withExternalData(new Uint8Array(readFileSync(LENET)), "lenet.data");
    writeFileSync(at("outside.onnx"), onnx);
    writeFileSync(at("lenet.data"), data);
  });

  it("give the same counts, also in workers", async () => {
    const run = async (model: string) => {
      const args = ["evaluate", "--model", model, "--limit", "300", "--eps", "0.1,0.2", "--json", "-", "--quiet"];
      const { code, stdout, stderr } = await perturb([...args, "--out", `${model.length}-out`], space.path);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return (JSON.parse(stdout) as { points: unknown }).points;
    };
    expect(await run(at("outside.onnx"))).toEqual(await run(LENET));
  });

  it("go with a gradient graph that is saved elsewhere, and never over another file", async () => {
    mkdirSync(at("elsewhere"));
    const out = join("elsewhere", "gradient.onnx");
    const { code } = await perturb(["gradient", "outside.onnx", "--out", out], space.path);
    expect(code).toBe(0);
    expect(readFileSync(at("elsewhere/lenet.data"))).toEqual(readFileSync(at("lenet.data")));
    const bytes = new Uint8Array(readFileSync(at(out)));
    const program = await nodeRuntime("cpu", 1).load(bytes, at("elsewhere"));
    expect(program.outputs).toEqual(["logits", "loss", "gradient"]);
    await program.release();
    const again = await perturb(["gradient", "outside.onnx", "--out", out], space.path);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("Save the gradient graph beside the model");
  });
});

it("NaN weights are refused by name", async () => {
  writeFileSync(at("nan.onnx"), writeOnnx(linearGraph([6], weights.with(7, Number.NaN), [0, 0, 0])));
  const { code, stderr } = await perturb(["inspect", "nan.onnx"], space.path);
  expect(code).toBe(2);
  expect(stderr).toMatch(/hold NaN, first at element 7/);
});

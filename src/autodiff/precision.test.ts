import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { withProgram } from "../../test/support/gradient-check.ts";
import { readNpz } from "../datasets/npz.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx } from "../onnx/file.ts";
import { Ops } from "../onnx/ops.ts";
import { type ElementType, type Tensor, tensor } from "../tensor.ts";
import { asClassifier, type Classifier, differentiate } from "./differentiate.ts";

const fixture = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../test/fixtures/onnx/${path}`, import.meta.url)));
const classifierOf = (path: string): Classifier => asClassifier(readOnnx(fixture(`${path}.onnx`), path));
const valuesOf = (folder: string): ReadonlyMap<string, Tensor> =>
  readNpz(fixture(`${folder}/values.npz`), "values.npz");
const numbersOf = (t: Tensor | undefined): Float32Array => t!.data as Float32Array;

/** The largest distance between two lists relative to the largest of the second, and the cosine between them. */
function compared(got: Float32Array, expected: Float32Array) {
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const largest = (values: Float32Array) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return {
    distance: largest(got.map((v, i) => v - expected[i]!)) / largest(expected),
    cosine: dot(got, expected) / Math.sqrt(dot(got, got) * dot(expected, expected)),
  };
}

/** Logits of the model's own graph, and those and the gradient of the gradient graph. */
async function run(classifier: Classifier, folder: string) {
  const values = valuesOf(folder);
  const x = values.get("x")!;
  const forward = await withProgram(classifier.graph, (program) => program.run({ x }));
  const result = await withProgram(differentiate(classifier), (program) =>
    program.run({ x, labels: values.get("y")! }),
  );
  for (const t of [forward["logits"], result["logits"], result["loss"], result["gradient"]])
    expect(t!.type).toBe("float32");
  return {
    values,
    forward: numbersOf(forward["logits"]),
    logits: numbersOf(result["logits"]),
    gradient: numbersOf(result["gradient"]),
  };
}

describe("element types: logits and gradients are torch's for the same weights", () => {
  // The older exporter writes Gelu with a root of 2 that is rounded to the type; the converter rounds it so too.
  it.each([
    ["float16", "float16", 1e-6],
    ["float16_older", "float16", 1e-4],
    ["converted", "float16", 1e-4],
    ["converted_inside", "float16", 1e-4],
    ["bfloat16", "bfloat16", 1e-6],
    ["bfloat16_older", "bfloat16", 1e-4],
    ["float64", "float64", 1e-6],
    ["float64_older", "float64", 1e-6],
  ])("%s", async (name, type, tolerance) => {
    const classifier = classifierOf(`precision/${name}`);
    expect(classifier).toMatchObject({ head: "softmax", classes: 5, straightThrough: 0 });
    expect(classifier.graph.inputs).toEqual([{ name: "x", type: "float32", dims: ["N", 1, 8, 8] }]);
    const { values, forward, logits, gradient } = await run(classifier, "precision");
    expect(compared(logits, numbersOf(values.get(`${type}_logits`))).distance).toBeLessThan(tolerance);
    expect(compared(gradient, numbersOf(values.get(`${type}_grad`))).distance).toBeLessThan(tolerance);
    // ONNX Runtime's CPU provider computes float16 in float32 too: but for its output, the graphs agree.
    expect(compared(forward, logits).distance).toBeLessThan(1e-6);
  });

  it.each(["uint8", "int64"] as const)("an input of %s has no gradient", (type: ElementType) => {
    const b = new Ops(emptyGraph("bytes"));
    const x = b.input({ name: "image", type, dims: ["N", 5] });
    expect(() => asClassifier(b.finish([b.cast(x, "float32")]))).toThrow(
      new RegExp(`input "image" takes ${type}.*float input`),
    );
  });
});

/**
 * Whether ONNX Runtime adds products of 8-bit numbers up in 16 bits here, where they saturate: it does on x64 processors
 * without VNNI, and a quantised graph that it fuses then answers something else than the graph says.
 */
const saturates = await (async () => {
  const b = new Ops(emptyGraph("products"));
  const x = b.input({ name: "x", type: "uint8", dims: [1, 64] });
  const w = b.constant(tensor("int8", [64, 1], new Int8Array(64).fill(127)));
  const sum = b.add("MatMulInteger", [x, w]);
  const feeds = { x: tensor("uint8", [1, 64], new Uint8Array(64).fill(255)) };
  const result = await withProgram(b.finish([sum]), (program) => program.run(feeds));
  return Number(result[sum]!.data[0]) !== 64 * 127 * 255;
})();
const ANYWHERE = "; its own graph gives the same logits";
const WITH_VNNI = "; that its own graph gives the same logits is skipped (8-bit products saturate on this processor)";

describe("quantised models: gradients pass straight through rounding", () => {
  it("those of torch's fake quantisation, saturation included", async () => {
    const classifier = classifierOf("quantized/fake");
    expect(classifier.straightThrough).toBe(4);
    const { values, forward, logits, gradient } = await run(classifier, "quantized");
    expect(compared(logits, numbersOf(values.get("fake_logits"))).distance).toBeLessThan(1e-6);
    expect(compared(gradient, numbersOf(values.get("fake_grad"))).distance).toBeLessThan(1e-6);
    expect(compared(forward, logits).distance).toBeLessThan(1e-6);
    expect(gradient.filter((v) => v === 0).length).toBeGreaterThan(10);
  });

  it.each([
    ["pairs", 11, saturates ? WITH_VNNI : ANYWHERE],
    ["pairs_16", 11, ANYWHERE],
    ["operators", 9, ANYWHERE],
    ["dynamic", 2, ANYWHERE],
  ])("%s (%i roundings): near those of the model from before quantisation%s", async (name, count, same) => {
    const classifier = classifierOf(`quantized/${name}`);
    expect(classifier).toMatchObject({ head: "softmax", straightThrough: count });
    const { values, forward, logits, gradient } = await run(classifier, "quantized");
    expect(compared(logits, numbersOf(values.get("logits"))).cosine).toBeGreaterThan(0.999);
    expect(compared(gradient, numbersOf(values.get("grad"))).cosine).toBeGreaterThan(0.99);
    if (same === WITH_VNNI) console.warn(`${name}${same}`);
    else expect(compared(forward, logits).distance).toBeLessThan(1e-6);
  });

  it("integers that a rule does not know are refused by name", () => {
    const b = new Ops(emptyGraph("bytes", 21));
    const x = b.input({ name: "x", type: "float32", dims: ["N", 5] });
    const scale = b.constant(tensor("float32", [], Float32Array.of(0.1)));
    const zero = b.constant(tensor("uint8", [], Uint8Array.of(3)));
    const q = b.add("QuantizeLinear", [x, scale, zero]);
    const graph = b.finish([b.add("DequantizeLinear", [b.mul(q, q), scale, zero])]);
    expect(() => differentiate(asClassifier(graph))).toThrow(/Mul .*with integers for values is not available/);
  });
});

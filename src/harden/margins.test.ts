import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { ball } from "../certify/bounds/box.ts";
import { bounds } from "../certify/lower-bounds.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { labelTensor } from "../models/classifier/graph-model.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { randomFor } from "../random.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { type FloatTensor, tensor } from "../tensor.ts";
import { lineMargins, worstMargins } from "./margins.ts";

const runtime = nodeRuntime("cpu", 1);
const random = randomFor(7, 0);
const SAMPLES = 3;
const RADIUS = 0.01;
const box = { lower: 0, upper: 1 };

async function marginsOf(
  graph: Graph,
  x: FloatTensor,
  labels: Int32Array,
  margins = worstMargins,
): Promise<FloatTensor> {
  const b = new Ops(graph);
  const given = b.input({ name: "labels", type: "int64", dims: ["N"] });
  const radius = b.input({ name: "radius", type: "float32", dims: [] });
  b.alias("margins", margins(b, { graph, bounds: box, labels: given, radius }));
  const program = await runtime.load(writeOnnx(b.finish(["margins"])));
  const feeds = { x, labels: labelTensor(labels, 10), radius: tensor("float32", [], Float32Array.of(RADIUS)) };
  return (await program.run(feeds))["margins"] as FloatTensor;
}

/** The largest z_k - z_y of many points of the ball. */
async function drawn(graph: Graph, x: FloatTensor, labels: Int32Array): Promise<Float64Array> {
  const program = await runtime.load(writeOnnx(graph));
  let most: Float64Array | undefined;
  for (let t = 0; t < 200; t++) {
    // Half of them corners.
    const step = () => (t % 2 === 0 ? RADIUS * (2 * random.uniform() - 1) : random.uniform() < 0.5 ? -RADIUS : RADIUS);
    const near = x.data.map((v) => Math.min(1, Math.max(0, v + step())));
    const { logits } = await program.run({ x: { ...x, data: near } });
    const z = logits!.data as Float32Array;
    const classes = z.length / SAMPLES;
    const margins = Float64Array.from(
      z,
      (v, i) => v - z[Math.floor(i / classes) * classes + labels[Math.floor(i / classes)]!]!,
    );
    most = most?.map((v, i) => Math.max(v, margins[i]!)) ?? margins;
  }
  return most!;
}

it.each([
  ["ibp", worstMargins],
  ["crown-ibp", lineMargins],
] as const)("are those of the proofs by %s, of LeNet, and not below what is drawn", async (method, margins) => {
  const bytes = new Uint8Array(readFileSync(new URL("../../models/lenet-mnist.onnx", import.meta.url)));
  const graph = readOnnx(classifierFile(readOnnx(bytes), { name: "lenet" }).onnx);
  const x = tensor(
    "float32",
    [SAMPLES, 1, 28, 28],
    Float32Array.from({ length: SAMPLES * 784 }, () => random.uniform()),
  );
  const labels = Int32Array.of(3, 0, 8);
  const { data, dims } = await marginsOf(graph, x, labels, margins);
  expect(dims).toEqual([SAMPLES, 10]);
  const samples = Int32Array.from({ length: SAMPLES * 10 }, (_, i) => Math.floor(i / 10));
  const seed = new Float32Array(SAMPLES * 100);
  for (const [row, sample] of samples.entries()) {
    seed[row * 10 + labels[sample]!]! += 1;
    seed[row * 10 + (row % 10)]! -= 1;
  }
  const rows = { seed: tensor("float32", [SAMPLES * 10, 10], seed), samples };
  const least = await bounds(graph, ball(x, RADIUS, box), rows, { runtime, method });
  for (const [i, value] of data.entries()) {
    if (i % 10 === labels[Math.floor(i / 10)]) expect(Math.abs(value)).toBeLessThan(1e-6);
    // What proofs allow for rounding is little.
    else expect(Math.abs(value + least[i]!)).toBeLessThan(1e-3 * Math.max(1, Math.abs(value)));
  }
  const most = await drawn(graph, x, labels);
  for (const [i, value] of most.entries()) expect(value).toBeLessThan(data[i]! + 1e-4);
});

it("hold where the end of a network begins with several values, and where it has a class at a kink", async () => {
  const b = new Ops(emptyGraph("two"));
  const x = b.input({ name: "image", type: "float32", dims: ["N", 6] });
  const weights = (rows: number, columns: number) =>
    b.constant(
      tensor(
        "float32",
        [rows, columns],
        Float32Array.from({ length: rows * columns }, () => random.normal()),
      ),
    );
  const one = b.add("Relu", [b.matmul(x, weights(6, 5))]);
  const two = b.add("Sigmoid", [b.matmul(x, weights(6, 7))]);
  const ends = [
    b.plus(b.matmul(one, weights(5, 10)), b.matmul(two, weights(7, 10))),
    b.add("Relu", [b.matmul(one, weights(5, 10))]),
  ];
  for (const end of ends) {
    const graph = readOnnx(classifierFile(b.finish([end]), { name: "two", head: "logits" }).onnx);
    const samples = tensor(
      "float32",
      [SAMPLES, 6],
      Float32Array.from({ length: SAMPLES * 6 }, () => random.uniform()),
    );
    const labels = Int32Array.of(1, 9, 4);
    const { data } = await marginsOf(graph, samples, labels);
    const most = await drawn(graph, samples, labels);
    for (const [i, value] of most.entries()) expect(value).toBeLessThanOrEqual(data[i]! + 1e-5);
    for (const [sample, label] of labels.entries()) expect(data[sample * 10 + label]).toBeCloseTo(0, 5);
  }
});

it("are refused by the name of an operator that has no bounds", async () => {
  const b = new Ops(emptyGraph("sorted"));
  const x = b.input({ name: "image", type: "float32", dims: ["N", 10] });
  const graph = b.finish([b.addMany("TopK", [x, b.int64([10])], 2, { axis: 1 })[0]!]);
  const file = classifierFile(graph, { name: "sorted", head: "logits" });
  const samples = tensor("float32", [1, 10], new Float32Array(10));
  const error = await failure("unsupported", () => marginsOf(readOnnx(file.onnx), samples, Int32Array.of(0)));
  expect(error.message).toContain("TopK");
});

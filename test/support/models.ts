import { readFileSync } from "node:fs";
import type { Dataset } from "../../src/dataset.ts";
import { batchRanges } from "../../src/dataset.ts";
import { type ClassifierFile, type ClassifierOptions, classifierFile } from "../../src/models/classifier/classifier.ts";
import { type GraphModel, openClassifier } from "../../src/models/classifier/graph-model.ts";
import { readModel } from "../../src/models/formats/read.ts";
import { emptyGraph } from "../../src/onnx/builder.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";
import { randomFor } from "../../src/random.ts";
import { nodeRuntime } from "../../src/runtime/ort.node.ts";
import { type FloatTensor, product, tensor } from "../../src/tensor.ts";

/** A float32 tensor of plain numbers. */
export const floats = (dims: readonly number[], values: Iterable<number>): FloatTensor =>
  tensor("float32", dims, Float32Array.from(values));

/** Numbers in [low, high) that are the same in every run. */
export function numbers(count: number, seed: number, low = -1, high = 1): Float32Array {
  const random = randomFor(seed, 0);
  return Float32Array.from({ length: count }, () => low + (high - low) * random.uniform());
}

/** A graph of one input `x` and one output, made of operators. `batch` "N" leaves the batch open. */
export function graphOf(
  shape: readonly number[],
  make: (b: Ops, x: string) => string,
  batch: number | "N" = "N",
): Graph {
  const b = new Ops(emptyGraph("test"));
  const x = b.input({ name: "x", type: "float32", dims: [batch, ...shape] });
  return b.finish([make(b, x)]);
}

/** values @ weights + bias: weights [inputs, outputs], row by row. */
export function dense(b: Ops, values: string, weights: Float32Array, bias: readonly number[]): string {
  const outputs = bias.length;
  return b.plus(
    b.matmul(values, b.constant(floats([weights.length / outputs, outputs], weights))),
    b.constant(floats([outputs], bias)),
  );
}

/** logits = Wx + b, weights [inputs, classes]. */
export const linearGraph = (shape: readonly number[], weights: Float32Array, bias: readonly number[]): Graph =>
  graphOf(shape, (b, x) => dense(b, b.add("Flatten", [x], { axis: 1 }), weights, bias));

/** A two-class linear model whose margin z1 - z0 is ⟨w, x⟩ + bias. */
export function twoClassGraph(w: Float32Array, bias = 0, shape: readonly number[] = [w.length]): Graph {
  return linearGraph(
    shape,
    Float32Array.from({ length: 2 * w.length }, (_, i) => (i % 2 === 0 ? 0 : w[(i - 1) / 2]!)),
    [0, bias],
  );
}

/** A two-layer network with fixed weights: curved, unlike the linear ones. */
export function smallNetwork(shape: readonly number[], classes: number, seed = 7): Graph {
  const inputs = product(shape);
  const hidden = 16;
  return graphOf(shape, (b, x) => {
    const h = b.add("Relu", [
      dense(b, b.add("Flatten", [x], { axis: 1 }), numbers(inputs * hidden, seed), [...numbers(hidden, seed + 1)]),
    ]);
    return dense(b, h, numbers(hidden * classes, seed + 2), [...numbers(classes, seed + 3)]);
  });
}

/** The model in a graph, on ONNX Runtime with one thread. */
export const open = (graph: Graph, options: Partial<ClassifierOptions> = {}): GraphModel =>
  openClassifier(classifierFile(graph, { name: "test", ...options }), nodeRuntime("cpu", 1));

/** Runs `work` on a model and releases it. */
export async function using<T>(model: GraphModel, work: (model: GraphModel) => Promise<T>): Promise<T> {
  try {
    return await work(model);
  } finally {
    await model.release();
  }
}

export const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/pytorch/${name}`, import.meta.url)));

/** The fixture LeNet's graph. */
export const lenetGraph = (): Graph => readModel(fixture("lenet_zip.pth"), "lenet_zip.pth", "lenet");
export const lenetFile = (): ClassifierFile => classifierFile(lenetGraph(), { name: "lenet_zip.pth" });

/** A data set in memory. `classes` by default one more than the largest label. */
export function arrayDataset(x: FloatTensor, labels: readonly number[], classes = Math.max(...labels) + 1): Dataset {
  const [size, ...shape] = x.dims as [number, ...number[]];
  const width = product(shape);
  return {
    name: "array",
    size,
    shape,
    classes,
    async *batches(options) {
      for (const [start, end] of batchRanges(size, options))
        yield {
          indices: Int32Array.from({ length: end - start }, (_, i) => start + i),
          x: floats([end - start, ...shape], x.data.subarray(start * width, end * width)),
          labels: Int32Array.from(labels.slice(start, end)),
        };
    },
  };
}

/**
 * A graph that ends the process which loads it on Linux, through all checks: ONNX Runtime 1.30 computes a repeat of -2 from
 * constants, and asserts in the Slice behind it. logits = x W, and the sum of nothing.
 */
export function crashingGraph(): Graph {
  const b = new Ops(emptyGraph("crashing"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 4] });
  const repeats = b.cast(
    b.sub(b.add("Sin", [b.constant(floats([2], [0, 0]))]), b.constant(floats([2], [-1, 2]))),
    "int64",
  );
  const cut = b.slice(b.add("Tile", [x, repeats]), [1], [0], [4]);
  return b.finish([b.plus(b.matmul(x, b.constant(floats([4, 3], numbers(12, 1)))), b.reduceSum(cut, [0, 1], false))]);
}

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lenet } from "../architectures/lenet.ts";
import { product, tensor } from "../tensor.ts";
import { emptyGraph } from "./builder.ts";
import { readOnnx } from "./file.ts";
import { multiplyAdds } from "./flops.ts";
import { Ops } from "./ops.ts";

const zeros = (dims: readonly number[]) => tensor("float32", dims, new Float32Array(product(dims)));
const weights = new Map(Object.entries(lenet.parameters).map(([name, dims]) => [name, zeros(dims)]));
const densenet = () =>
  readOnnx(new Uint8Array(readFileSync(new URL("../../test/fixtures/onnx/densenet.onnx", import.meta.url))));

describe("multiplyAdds", () => {
  it("counts LeNet as one does by hand", () => {
    // conv1: 24² outputs × 10 channels × 5² kernel; conv2: 8² × 20 × 10 · 5²; then 320 × 50 and 50 × 10.
    const conv = 24 * 24 * 10 * 25 + 8 * 8 * 20 * 250;
    const gemm = 320 * 50 + 50 * 10;
    expect(multiplyAdds(lenet.build(weights))).toEqual({
      total: conv + gemm,
      operators: { Conv: conv, Gemm: gemm },
      unknown: [],
    });
  });

  it("counts a DenseNet as one does by hand", () => {
    // The stem: 32² outputs × 16 channels × 3 · 7². A block at side s: two layers of 1×1 to 32 channels, from 16 and from
    // 24, each followed by 3×3 to 8. Between blocks: 1×1 from 32 to 16 channels. At the end 32 features × 10 classes.
    const block = (side: number) => side ** 2 * ((16 + 24) * 32 + 2 * 32 * 9 * 8);
    const transition = (side: number) => side ** 2 * 32 * 16;
    const conv = 32 ** 2 * 16 * 147 + block(16) + transition(16) + block(8) + transition(8) + block(4);
    expect(multiplyAdds(densenet()).operators).toEqual({ Conv: conv, Gemm: 320 });
  });

  it("gives the count of one sample where the graph fixes another batch", () => {
    const graph = lenet.build(weights);
    const [input] = graph.inputs;
    const fixed = { ...graph, inputs: [{ ...input!, dims: [4, ...lenet.inputShape] }] };
    const nodes = fixed.nodes.filter((node) => node.op === "Conv");
    const conv = multiplyAdds({ ...fixed, nodes: fixed.nodes.slice(0, 1) });
    expect(nodes).toHaveLength(2);
    expect(conv.total).toBe(multiplyAdds({ ...graph, nodes: graph.nodes.slice(0, 1) }).total);
  });

  it("counts groups, transposed convolutions, batched products and transposed factors", () => {
    const b = new Ops(emptyGraph("g"));
    const x = b.input({ name: "x", type: "float32", dims: ["N", 4, 6, 6] });
    b.add("Conv", [x, b.parameter("depthwise", zeros([4, 1, 3, 3]))], { group: 4 });
    b.add("ConvTranspose", [x, b.parameter("up", zeros([4, 2, 2, 2]))], { strides: [2, 2] });
    b.matmul(x, b.parameter("right", zeros([6, 5])));
    const tall = b.input({ name: "tall", type: "float32", dims: [1, 7] });
    b.add("Gemm", [tall, b.parameter("row", zeros([1, 3]))], { transA: 1 });
    const graph = b.finish(b.nodes.map((node) => node.outputs[0]!));
    expect(multiplyAdds(graph).operators).toEqual({
      Conv: 4 * 16 * 9,
      ConvTranspose: 4 * 36 * 8,
      MatMul: 4 * 6 * 5 * 6,
      Gemm: 7 * 3,
    });
  });

  it("names what it cannot count", () => {
    const b = new Ops(emptyGraph("g"));
    const x = b.input({ name: "x", type: "float32", dims: ["N", "features"] });
    const graph = b.finish([b.matmul(x, x)]);
    expect(multiplyAdds(graph)).toMatchObject({ total: 0, unknown: [{ op: "MatMul" }] });
  });
});

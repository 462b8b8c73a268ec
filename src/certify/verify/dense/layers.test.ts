import { describe, expect, it } from "vitest";
import { withProgram } from "../../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../../onnx/builder.ts";
import type { Graph } from "../../../onnx/graph.ts";
import { Ops } from "../../../onnx/ops.ts";
import { randomFor } from "../../../random.ts";
import { type FloatTensor, product, tensor } from "../../../tensor.ts";
import { denseLayers } from "./layers.ts";
import { gradientsOf, outputsOf } from "./runs.ts";

const random = randomFor(3, 0);
const some = (...dims: number[]): FloatTensor =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: product(dims) }, () => 2 * random.uniform() - 1),
  );

/** [N, 1, 2, 3] to [N, 4] */
function graphOf(make: (b: Ops, x: string) => string): Graph {
  const b = new Ops(emptyGraph("dense"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 1, 2, 3] });
  b.alias("y", make(b, x));
  return b.finish(["y"]);
}
const flat = (b: Ops, x: string) => b.add("Flatten", [x], { axis: 1 });
const c = (b: Ops, ...dims: number[]) => b.constant(some(...dims));

const chains: Record<string, (b: Ops, x: string) => string> = {
  "Sub, Flatten, MatMul, Add, Relu, MatMul": (b, x) => {
    const hidden = b.matmul(flat(b, b.sub(x, c(b, 1, 2, 3))), c(b, 6, 5));
    return b.matmul(b.add("Relu", [b.plus(hidden, c(b, 5))]), c(b, 5, 4));
  },
  "Gemm, of both ways to store weights": (b, x) => {
    const hidden = b.add("Relu", [b.add("Gemm", [flat(b, x), c(b, 7, 6), c(b, 7)], { transB: 1 })]);
    return b.add("Gemm", [hidden, c(b, 7, 4)]);
  },
  "a bias added twice, one number for all, and Relu at the end": (b, x) => {
    const z = b.plus(b.plus(b.matmul(flat(b, x), c(b, 6, 4)), c(b, 1, 4)), c(b, 1));
    return b.add("Relu", [b.sub(z, c(b, 4))]);
  },
};

describe("layers of a chain", () => {
  it.each(Object.keys(chains))("%s: the outputs and gradients are those of the graph", async (name) => {
    const graph = graphOf(chains[name]!);
    const layers = denseLayers(graph)!;
    const x = some(3, 1, 2, 3);
    const given = await withProgram(graph, (program) => program.run({ x }));
    const own = outputsOf(layers, x.data);
    for (const [i, v] of (given["y"]!.data as Float32Array).entries()) expect(own[i]).toBeCloseTo(v, 5);
    const seed = some(3, 4).data;
    const g = gradientsOf(layers, x, seed);
    const at = (i: number, by: number) => {
      const moved = Float64Array.from(x.data, (v, k) => v + (k === i ? by : 0));
      return outputsOf(layers, moved).reduce((all, y, k) => all + y * seed[k]!, 0);
    };
    for (const i of [0, 7, 17]) expect(g[i]).toBeCloseTo((at(i, 1e-3) - at(i, -1e-3)) / 2e-3, 2);
  });

  const others: Record<string, (b: Ops, x: string) => string> = {
    "Gemm with an alpha": (b, x) => b.add("Gemm", [flat(b, x), c(b, 6, 4)], { alpha: { float: 2 } }),
    "another activation": (b, x) => b.add("Sigmoid", [b.matmul(flat(b, x), c(b, 6, 4))]),
    "a constant less a value": (b, x) => b.sub(c(b, 4), b.matmul(flat(b, x), c(b, 6, 4))),
    "too many elements": (b, x) => b.matmul(b.add("Relu", [b.matmul(flat(b, x), c(b, 6, 1021))]), c(b, 1021, 4)),
    "a branch": (b, x) => {
      const z = b.matmul(flat(b, x), c(b, 6, 4));
      return b.plus(z, b.add("Relu", [z]));
    },
    "a product along one axis of several": (b, x) => flat(b, b.matmul(x, c(b, 3, 2))),
    "a bias along another axis": (b, x) => b.matmul(flat(b, b.sub(x, c(b, 2, 1))), c(b, 6, 4)),
    "the order of axes": (b, x) => b.matmul(flat(b, b.transpose(x, [0, 1, 3, 2])), c(b, 6, 4)),
  };
  it.each(Object.keys(others))("%s: is none", (name) => {
    expect(denseLayers(graphOf(others[name]!))).toBeUndefined();
  });
});

import { expect, it } from "vitest";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Dim } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { mixingNodes } from "./mixing.ts";

function ops(build: (b: Ops, x: string) => string, opset = 17, batch: Dim = "N"): string[] {
  const b = new Ops(emptyGraph("g", opset));
  b.alias("scores", build(b, b.input({ name: "in", type: "float32", dims: [batch, 4, 2] })));
  return mixingNodes(b.finish(["scores"])).map(({ op }) => op);
}

it("names what runs over the samples of a batch, and nothing else", () => {
  const mean = (axes: readonly number[]) => (b: Ops, x: string) =>
    b.sub(x, b.add("ReduceMean", [x], { axes, keepdims: 1 }));
  expect(ops(mean([0]))).toEqual(["ReduceMean"]);
  expect(ops(mean([-3, 1]))).toEqual(["ReduceMean"]);
  expect(ops(mean([0]), 17, null)).toEqual(["ReduceMean"]);
  expect(ops(mean([1, 2]))).toEqual([]);
  expect(ops((b, x) => b.add("ReduceMax", [x]))).toEqual(["ReduceMax"]);
  for (const [opset, axis, mixes] of [
    [17, 0, true],
    [17, 1, false],
    [17, -1, false],
    [11, 0, true],
    [11, 1, false],
  ] as const)
    expect(ops((b, x) => b.add("Softmax", [x], { axis }), opset)).toEqual(mixes ? ["Softmax"] : []);
  expect(ops((b, x) => b.add("Softmax", [x]))).toEqual([]);
  expect(ops((b, x) => b.add("DynamicQuantizeLinear", [x]))).toEqual(["DynamicQuantizeLinear"]);
  // Where the axis of samples has moved.
  expect(ops((b, x) => b.reduceSum(b.transpose(x, [1, 0, 2]), [0], false))).toEqual([]);
  expect(ops((b, x) => b.reduceSum(b.transpose(x, [1, 0, 2]), [1], false))).toEqual(["ReduceSum"]);
  // Of a fixed batch, a run tells.
  expect(ops(mean([0]), 17, 4)).toEqual([]);
});

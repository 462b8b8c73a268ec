import { expect, it } from "vitest";
import { exported, exportedBytes, exportedValues } from "../../../test/support/onnx.ts";
import { asClassifier } from "../../autodiff/differentiate.ts";
import { readOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { writeTensor } from "../../onnx/tensor-proto.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";
import { classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { withOpenBatch } from "./open-batch.ts";

const runtime = nodeRuntime("cpu", 1);

/** A graph for n samples, with all that follows from it computed: sizes are constants. */
function fixedTo(graph: Graph, n: number): Graph {
  const fixed = { ...graph, inputs: graph.inputs.map((v) => ({ ...v, dims: [n, ...v.dims!.slice(1)] })) };
  const known = new Map(
    [...inferShapes(fixed)].flatMap(([name, { type, dims, values }]) =>
      type === "int64" &&
      !graph.initializers.has(name) &&
      dims?.every((d) => typeof d === "number") &&
      values?.every((v) => typeof v === "number")
        ? [[name, writeTensor(name, tensor("int64", dims, BigInt64Array.from(values, BigInt)))] as const]
        : [],
    ),
  );
  return {
    ...fixed,
    nodes: graph.nodes.filter(({ outputs }) => !outputs.every((name) => known.has(name))),
    initializers: new Map([...graph.initializers, ...known]),
    outputs: graph.outputs.map((v) => ({ ...v, dims: null })),
  };
}

it.each([...exported.map((name) => [name, 8] as const), ["vit", 1], ["swin", 1]] as const)(
  "%s, folded for %i, gives PyTorch's logits and gradients once it is open",
  async (name, n) => {
    const { graph } = asClassifier(readOnnx(exportedBytes(name)));
    const file = { ...classifierFile(fixedTo(graph, n), { name }), batch: n };
    const model = openClassifier(await withOpenBatch(file, runtime), runtime);
    const values = exportedValues(name);
    const labels = Int32Array.from(values.get("y")!.data as ArrayLike<number | bigint>, Number);
    const { logits, gradient } = await model.gradient(values.get("x") as FloatTensor, { kind: "untargeted", labels });
    for (const [got, wanted] of [
      [logits, values.get("logits")!],
      [gradient, values.get("grad")!],
    ] as const)
      for (const [i, v] of got.data.entries()) expect(Math.abs(v - Number(wanted.data[i]))).toBeLessThan(1e-4);
    await model.release();
  },
);

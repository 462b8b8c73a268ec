import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { readTensor } from "../../onnx/tensor-proto.ts";
import { quote } from "../../quote.ts";
import { product } from "../../tensor.ts";

/** Elements of a constant, at most: an ONNX file without files beside it holds no larger one. */
const MOST = 2 ** 29;

/** Refuses constants that a graph makes out of a few bytes and no memory holds. @throws unsupported */
export function checkConstants(graph: Graph, model: string): void {
  for (const { op, domain, inputs, outputs } of graph.nodes) {
    if (op !== "ConstantOfShape" || domain !== "") continue;
    const shape = graph.initializers.get(inputs[0] ?? "");
    if (shape?.dims.length !== 1 || shape.dims[0]! > 8n) continue;
    const dims = Array.from(readTensor(shape).data, Number);
    if (product(dims) > MOST)
      throw new PerturbError(
        "unsupported",
        `${model} makes a constant of shape [${dims}], ${quote(outputs[0] ?? "")}, which takes ${(product(dims) * 4e-9).toFixed(1)} GB; ${MOST} elements are allowed. Check that the file is a network.`,
        { data: { model, shape: dims, allowed: MOST } },
      );
  }
}

import { fromBinary } from "@bufbuild/protobuf";
import { type GraphProto, ModelProtoSchema } from "onnx-buf";
import { emptyGraph } from "../../src/onnx/builder.ts";
import { isFloat } from "../../src/onnx/facts.ts";
import { writeOnnx } from "../../src/onnx/file.ts";
import type { GraphValue } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";

let made = 0;

/** What a sub-graph is given: scalars of int64 and bool, floats of any shape, which may change from trip to trip. */
export const given = (...types: readonly NonNullable<GraphValue["type"]>[]): Omit<GraphValue, "name">[] =>
  types.map((type) => ({ type, dims: isFloat(type) ? null : [] }));

/**
 * A sub-graph for an attribute. Its own names stand nowhere else; it may use names of the graph around it.
 * @param build appends its nodes, and gives its outputs
 */
export function subgraph(
  opset: number,
  inputs: readonly Omit<GraphValue, "name">[],
  build: (b: Ops, x: readonly string[]) => readonly string[],
): GraphProto {
  const b = new Ops(emptyGraph("body", opset), `body${made++}`);
  const names = inputs.map((value) => b.input({ ...value, name: b.fresh("given") }));
  const outputs = build(b, names).map((name) => b.alias(b.fresh("result"), name));
  return fromBinary(ModelProtoSchema, writeOnnx(b.finish(outputs))).graph!;
}

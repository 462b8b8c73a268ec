/**
 * ONNX graphs: read, build, rewrite, infer shapes, write.
 * @module
 */
export { Attributes, type AttributeValue } from "../onnx/attributes.ts";
export type { Budget, Sized } from "../onnx/budget.ts";
export { emptyGraph, GraphBuilder } from "../onnx/builder.ts";
export type { Fact } from "../onnx/facts.ts";
export { readOnnx, writeOnnx } from "../onnx/file.ts";
export { type MultiplyAdds, multiplyAdds } from "../onnx/flops.ts";
export {
  type Dim,
  describeDims,
  describeNode,
  type Graph,
  type GraphValue,
  type Node,
  prune,
  type Rows,
  type ValueType,
} from "../onnx/graph.ts";
export { Ops } from "../onnx/ops.ts";
export { bindInput, freeNames, renameValues } from "../onnx/rewrite.ts";
export { inferShapes } from "../onnx/shapes.ts";
export { readTensor, writeTensor } from "../onnx/tensor-proto.ts";

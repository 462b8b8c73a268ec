import { Attributes } from "../../onnx/attributes.ts";
import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import { unsupported } from "../rules/constants.ts";

/** X as a matrix of float32, which these operators compute in whatever they are given. */
export function rowsOf(b: Ops, x: string): string {
  const single = b.fact(x).type === "float32" ? x : b.cast(x, "float32");
  return b.dims(x).length === 1 ? b.unsqueeze(single, [0]) : single;
}

/** A matrix of float32, row by row. */
export const matrix = (b: Ops, columns: number, values: readonly number[]): string =>
  b.constant(tensor("float32", [values.length / columns, columns], Float32Array.from(values)));

export const transformOf = (node: Node): string => node.attributes.string("post_transform", "NONE");

/** Scores as the node gives them out. */
export function transformed(node: Node, b: Ops, scores: string): string {
  const transform = transformOf(node);
  if (transform === "NONE") return scores;
  if (transform === "LOGISTIC") return b.add("Sigmoid", [scores]);
  if (transform === "SOFTMAX") return b.add("Softmax", [scores], { axis: 1 });
  throw unsupported(node, `post_transform "${transform}"`);
}

/** The class's own name or number behind each index, [n]. */
export function labelsAt(node: Node, b: Ops, index: string): string {
  const names = node.attributes.strings("classlabels_strings", []);
  if (names.length === 0) {
    const numbers = node.attributes.ints("classlabels_ints", []);
    return b.add("Gather", [b.int64(numbers), index]);
  }
  const label = b.fresh("label");
  const attributes = Attributes.from({ keys_int64s: names.map((_, i) => i), values_strings: { strings: names } });
  b.append({ op: "LabelEncoder", domain: "ai.onnx.ml", name: "", inputs: [index], outputs: [label], attributes });
  return label;
}

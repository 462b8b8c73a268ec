import type { Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { dependents } from "./coverage.ts";
import type { Backward } from "./recurrence.ts";
import { isMarked } from "./straight-through.ts";

/** Operators in which every product has a constant weight for one factor. */
const WEIGHTED = new Set(["Gemm", "MatMul", "Conv"]);
/** Operators that compare no class with another: the weighted sum of the classes stands before them. */
const BY_CLASS = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Neg",
  "Identity",
  "Dropout",
  "Flatten",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Relu",
  "Clip",
  "LeakyRelu",
  "BatchNormalization",
  "AveragePool",
  "GlobalAveragePool",
  "ReduceMean",
]);

/** Half a unit in the last place of a float32 of 1: of a sum of k terms, up to 2√k of them were seen, and k/4 where k is large. */
const ROUNDING = 2 ** -24;

/** Amends the gradient of one input of a node, given that of its output. */
export type Amend = (node: Node, input: number, gradient: string, g: string) => string;

/**
 * Sets what is rounding alone to zero. The gradient by what the last weighted sum reads is Σ_k s_k w_k over the classes, and the slopes
 * s_k of a loss sum to 0: where all classes weigh a feature alike, or their logits are the same, float32 leaves some 2⁻²⁴ of the terms
 * in the place of 0, and attacks would take its sign. What is no larger than that beside Σ_k |s_k w_k| has no sign that could be known.
 */
export function withoutResidue(b: Ops, logits: string, backward: Backward): Amend | undefined {
  const last = lastWeighted(b, logits);
  if (!last) return undefined;
  const { node, at } = last;
  const { dims } = b.fact(logits);
  const classes = typeof dims?.[1] === "number" ? dims[1] : 1;
  const tolerance = ROUNDING * Math.max(2 * Math.sqrt(classes), classes / 4);
  return (of, input, gradient, g) => {
    if (of !== node || input !== at) return gradient;
    const read = node.inputs[at]!;
    // The same sum of magnitudes: nothing reads its value, only its gradient.
    const sum = b.fresh("magnitudes");
    const inputs = node.inputs.map((name, i) => (i === 1 - at ? b.add("Abs", [name]) : name));
    b.append({ ...node, name: "", inputs, outputs: [sum] });
    const [terms] = backward(b, sum, b.add("Abs", [g]), [read]);
    const least = b.mul(b.add("Abs", [terms!]), b.scalar(tolerance, gradient));
    const size = b.add("Abs", [gradient]);
    return b.where(b.add("Less", [size, least]), b.scalar(0, gradient), gradient);
  };
}

/** The product with constants that makes logits, up to what changes each class by itself, and which of its inputs is no constant. */
function lastWeighted(b: Ops, logits: string): { readonly node: Node; readonly at: number } | undefined {
  const makers = new Map(b.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node])));
  const reached = dependents(b.nodes, ["x"], (name) => b.fact(name).type);
  for (let value = logits; ; ) {
    const node = makers.get(value);
    if (node?.domain !== "" || isMarked(node)) return undefined;
    const [at, ...others] = node.inputs.flatMap((name, i) => (reached.has(name) ? [i] : []));
    if (at === undefined || others.length > 0) return undefined;
    if (WEIGHTED.has(node.op)) return at < 2 ? { node, at } : undefined;
    if (!BY_CLASS.has(node.op)) return undefined;
    value = node.inputs[at]!;
  }
}

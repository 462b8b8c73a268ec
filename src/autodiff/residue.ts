import type { Node } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { dependents } from "./coverage.ts";
import type { Backward } from "./recurrence.ts";
import { isMarked } from "./straight-through.ts";

/** Operators in which every product has a constant weight for one factor. */
const WEIGHTED = new Set(["Gemm", "MatMul", "Conv"]);
/** Operators that leave the sum of the slopes over the classes 0: they shift, move, or scale all of them alike. */
const SHIFTS = ["Add", "Sub", "Neg", "Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose"];
/** Operators that compare no class with another: the weighted sum of the classes stands before them. */
const BY_CLASS = new Set([
  ...SHIFTS,
  "Mul",
  "Div",
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
 * in the place of 0, and attacks would take its sign. So it is computed as Σ_k s_k (w_k - w_0), which is the same and has no large terms
 * that cancel; what is then no larger than rounding beside Σ_k |s_k (w_k - w_0)| has no sign that could be known.
 * @param isBalanced whether the slopes of the loss sum to 0
 */
export function withoutResidue(b: Ops, logits: string, backward: Backward, isBalanced: boolean): Amend | undefined {
  const last = lastWeighted(b, logits);
  if (!last) return undefined;
  const { node, at, shifts } = last;
  const { dims } = b.fact(logits);
  const classes = typeof dims?.[1] === "number" ? dims[1] : 1;
  const tolerance = ROUNDING * Math.max(2 * Math.sqrt(classes), classes / 4);
  return (of, input, gradient, g) => {
    if (of !== node || input !== at) return gradient;
    const given = node.inputs[1 - at]!;
    const weights = isBalanced && shifts && at === 0 ? lessFirst(b, node, given) : given;
    /** The gradient through the same sum with other weights: nothing reads its value. */
    const through = (other: string, slope: string): string => {
      const sum = b.fresh("weighted");
      b.append({
        ...node,
        name: "",
        inputs: node.inputs.map((name, i) => (i === 1 - at ? other : name)),
        outputs: [sum],
      });
      return backward(b, sum, slope, [node.inputs[at]!])[0]!;
    };
    const precise = weights === given ? gradient : through(weights, g);
    const terms = through(b.add("Abs", [weights]), b.add("Abs", [g]));
    const least = b.mul(b.add("Abs", [terms]), b.scalar(tolerance, precise));
    return b.where(b.add("Less", [b.add("Abs", [precise]), least]), b.scalar(0, precise), precise);
  };
}

/** Weights less those of the first class. */
function lessFirst(b: Ops, node: Node, weights: string): string {
  const rank = b.dims(weights).length;
  const ofRows = node.op === "Conv" || (node.op === "Gemm" && node.attributes.int("transB", 0) !== 0);
  return b.sub(weights, b.slice(weights, [ofRows ? 0 : rank - 1], [0], [1]));
}

/**
 * The product with constants that makes logits, up to what changes each class by itself, and which of its inputs is no constant.
 * `shifts`: all in between shifts, moves or scales the classes alike.
 */
function lastWeighted(
  b: Ops,
  logits: string,
): { readonly node: Node; readonly at: number; readonly shifts: boolean } | undefined {
  const makers = new Map(b.nodes.flatMap((node) => node.outputs.map((name): [string, Node] => [name, node])));
  const reached = dependents(b.nodes, ["x"], (name) => b.fact(name).type);
  let shifts = true;
  for (let value = logits; ; ) {
    const node = makers.get(value);
    if (node?.domain !== "" || isMarked(node)) return undefined;
    const [at, ...others] = node.inputs.flatMap((name, i) => (reached.has(name) ? [i] : []));
    if (at === undefined || others.length > 0) return undefined;
    if (WEIGHTED.has(node.op)) return at < 2 ? { node, at, shifts } : undefined;
    if (!BY_CLASS.has(node.op)) return undefined;
    shifts &&= SHIFTS.includes(node.op) || ((node.op === "Mul" || node.op === "Div") && isOne(b, node.inputs[1 - at]));
    value = node.inputs[at]!;
  }
}

/** Whether a value has one element. */
const isOne = (b: Ops, name: string | undefined): boolean =>
  name !== undefined && b.fact(name).dims?.every((d) => d === 1) === true;

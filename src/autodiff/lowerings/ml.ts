import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { labelsAt, matrix, rowsOf, transformed, transformOf } from "./ml-scores.ts";
import { svmClassifier } from "./ml-svm.ts";

/** X·Wᵀ + b: one score a row of W. */
function linearScores({ node, x: [x], b }: LoweringContext, rows: number): string {
  const weights = node.attributes.floats("coefficients", []);
  const intercepts = node.attributes.floats("intercepts", undefined) ?? new Array<number>(rows).fill(0);
  const features = weights.length / rows;
  if (!Number.isInteger(features) || features === 0 || intercepts.length !== rows)
    throw new PerturbError(
      "invalid-file",
      `${describeNode(node)} has ${weights.length} coefficients and ${intercepts.length} intercepts for ${rows} scores. Export the model again.`,
    );
  const inputs = [rowsOf(b, x!), matrix(b, features, weights), matrix(b, rows, intercepts)];
  return b.add("Gemm", inputs, { transB: 1 });
}

/** One score for two classes: [1 - s, s], or with LOGISTIC [σ(-s), σ(s)], as ONNX Runtime. */
function bothSides(node: Node, b: Ops, score: string): string {
  const transform = transformOf(node);
  if (transform === "PROBIT") throw unsupported(node, `post_transform "${transform}"`);
  const [no, yes] =
    transform === "LOGISTIC"
      ? [b.add("Sigmoid", [b.neg(score)]), b.add("Sigmoid", [score])]
      : [b.sub(b.scalar(1, score), score), score];
  return b.add("Concat", [no, yes], { axis: 1 });
}

function linearClassifier(context: LoweringContext): string[] {
  const { node, b } = context;
  const classes = node.attributes.floats("intercepts", []).length;
  const scores = linearScores(context, classes);
  if (classes === 1) {
    const positive = b.cast(b.add("Greater", [b.squeeze(scores, [1]), b.scalar(0, scores)]), "int64");
    return [labelsAt(node, b, positive), bothSides(node, b, scores)];
  }
  const best = b.add("ArgMax", [scores], { axis: 1, keepdims: 0 });
  return [labelsAt(node, b, best), transformed(node, b, scores)];
}

function linearRegressor(context: LoweringContext): string[] {
  const { node, b } = context;
  const targets = node.attributes.int("targets", 1);
  const scores = linearScores(context, targets);
  // ONNX Runtime transforms the scores of several targets only.
  return [targets === 1 && transformOf(node) !== "PROBIT" ? scores : transformed(node, b, scores)];
}

/** (x - offset)·scale */
function scaler({ node, x: [x], b }: LoweringContext): string[] {
  const row = (name: string) => {
    const values = node.attributes.floats(name, []);
    return b.constant(tensor("float32", [values.length], Float32Array.from(values)));
  };
  const single = b.fact(x!).type === "float32" ? x! : b.cast(x!, "float32");
  return [b.mul(b.sub(single, row("offset")), row("scale"))];
}

const NORMS: Readonly<Record<string, string>> = { L1: "ReduceL1", L2: "ReduceL2" };

/** Each row by its norm, or by its largest element; a row whose norm is 0 stays as it is. */
function normalizer({ node, x: [x], b }: LoweringContext): string[] {
  const rows = rowsOf(b, x!);
  const kind = node.attributes.string("norm", "MAX");
  const norm = kind === "MAX" ? b.reduceMax(rows, [1], true) : reduced(b, NORMS[kind] ?? "", rows);
  const one = b.scalar(1, rows);
  return [b.div(rows, b.where(b.equal(norm, b.scalar(0, norm)), one, norm))];
}

/** An old reduction over axis 1, as the opset wants its axes. */
const reduced = (b: Ops, op: string, rows: string): string =>
  b.opset >= 18 ? b.add(op, [rows, b.int64([1])]) : b.add(op, [rows], { axes: [1] });

/** Columns by their numbers. */
function arrayFeatureExtractor({ x: [x, columns], b }: LoweringContext): string[] {
  const array = b.dims(x!).length === 1 ? b.unsqueeze(x!, [0]) : x!;
  return [b.add("Gather", [array, b.reshape(columns!, [-1])], { axis: -1 })];
}

/** The classical models of ai.onnx.ml (version 3) that have a gradient. */
export const mlLowerings = {
  LinearClassifier: linearClassifier,
  LinearRegressor: linearRegressor,
  Scaler: scaler,
  Normalizer: normalizer,
  ArrayFeatureExtractor: arrayFeatureExtractor,
  SVMClassifier: svmClassifier,
} satisfies Lowerings;

import { PerturbError } from "../../errors.ts";
import { describeNode, type Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { LoweringContext } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { labelsAt, matrix, rowsOf, transformed, transformOf } from "./ml-scores.ts";

/** The kernel of every sample with every support vector, [n, vectors]. */
function kernelOf(node: Node, b: Ops, x: string, vectors: readonly number[], features: number): string {
  const [gamma = 0, offset = 0, degree = 0] = node.attributes.floats("kernel_params", []);
  const scalar = (value: number) => b.scalar(value, x);
  const products = b.add("Gemm", [x, matrix(b, features, vectors), scalarRow(b)], { transB: 1 });
  const affine = () => b.plus(b.mul(products, scalar(gamma)), scalar(offset));
  const kernel = node.attributes.string("kernel_type", "LINEAR");
  if (kernel === "LINEAR") return products;
  if (kernel === "POLY") return b.add("Pow", [affine(), scalar(degree)]);
  if (kernel === "SIGMOID") return b.add("Tanh", [affine()]);
  if (kernel !== "RBF") throw unsupported(node, `kernel_type "${kernel}"`);
  // Differences first: |x|² - 2x·s + |s|² cancels.
  const differences = b.sub(b.unsqueeze(x, [1]), matrix(b, features, vectors));
  return b.exp(b.mul(b.reduceSum(b.mul(differences, differences), [2], false), scalar(-gamma)));
}

const scalarRow = (b: Ops): string => matrix(b, 1, [0]);

interface Pairs {
  /** [vectors, pairs] row by row: what each vector adds to the score of each pair of classes. */
  readonly weights: readonly number[];
  readonly pairs: readonly (readonly [number, number])[];
}

/** Of the pair i < j, the vectors of class i stand in row j - 1 of the coefficients, those of class j in row i. */
function pairsOf(coefficients: readonly number[], counts: readonly number[]): Pairs {
  const total = counts.reduce((a, c) => a + c, 0);
  const owner = counts.flatMap((count, i) => new Array<number>(count).fill(i));
  const pairs = counts.flatMap((_, i) => counts.flatMap((_, j): [number, number][] => (i < j ? [[i, j]] : [])));
  const weights = owner.flatMap((own, vector) =>
    pairs.map(([i, j]) =>
      own === i ? coefficients[(j - 1) * total + vector]! : own === j ? coefficients[i * total + vector]! : 0,
    ),
  );
  return { weights, pairs };
}

/** Scores of each pair of classes, [n, pairs]; of two classes alone, [-s, s]. (Chang and Lin 2011, LIBSVM, §4.1) */
export function svmClassifier({ node, x: [x], b }: LoweringContext): string[] {
  const list = (name: string) => node.attributes.floats(name, []);
  const counts = node.attributes.ints("vectors_per_class", []);
  const total = counts.reduce((a, c) => a + c, 0);
  if (total === 0) throw unsupported(node, "no support vectors");
  if (list("prob_a").length > 0)
    throw unsupported(node, "probabilities, which are fitted by iteration (SVC(probability=True)),");
  const features = list("support_vectors").length / total;
  const coefficients = list("coefficients");
  const { weights, pairs } = pairsOf(coefficients, counts);
  const rho = list("rho");
  if (!Number.isInteger(features) || coefficients.length !== total * (counts.length - 1) || rho.length !== pairs.length)
    throw new PerturbError(
      "invalid-file",
      `${describeNode(node)}: its lists do not fit together. Export the model again.`,
    );
  const kernel = kernelOf(node, b, rowsOf(b, x!), list("support_vectors"), features);
  const scores = b.add("Gemm", [kernel, matrix(b, pairs.length, weights), matrix(b, pairs.length, rho)]);
  const labels = labelsAt(node, b, votes(b, scores, pairs, counts.length));
  if (pairs.length > 1) return [labels, transformed(node, b, scores)];
  return [labels, twoClasses(node, b, scores)];
}

/** One score for two classes, as ONNX Runtime gives it out. */
function twoClasses(node: Node, b: Ops, score: string): string {
  if (transformOf(node) !== "NONE") throw unsupported(node, `post_transform "${transformOf(node)}" of two classes`);
  return b.add("Concat", [b.neg(score), score], { axis: 1 });
}

/** The class that wins most pairs, [n]. */
function votes(b: Ops, scores: string, pairs: Pairs["pairs"], classes: number): string {
  const wins = b.cast(b.add("Greater", [scores, b.scalar(0, scores)]), "float32");
  const tally = pairs.flatMap(([i, j]) => Array.from({ length: classes }, (_, c) => (c === i ? 1 : c === j ? -1 : 0)));
  const base = Array.from({ length: classes }, (_, c) => pairs.filter(([, j]) => j === c).length);
  return b.add("ArgMax", [b.add("Gemm", [wins, matrix(b, classes, tally), matrix(b, classes, base)])], {
    axis: 1,
    keepdims: 0,
  });
}

import type { Fact, ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";

/** One row a sample; a list is one sample. */
const samplesOf = ({ dims }: Fact): Dim => (dims ? (dims.length === 1 ? 1 : dims[0]!) : null);

const labels: ShapeRule = ({ node, input }) => ({
  type: node.attributes.has("classlabels_strings") ? null : "int64",
  dims: [samplesOf(input(0))],
});

/** Labels, and scores for as many classes as there are, or as many pairs of them. */
const classifier =
  (scores: (context: Parameters<ShapeRule>[0], classes: number) => number): ShapeRule =>
  (context) => {
    const { node, input } = context;
    const classes =
      node.attributes.ints("classlabels_ints", node.attributes.ints("classlabels_int64s", [])).length ||
      node.attributes.strings("classlabels_strings", []).length;
    const given = scores(context, classes);
    return [labels(context) as Fact, { type: "float32", dims: [samplesOf(input(0)), given || null] }];
  };

const regressor: ShapeRule = ({ node, input }) => ({
  type: "float32",
  dims: [samplesOf(input(0)), node.attributes.int("targets", node.attributes.int("n_targets", 1))],
});

const sameFloat: ShapeRule = ({ input }) => ({ type: "float32", dims: input(0).dims });

const columns: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  const count = input(1).dims;
  const known = count?.every((d) => typeof d === "number")
    ? count.reduce<number>((a, d) => a * (d as number), 1)
    : null;
  return { type, dims: dims && (dims.length === 1 ? [1, known] : [...dims.slice(0, -1), known]) };
};

/** Each class's share, or the score of each pair of classes where there are no probabilities. */
const svmScores = ({ node }: Parameters<ShapeRule>[0], classes: number): number =>
  classes === 2 || node.attributes.has("prob_a") ? classes : (classes * (classes - 1)) / 2;

/** The operators of ai.onnx.ml. */
export const mlShapes: Readonly<Record<string, ShapeRule>> = {
  LinearClassifier: classifier((_, classes) => classes),
  SVMClassifier: classifier(svmScores),
  TreeEnsembleClassifier: classifier((_, classes) => classes),
  LinearRegressor: regressor,
  TreeEnsembleRegressor: regressor,
  Scaler: sameFloat,
  Normalizer: sameFloat,
  ArrayFeatureExtractor: columns,
};

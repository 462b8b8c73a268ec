import type { MlOperator } from "../../../src/autodiff/lowerings.ts";
import { Attributes, type AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { numbers, type Sample } from "../gradient-check.ts";

/** An operator of ai.onnx.ml, with one output or two. */
function ml(b: Ops, op: string, inputs: readonly string[], attributes: Record<string, AttributeValue>, outputs = 1) {
  const names = Array.from({ length: outputs }, () => b.fresh(op));
  b.append({ op, domain: "ai.onnx.ml", name: "", inputs, outputs: names, attributes: Attributes.from(attributes) });
  return names.at(-1)!;
}

const floats = (...values: number[]) => ({ floats: values });
const WEIGHTS = [0.5, -1.5, 0.75, -0.25, 1, 0.5, -1, 0.25, 1.25];

const single = { type: "float32" as const, opsets: [9, 13, 18] };
const x = { dims: [4, 3], declared: ["N", 3] };

const classifier = (name: string, classes: number, attributes: Record<string, AttributeValue> = {}): Sample => ({
  name,
  ...single,
  inputs: { x },
  build: (b, v) =>
    ml(
      b,
      "LinearClassifier",
      [v["x"]!],
      {
        coefficients: floats(...WEIGHTS.slice(0, 3 * classes)),
        intercepts: floats(...[0.25, -0.5, 1].slice(0, classes)),
        classlabels_ints: [3, 5, 8].slice(0, Math.max(2, classes)),
        ...attributes,
      },
      2,
    ),
});

const regressor = (name: string, targets: number, attributes: Record<string, AttributeValue> = {}): Sample => ({
  name,
  ...single,
  inputs: { x },
  build: (b, v) =>
    ml(b, "LinearRegressor", [v["x"]!], {
      coefficients: floats(...WEIGHTS.slice(0, 3 * targets)),
      targets,
      ...attributes,
    }),
});

const normalizer = (norm: string): Sample => ({
  name: norm,
  ...single,
  // Away from the kinks: an element of 0, two that are the largest, and rows whose norm is 0.
  inputs: { x: { ...x, values: [2, -1, 0.5, 0.75, 3, -2, 1, 1.75, 2.5, -1.5, 0.5, 2] } },
  build: (b, v) => ml(b, "Normalizer", [v["x"]!], { norm }),
});

const machine = (
  kernel: string,
  perClass: readonly number[],
  attributes: Record<string, AttributeValue> = {},
): Sample => {
  const vectors = perClass.reduce((a, c) => a + c, 0);
  const list = (count: number, step: number) => Array.from({ length: count }, (_, i) => (((i * step) % 13) - 6) / 8);
  return {
    name: `${kernel}, ${perClass.length} classes${Object.keys(attributes).length ? `, ${Object.keys(attributes)}` : ""}`,
    ...single,
    inputs: { x },
    build: (b, v) =>
      ml(
        b,
        "SVMClassifier",
        [v["x"]!],
        {
          kernel_type: kernel,
          kernel_params: floats(0.25, 0.5, 3),
          support_vectors: floats(...list(3 * vectors, 5)),
          vectors_per_class: perClass,
          coefficients: floats(...list(vectors * (perClass.length - 1), 7)),
          rho: floats(...list((perClass.length * (perClass.length - 1)) / 2, 3)),
          classlabels_ints: [...perClass.keys()],
          ...attributes,
        },
        2,
      ),
  };
};

export const mlSamples = {
  LinearClassifier: [
    classifier("scores", 3),
    classifier("SOFTMAX", 3, { post_transform: "SOFTMAX" }),
    classifier("LOGISTIC", 3, { post_transform: "LOGISTIC" }),
    classifier("two classes", 2, { post_transform: "LOGISTIC" }),
    classifier("one score", 1),
    classifier("one score, LOGISTIC", 1, { post_transform: "LOGISTIC" }),
    classifier("one score, SOFTMAX", 1, { post_transform: "SOFTMAX" }),
  ],
  LinearRegressor: [
    regressor("one target", 1),
    regressor("one target, LOGISTIC, which changes nothing", 1, { post_transform: "LOGISTIC" }),
    regressor("two targets", 2, { intercepts: floats(0.5, -1) }),
    regressor("two targets, SOFTMAX", 2, { post_transform: "SOFTMAX" }),
  ],
  Scaler: [
    {
      name: "each feature",
      ...single,
      inputs: { x },
      build: (b, v) => ml(b, "Scaler", [v["x"]!], { offset: floats(1, -2, 0.5), scale: floats(2, 0.25, -1) }),
    },
    {
      name: "all alike",
      ...single,
      inputs: { x },
      build: (b, v) => ml(b, "Scaler", [v["x"]!], { offset: floats(0.5), scale: floats(3) }),
    },
  ],
  Normalizer: ["L1", "L2", "MAX"].map(normalizer),
  ArrayFeatureExtractor: [
    {
      name: "columns",
      ...single,
      inputs: { x },
      build: (b, v) => ml(b, "ArrayFeatureExtractor", [v["x"]!, b.constant(numbers("int64", [1, 2], [2, 0]))], {}),
    },
    {
      name: "one column twice",
      ...single,
      inputs: { x },
      build: (b, v) => ml(b, "ArrayFeatureExtractor", [v["x"]!, b.int64([1, 1])], {}),
    },
  ],
  SVMClassifier: [
    ...["LINEAR", "POLY", "RBF", "SIGMOID"].map((kernel) => machine(kernel, [2, 3, 2])),
    machine("RBF", [2, 2]),
    machine("RBF", [2, 2], { coefficients: floats(0.5, 0.25, 1, 0.75) }),
    machine("RBF", [2, 2, 3], { post_transform: "LOGISTIC" }),
  ],
} satisfies Readonly<Record<MlOperator, readonly Sample[]>>;

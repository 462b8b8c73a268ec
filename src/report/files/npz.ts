import type { EvaluationResult } from "../../evaluate.ts";
import { product, type Tensor, tensor } from "../../tensor.ts";

/**
 * The examples of all points as arrays, in order: `x` and `x_adv` [n, ...shape], `label`, `prediction`, `index` (in the
 * data set) [n] int32 and `epsilon` [n] float64.
 */
export function exampleArrays({ evaluation, pictures }: EvaluationResult): Record<string, Tensor> {
  const examples = evaluation.points.flatMap(({ epsilon, examples }, i) =>
    examples.flatMap((example, j) => {
      const picture = pictures[i]?.[j];
      return picture ? [{ ...example, ...picture, epsilon }] : [];
    }),
  );
  const n = examples.length;
  const shape = examples[0]?.shape ?? evaluation.model.inputShape;
  const size = product(shape);
  const stack = (values: (example: (typeof examples)[number]) => Float32Array) => {
    const data = new Float32Array(n * size);
    examples.forEach((example, i) => {
      data.set(values(example), i * size);
    });
    return tensor("float32", [n, ...shape], data);
  };
  const numbers = (key: "label" | "prediction" | "index") =>
    tensor(
      "int32",
      [n],
      Int32Array.from(examples, (example) => example[key]),
    );
  return {
    x: stack(({ original }) => original),
    x_adv: stack(({ adversarial }) => adversarial),
    label: numbers("label"),
    prediction: numbers("prediction"),
    index: numbers("index"),
    epsilon: tensor(
      "float64",
      [n],
      Float64Array.from(examples, ({ epsilon }) => epsilon),
    ),
  };
}

import type { EvaluationResult, Example, Picture } from "../../evaluate.ts";
import { product, type Tensor, tensor } from "../../tensor.ts";

/**
 * The examples of all points as arrays, in order: `x` and `x_adv` [n, ...shape], `label`, `prediction`, `index` (in the
 * data set) [n] int32 and `epsilon` [n] float64. Of samples of several shapes, each shape has arrays of its own, such as
 * `x-3x40x50`.
 */
export function exampleArrays({ evaluation, pictures }: EvaluationResult): Record<string, Tensor> {
  const examples = evaluation.points.flatMap(({ epsilon, examples }, i) =>
    examples.flatMap((example, j) => {
      const picture = pictures[i]?.[j];
      return picture ? [{ ...example, ...picture, epsilon }] : [];
    }),
  );
  const shapes = new Map(examples.map(({ shape }) => [String(shape), shape]));
  if (shapes.size < 2) return arraysOf(examples, examples[0]?.shape ?? evaluation.model.inputShape);
  const named = [...shapes].flatMap(([key, shape]) => {
    const arrays = arraysOf(
      examples.filter((example) => String(example.shape) === key),
      shape,
    );
    return Object.entries(arrays).map(([name, values]) => [`${name}-${shape.join("x")}`, values] as const);
  });
  return Object.fromEntries(named);
}

type Shown = Example & Picture & { readonly epsilon: number };

function arraysOf(examples: readonly Shown[], shape: readonly number[]): Record<string, Tensor> {
  const n = examples.length;
  const size = product(shape);
  const stack = (values: (example: Shown) => Float32Array) => {
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

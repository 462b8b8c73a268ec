import { PerturbError } from "../../errors.ts";
import { type DifferentiableModel, type Gradient, isDifferentiable, type Model, take, takeGoal } from "../../model.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";

/** The queries made for one sample: forward passes, and gradients. */
export interface Queries {
  forwards: number;
  gradients: number;
}

export interface Meter<M extends Model> {
  /** Counts its queries, and answers no more than `budget` of them for a sample. */
  readonly model: M;
  /** The queries made for a sample, by its index in the data set. */
  readonly of: (sample: number) => Readonly<Queries>;
}

/**
 * Counts the queries for each sample: forward passes and gradients. Beyond `budget` the model is not run: the
 * answer is NaN, which no attack takes for a success, and a gradient of zeros.
 */
export function metered<M extends Model>(model: M, budget = Number.POSITIVE_INFINITY): Meter<M> {
  const counts = new Map<number, Queries>();
  const of = (sample: number): Queries => {
    const known = counts.get(sample);
    if (known) return known;
    const fresh = { forwards: 0, gradients: 0 };
    counts.set(sample, fresh);
    return fresh;
  };
  /** The rows within the budget, which are counted. */
  const admit = (x: FloatTensor, samples: Int32Array | undefined, kind: keyof Queries): number[] => {
    if (!samples || samples.length !== x.dims[0])
      throw new PerturbError(
        "internal",
        "An attack ran its model without saying for which samples. Please report this.",
      );
    return [...samples.keys()].filter((i) => {
      const asked = of(samples[i]!);
      if (asked.forwards + asked.gradients >= budget) return false;
      asked[kind]++;
      return true;
    });
  };
  const { classes } = model;
  const metering: Model & Partial<DifferentiableModel> = {
    ...model,
    origin: model.origin ?? model,
    async logits(x, samples) {
      const rows = admit(x, samples, "forwards");
      if (rows.length === x.dims[0]) return model.logits(x, samples);
      const answer = rows.length > 0 ? await model.logits(takeRows(x, rows), take(samples!, rows)) : undefined;
      return spread(answer, rows, [x.dims[0]!, classes], Number.NaN);
    },
  };
  if (isDifferentiable(model))
    metering.gradient = async (x, goal, loss, samples) => {
      const n = x.dims[0]!;
      const rows = admit(x, samples, "gradients");
      if (rows.length === n) return model.gradient(x, goal, loss, samples);
      const answer: Partial<Gradient> =
        rows.length > 0
          ? await model.gradient(takeRows(x, rows), takeGoal(goal, rows), loss, take(samples!, rows))
          : {};
      return {
        logits: spread(answer.logits, rows, [n, classes], Number.NaN),
        loss: spread(answer.loss, rows, [n], Number.NaN),
        gradient: spread(answer.gradient, rows, x.dims, 0),
      };
    };
  // What it has of M beyond a model's own members, it has by the spread.
  return { model: metering as M, of };
}

/** Answers for `rows` among rows that hold `missing`. */
function spread(
  answer: FloatTensor | undefined,
  rows: readonly number[],
  dims: readonly number[],
  missing: number,
): FloatTensor {
  const size = dims.slice(1).reduce((a, b) => a * b, 1);
  const data = new Float32Array(dims[0]! * size).fill(missing);
  if (answer) {
    const width = sampleSize(answer);
    for (const [i, row] of rows.entries()) data.set(answer.data.subarray(i * width, (i + 1) * width), row * size);
  }
  return { type: "float32", dims, data };
}

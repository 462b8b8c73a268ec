import { type DifferentiableModel, type Gradient, isDifferentiable, type Model, takeGoal } from "../../model.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";

/** A model that is asked about so many samples at a time at most, so that memory is that of a batch. */
export function inPieces<M extends Model>(model: M, most: number): M {
  const asked: Model & Partial<DifferentiableModel> = {
    ...model,
    async logits(x, samples) {
      if (x.dims[0]! <= most) return model.logits(x, samples);
      const answers: FloatTensor[] = [];
      for (const rows of piecesOf(x, most)) answers.push(await model.logits(takeRows(x, rows), part(samples, rows)));
      return joined(answers);
    },
  };
  if (isDifferentiable(model))
    asked.gradient = async (x, goal, loss, samples): Promise<Gradient> => {
      if (x.dims[0]! <= most) return model.gradient(x, goal, loss, samples);
      const answers: Gradient[] = [];
      for (const rows of piecesOf(x, most))
        answers.push(await model.gradient(takeRows(x, rows), takeGoal(goal, rows), loss, part(samples, rows)));
      return {
        logits: joined(answers.map((one) => one.logits)),
        loss: joined(answers.map((one) => one.loss)),
        gradient: joined(answers.map((one) => one.gradient)),
      };
    };
  return asked as M;
}

function* piecesOf(x: FloatTensor, most: number): Generator<number[]> {
  const n = x.dims[0]!;
  for (let start = 0; start < n; start += most)
    yield Array.from({ length: Math.min(most, n - start) }, (_, i) => start + i);
}

const part = (samples: Int32Array | undefined, rows: readonly number[]): Int32Array | undefined =>
  samples && Int32Array.from(rows, (row) => samples[row]!);

function joined(parts: readonly FloatTensor[]): FloatTensor {
  const [first] = parts as readonly [FloatTensor, ...FloatTensor[]];
  const data = new Float32Array(parts.reduce((size, one) => size + one.data.length, 0));
  let at = 0;
  for (const one of parts) {
    data.set(one.data, at);
    at += one.data.length;
  }
  return { ...first, dims: [parts.reduce((n, { dims }) => n + dims[0]!, 0), ...first.dims.slice(1)], data };
}

import { checkCount, checkSignal } from "../../errors.ts";
import { type DifferentiableModel, type Gradient, isDifferentiable, type Model } from "../../model.ts";
import { option } from "../../option.ts";
import type { FloatTensor } from "../../tensor.ts";

/**
 * Expectation over transformation (Athalye, Engstrom, Ilyas and Kwok 2018, https://arxiv.org/abs/1707.07397, eq. 3): a model
 * that draws at random is asked `draws` times, and answers with the mean of its logits, its losses and its gradients.
 * @throws usage for a number of draws below 1 or not whole; cancelled between two draws
 */
export function averaged<M extends Model>(model: M, draws: number, signal?: AbortSignal): M {
  checkCount(`the number of draws (${option("eot")})`, draws);
  if (draws === 1) return model;
  const asked: Model & Partial<DifferentiableModel> = {
    ...model,
    async logits(x, samples) {
      const sum = await model.logits(x, samples);
      const total = Float64Array.from(sum.data);
      for (let k = 1; k < draws; k++) {
        checkSignal(signal);
        add(total, await model.logits(x, samples));
      }
      return mean(sum, total, draws);
    },
  };
  if (isDifferentiable(model))
    asked.gradient = async (x, goal, loss, samples): Promise<Gradient> => {
      const first = await model.gradient(x, goal, loss, samples);
      const parts = ["logits", "loss", "gradient"] as const;
      const totals = parts.map((part) => Float64Array.from(first[part].data));
      for (let k = 1; k < draws; k++) {
        checkSignal(signal);
        const next = await model.gradient(x, goal, loss, samples);
        for (const [i, part] of parts.entries()) add(totals[i]!, next[part]);
      }
      const [logits, losses, gradient] = parts.map((part, i) => mean(first[part], totals[i]!, draws));
      return { logits: logits!, loss: losses!, gradient: gradient! };
    };
  return asked as M;
}

function add(total: Float64Array, { data }: FloatTensor): void {
  for (let i = 0; i < total.length; i++) total[i]! += data[i]!;
}

const mean = (like: FloatTensor, total: Float64Array, draws: number): FloatTensor => ({
  ...like,
  data: Float32Array.from(total, (v) => v / draws),
});

import { checkLevels, onGrid } from "../../grid.ts";
import { type DifferentiableModel, isDifferentiable, type Model } from "../../model.ts";
import type { FloatTensor } from "../../tensor.ts";

/**
 * The model behind images of `levels` values a channel: it is asked at the nearest point of the grid, and the gradient
 * there passes straight through the rounding (Athalye, Carlini and Wagner 2018, https://arxiv.org/abs/1802.00420, §4.1).
 */
export function rounded<M extends Model>(model: M, levels: number): M {
  checkLevels(levels);
  const round = (x: FloatTensor): FloatTensor => ({ ...x, data: x.data.map((v) => onGrid(v, model.bounds, levels)) });
  const asked: Model & Partial<DifferentiableModel> = {
    ...model,
    logits: (x, samples) => model.logits(round(x), samples),
  };
  if (isDifferentiable(model))
    asked.gradient = (x, goal, loss, samples) => model.gradient(round(x), goal, loss, samples);
  return asked as M;
}

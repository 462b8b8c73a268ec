import {
  type DifferentiableModel,
  type ElementBounds,
  type Gradient,
  isDifferentiable,
  type Model,
} from "../../model.ts";
import type { FloatTensor } from "../../tensor.ts";

/**
 * The model as an attack sees it whose elements have bounds of their own: its gradient is 0 where an element stands at its bound and
 * the gradient leads beyond, so that no part of ε is spent on what cannot move.
 */
export function held<M extends Model>(model: M, { lower, upper }: Pick<ElementBounds, "lower" | "upper">): M {
  if (!isDifferentiable(model)) return model;
  const asked: DifferentiableModel = {
    ...model,
    gradient: async (x, goal, loss, samples) => heldBack(await model.gradient(x, goal, loss, samples), x, lower, upper),
  };
  return asked as Model as M;
}

/** A gradient at x without what leads beyond the bounds. */
export function heldBack(
  found: Gradient,
  { data: x }: FloatTensor,
  lower: Float32Array,
  upper: Float32Array,
): Gradient {
  const size = lower.length;
  const data = found.gradient.data.map((g, i) =>
    (g > 0 && x[i]! >= upper[i % size]!) || (g < 0 && x[i]! <= lower[i % size]!) ? 0 : g,
  );
  return { ...found, gradient: { ...found.gradient, data } };
}

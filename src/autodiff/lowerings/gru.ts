import type { Lowering } from "../lowering.ts";
import { type Layer, parts, product, readLayer, type Step } from "./recurrent.ts";
import { type Activation, activationsOf, clipOf } from "./recurrent-activations.ts";
import { runLayer } from "./recurrent-run.ts";
import { split } from "./split.ts";

/**
 * z, r = f(X·Wᵀ + h·Rᵀ + Wb + Rb); n = g(X·Wᵀ + (r·h)·Rᵀ + Wb + Rb), or with linear_before_reset
 * g(X·Wᵀ + Wb + r·(h·Rᵀ + Rb)); h' = (1 - z)·n + z·h (https://onnx.ai/onnx/operators/onnx__GRU.html).
 */
export const gru: Lowering = (context) => {
  const layer = readLayer(context, 3);
  const linearBeforeReset = context.node.attributes.int("linear_before_reset", 0) !== 0;
  return runLayer(layer, biasOf(layer, linearBeforeReset), [5], (direction, at) => {
    const clip = clipOf(at.context);
    const activations = activationsOf(at.context, layer.directions, ["Sigmoid", "Tanh"]);
    const clipped = activations.map(
      (f): Activation =>
        (x) =>
          f(clip(x)),
    );
    return step(layer, at, direction, clipped.slice(2 * direction), linearBeforeReset);
  });
};

/** The bias that is added before the reset: all of it, or all but the recurrent one of n. */
function biasOf({ context: { b }, bias, hidden }: Layer, linearBeforeReset: boolean): string | null {
  if (!bias) return null;
  const [input, recurrent] = bias;
  const outside = () => b.pad(b.slice(recurrent, [1], [0], [2 * hidden]), [0, 0], [0, hidden]);
  return b.plus(input, linearBeforeReset ? outside() : recurrent);
}

/** What is the same for every step is made once, around them; the steps stand `at` one of them, or all in a row. */
function step(
  { hidden, bias, recurrent, context: { b: around } }: Layer,
  { context: { b }, take }: Layer,
  direction: number,
  [f, g]: readonly Activation[],
  linearBeforeReset: boolean,
): Step {
  const zrAndN = [2 * hidden, hidden];
  const weights = split(around, recurrent[direction]!, 0, zrAndN) as [string, string];
  const [ofGates, ofN] = weights.map(take) as [string, string];
  const biasOfN = (): string => {
    if (!bias) return around.unsqueeze(around.scalar(0, weights[1]), [0]);
    return around.reshape(around.slice(bias[1], [0, 1], [direction, 2 * hidden], [direction + 1, 3 * hidden]), [
      hidden,
    ]);
  };
  const inner = linearBeforeReset ? take(biasOfN()) : "";
  return (input, [h = null]) => {
    const [inputOfGates, inputOfN] = split(b, input, 1, zrAndN) as [string, string];
    const [z, r] = parts(b, f!(product(b, h, ofGates, inputOfGates)), hidden, [true, h !== null || linearBeforeReset]);
    const candidate = linearBeforeReset
      ? b.plus(inputOfN, b.mul(r!, product(b, h, ofN, inner)))
      : product(b, h && b.mul(r!, h), ofN, inputOfN);
    const n = g!(candidate);
    return [h === null ? b.sub(n, b.mul(z!, n)) : b.plus(n, b.mul(z!, b.sub(h, n)))];
  };
}

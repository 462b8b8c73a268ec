import type { Lowering } from "../lowering.ts";
import { type Layer, parts, product, readLayer, type Step, unroll } from "./recurrent.ts";
import { type Activation, activationsOf, clipOf } from "./recurrent-activations.ts";
import { split } from "./split.ts";

/**
 * z, r = f(X·Wᵀ + h·Rᵀ + Wb + Rb); n = g(X·Wᵀ + (r·h)·Rᵀ + Wb + Rb), or with linear_before_reset
 * g(X·Wᵀ + Wb + r·(h·Rᵀ + Rb)); h' = (1 - z)·n + z·h (https://onnx.ai/onnx/operators/onnx__GRU.html).
 */
export const gru: Lowering = (context) => {
  const layer = readLayer(context, 3);
  const activations = activationsOf(context, layer.directions, ["Sigmoid", "Tanh"]);
  const clip = clipOf(context);
  const clipped = activations.map(
    (f): Activation =>
      (x) =>
        f(clip(x)),
  );
  const linearBeforeReset = context.node.attributes.int("linear_before_reset", 0) !== 0;
  return unroll(layer, biasOf(layer, linearBeforeReset), [5], (direction) =>
    step(layer, direction, clipped.slice(2 * direction), linearBeforeReset),
  );
};

/** The bias that is added before the reset: all of it, or all but the recurrent one of n. */
function biasOf({ context: { b }, bias, hidden }: Layer, linearBeforeReset: boolean): string | null {
  if (!bias) return null;
  const [input, recurrent] = bias;
  const outside = () => b.pad(b.slice(recurrent, [1], [0], [2 * hidden]), [0, 0], [0, hidden]);
  return b.plus(input, linearBeforeReset ? outside() : recurrent);
}

function step(layer: Layer, direction: number, [f, g]: readonly Activation[], linearBeforeReset: boolean): Step {
  const { hidden, bias, recurrent } = layer;
  const { b } = layer.context;
  const zrAndN = [2 * hidden, hidden];
  const [ofGates, ofN] = split(b, recurrent[direction]!, 0, zrAndN) as [string, string];
  const biasOfN = (): string => {
    if (!bias) return b.unsqueeze(b.scalar(0, ofN), [0]);
    return b.reshape(b.slice(bias[1], [0, 1], [direction, 2 * hidden], [direction + 1, 3 * hidden]), [hidden]);
  };
  const inner = linearBeforeReset ? biasOfN() : "";
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

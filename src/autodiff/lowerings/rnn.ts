import type { Lowering } from "../lowering.ts";
import { product, readLayer, unroll } from "./recurrent.ts";
import { activationsOf, clipOf } from "./recurrent-activations.ts";

/** h' = f(X·Wᵀ + h·Rᵀ + Wb + Rb) (https://onnx.ai/onnx/operators/onnx__RNN.html). */
export const rnn: Lowering = (context) => {
  const { b } = context;
  const layer = readLayer(context, 1);
  const activations = activationsOf(context, layer.directions, ["Tanh"]);
  const clip = clipOf(context);
  return unroll(layer, layer.bias && b.sum(layer.bias), [5], (direction) => {
    const f = activations[direction]!;
    return (input, [h = null]) => [f(clip(product(b, h, layer.recurrent[direction]!, input)))];
  });
};

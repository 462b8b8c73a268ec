import type { Lowering } from "../lowering.ts";
import { product, readLayer } from "./recurrent.ts";
import { activationsOf, clipOf } from "./recurrent-activations.ts";
import { runLayer } from "./recurrent-run.ts";

/** h' = f(X·Wᵀ + h·Rᵀ + Wb + Rb) (https://onnx.ai/onnx/operators/onnx__RNN.html). */
export const rnn: Lowering = (context) => {
  const { b } = context;
  const layer = readLayer(context, 1);
  return runLayer(layer, layer.bias && b.sum(layer.bias), [5], (direction, at) => {
    const f = activationsOf(at.context, layer.directions, ["Tanh"])[direction]!;
    const [clip, recurrent] = [clipOf(at.context), at.take(layer.recurrent[direction]!)];
    return (input, [h = null]) => [f(clip(product(at.context.b, h, recurrent, input)))];
  });
};

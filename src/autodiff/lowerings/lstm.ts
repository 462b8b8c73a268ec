import type { Lowering } from "../lowering.ts";
import { type Layer, parts, product, readLayer, type State, type Step } from "./recurrent.ts";
import { type Activation, activationsOf, clipOf } from "./recurrent-activations.ts";
import { runLayer } from "./recurrent-run.ts";
import { split } from "./split.ts";

/**
 * i, o, f, g from X·Wᵀ + h·Rᵀ + Wb + Rb; c' = f·c + i·g; h' = o·act(c'). Peepholes add P·c to i and f, P·c' to o; with
 * input_forget f = 1 - i (https://onnx.ai/onnx/operators/onnx__LSTM.html).
 */
export const lstm: Lowering = (context) => {
  const { x, b } = context;
  const layer = readLayer(context, 4);
  const ofDirection = x[7] ? split(b, x[7], 0, Array<number>(layer.directions).fill(1)) : [];
  return runLayer(layer, layer.bias && b.sum(layer.bias), [5, 6], (direction, at) => {
    const peepholes = ofDirection[direction];
    return step(
      at,
      at.take(layer.recurrent[direction]!),
      activationsOf(at.context, layer.directions, ["Sigmoid", "Tanh", "Tanh"]).slice(3 * direction),
      peepholes ? split(b, peepholes, 1, Array<number>(3).fill(layer.hidden)).map(at.take) : null,
    );
  });
};

/** @param peepholes of i, o and f, each [1, hidden] */
function step(
  { context, hidden }: Layer,
  recurrent: string,
  [gate, ofInput, ofCell]: readonly Activation[],
  peepholes: readonly string[] | null,
): Step {
  const { node, b } = context;
  const clip = clipOf(context);
  const coupled = node.attributes.int("input_forget", 0) !== 0;
  /** The arguments of i, o and f are activated at once where no peephole comes between. */
  const cut = (gates: string, needed: readonly boolean[]): string[] => {
    if (peepholes) return parts(b, gates, hidden, [...needed, true]);
    const [iof, g] = split(b, gates, 1, [3 * hidden, hidden]) as [string, string];
    return [...parts(b, gate!(clip(iof)), hidden, needed), g];
  };
  const open = (part: string, peephole: number, cell: State): string => {
    if (!peepholes) return part;
    return gate!(clip(cell ? b.plus(part, b.mul(peepholes[peephole]!, cell)) : part));
  };
  return (input, [h = null, c = null]) => {
    const usesForgetGate = c !== null && !coupled;
    const [i, o, f, g] = cut(product(b, h, recurrent, input), [true, true, usesForgetGate]);
    const inputGate = open(i!, 0, c);
    const added = b.mul(inputGate, ofInput!(clip(g!)));
    const forgetGate = () => (coupled ? b.sub(b.scalar(1, inputGate), inputGate) : open(f!, 2, c));
    const cell = c ? b.plus(b.mul(forgetGate(), c), added) : added;
    return [b.mul(open(o!, 1, cell), ofCell!(cell)), cell];
  };
}

import type { Architecture } from "../architecture.ts";
import { asClassifier } from "../autodiff/differentiate.ts";
import { backward } from "../autodiff/engine.ts";
import { losses } from "../autodiff/loss.ts";
import type { Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { type FloatTensor, tensor } from "../tensor.ts";
import type { Optimizer } from "../train.ts";
import { activateDropout } from "./dropout.ts";

type Parameters = ReadonlyMap<string, FloatTensor>;

/**
 * Inputs: `x` [N, …], `labels` (int64, [N]) and each parameter by its name. Outputs: `loss`, the sum over the batch of
 * the cross-entropy, and `correct`, how many were classified right.
 */
export function scoreGraph(architecture: Architecture, parameters: Parameters): Graph {
  return scored(asClassifier(architecture.build(parameters)).graph, architecture).finish(["loss", "correct"]);
}

/**
 * One step of training. Inputs: those of `scoreGraph`, a mask [N, …] for each dropout by its name, `parameters` (all of
 * them as one vector, in the architecture's order), and `state/…` and `step/…`, the optimizer's vectors and scalars.
 * Outputs: `loss` and `correct` as before the step; `next/parameters` and the vectors `next/…` after it. The gradient is
 * that of the mean loss of the batch.
 */
export function stepGraph(architecture: Architecture, parameters: Parameters, optimizer: Optimizer): Graph {
  const { graph } = asClassifier(architecture.build(parameters));
  const b = scored(activateDropout(graph, architecture.dropout), architecture);
  const gradient = meanGradient(b, Object.keys(architecture.parameters));
  const size = b.sizes(gradient);
  const input = (name: string, dims: readonly number[]) => b.input({ name, type: "float32", dims });
  const next = optimizer.update({
    b,
    parameters: input("parameters", size),
    gradient,
    state: named(optimizer.state, (name) => input(`state/${name}`, size)),
    scalars: named(Object.keys(optimizer.scalars(1, 1)), (name) => input(`step/${name}`, [])),
  });
  b.alias("next/parameters", next.parameters);
  for (const name of optimizer.state) b.alias(`next/${name}`, next.state[name]!);
  return b.finish(["loss", "correct", ...["parameters", ...optimizer.state].map((name) => `next/${name}`)]);
}

/** As one vector. */
function meanGradient(b: Ops, names: readonly string[]): string {
  const share = b.div(b.scalar(1, "loss"), b.cast(b.add("Size", ["labels"]), "float32"));
  const gradients = backward(b, "loss", share, names);
  return b.add("Concat", gradients.map((name) => b.reshape(name, [-1])), { axis: 0 });
}

function scored(graph: Graph, architecture: Architecture): Ops {
  const b = new Ops(graph);
  for (const name of Object.keys(architecture.parameters)) b.promote(name);
  b.input({ name: "labels", type: "int64", dims: [graph.inputs[0]!.dims![0]!] });
  b.alias("loss", b.reduceSum(losses["cross-entropy"](b, "logits", "labels"), [0], false));
  const right = b.add("Equal", [b.add("ArgMax", ["logits"], { axis: 1, keepdims: 0 }), "labels"]);
  b.alias("correct", b.reduceSum(b.cast(right, "float32"), [0], false));
  return b;
}

const named = <T>(names: readonly string[], make: (name: string) => T): Record<string, T> => Object.fromEntries(names.map((name) => [name, make(name)]));

import type { Architecture } from "../architecture.ts";
import { asClassifier } from "../autodiff/differentiate.ts";
import { backward } from "../autodiff/engine.ts";
import { losses } from "../autodiff/loss.ts";
import { emptyGraph } from "../onnx/builder.ts";
import type { Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import type { Optimizer } from "../train.ts";
import { activateDropout } from "./dropout.ts";
import { parameterNames, parameterViews, type Shapes, vectorSize } from "./vector.ts";

/**
 * How good the network is, without dropout. Inputs: `x` [N, …], `labels` (int64, [N]), each parameter by its name.
 * Outputs: `loss`, the sum over the batch of the cross-entropy, and `correct`, how many are classified right.
 */
export function scoreGraph(architecture: Architecture): Graph {
  return scored(architecture, inference(architecture)).finish(["loss", "correct"]);
}

/**
 * The same with dropout, whose masks [N, …] are inputs by its names, and with `gradient` [parameters]: the gradient of
 * `loss`, in one vector.
 */
export function gradientGraph(architecture: Architecture): Graph {
  const b = scored(architecture, activateDropout(inference(architecture), architecture.dropout));
  const gradients = backward(b, "loss", b.scalar(1, "loss"), parameterNames(architecture));
  b.alias(
    "gradient",
    b.add(
      "Concat",
      gradients.map((name) => b.reshape(name, [-1])),
      { axis: 0 },
    ),
  );
  return b.finish(["loss", "correct", "gradient"]);
}

/**
 * One update. Inputs: `gradient`, `parameters` and `state/…`, vectors [parameters]; `step/…`, scalars.
 * Outputs: `next/parameters` and the vectors `next/…`.
 */
export function updateGraph(architecture: Shapes, optimizer: Optimizer): Graph {
  const b = new Ops(emptyGraph(optimizer.name));
  const vector = (name: string) => b.input({ name, type: "float32", dims: [vectorSize(architecture)] });
  const scalar = (name: string) => b.input({ name, type: "float32", dims: [] });
  const next = optimizer.update({
    b,
    gradient: vector("gradient"),
    parameters: vector("parameters"),
    state: Object.fromEntries(optimizer.state.map((name) => [name, vector(`state/${name}`)])),
    scalars: Object.fromEntries(Object.keys(optimizer.scalars(1, 1)).map((name) => [name, scalar(`step/${name}`)])),
  });
  b.alias("next/parameters", next.parameters);
  for (const name of optimizer.state) b.alias(`next/${name}`, next.state[name]!);
  return b.finish(["next/parameters", ...optimizer.state.map((name) => `next/${name}`)]);
}

/** The network as a classifier; its parameters are placeholders. */
function inference(architecture: Architecture): Graph {
  const zeros = parameterViews(architecture, new Float32Array(vectorSize(architecture)));
  return asClassifier(architecture.build(new Map(Object.entries(zeros)))).graph;
}

function scored(architecture: Architecture, graph: Graph): Ops {
  const b = new Ops(graph);
  for (const name of parameterNames(architecture)) b.promote(name);
  b.input({ name: "labels", type: "int64", dims: [graph.inputs[0]!.dims![0]!] });
  b.alias("loss", b.reduceSum(losses["cross-entropy"](b, "logits", "labels").value, [0], false));
  const right = b.add("Equal", [b.add("ArgMax", ["logits"], { axis: 1, keepdims: 0 }), "labels"]);
  b.alias("correct", b.reduceSum(b.cast(right, "float32"), [0], false));
  return b;
}

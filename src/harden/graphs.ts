import { backward } from "../autodiff/engine.ts";
import { losses } from "../autodiff/loss.ts";
import type { AnyMethod, ConfiguredMethod } from "../harden.ts";
import { type Graph, valuesRead } from "../onnx/graph.ts";
import { readNode, writeNode } from "../onnx/node-proto.ts";
import { Ops } from "../onnx/ops.ts";
import { altered, renameNode } from "../onnx/subgraphs.ts";
import type { Network } from "./network.ts";

/** Inputs beside `x`, `labels` and the parameters: no value of a file has such a name. */
export const ADVERSARIAL = "perturb/adversarial";
export const REFERENCE = "perturb/reference";

type Of = Pick<Network, "graph" | "shapes" | "file">;

const batchOf = ({ graph }: Of) => graph.inputs.find(({ name }) => name === "x")!.dims![0]!;
const labelsOf = (b: Ops, of: Of): string => b.input({ name: "labels", type: "int64", dims: [batchOf(of)] });

/** Inputs: `x`, `labels`, the parameters. Outputs: `logits`, `loss` [n], and `gradient`, the cross-entropy's by x. */
export function attackGraph(of: Of): Graph {
  const b = new Ops(of.graph);
  const { value, slope } = losses["cross-entropy"](b, "logits", labelsOf(b, of));
  b.alias("loss", value);
  b.alias("gradient", backward(b, "logits", slope, ["x"])[0]!);
  return b.finish(["logits", "loss", "gradient"]);
}

/** Inputs: `x`, the reference logits [n, classes], the parameters. Output: `gradient`, by x, of the divergence from the reference. */
export function divergenceGraph(of: Of): Graph {
  const b = new Ops(of.graph);
  const reference = b.input({ name: REFERENCE, type: "float32", dims: [batchOf(of), of.file.classes] });
  const softmax = (logits: string) => b.add("Softmax", [logits], { axis: 1 });
  // ∂/∂z of KL(p ‖ softmax(z)).
  const slope = b.sub(softmax("logits"), softmax(reference));
  b.alias("gradient", backward(b, "logits", slope, ["x"])[0]!);
  return b.finish(["gradient"]);
}

/** Whether a method asks the network at the samples and at the points of its attack. */
export const asksBoth = ({ asks }: AnyMethod): boolean => asks.length > 1;

/**
 * The outer problem of a method. Inputs: `x`, the points that it trains on, or where it asks both the samples, and then the adversarial
 * points too; `labels`; the parameters. Outputs: `loss`, the sum over the samples; `correct`, how many of the points trained on are
 * classified right; `gradient`, of `loss` by all parameters, in one vector.
 */
export function stepGraph(of: Of, { method, options }: ConfiguredMethod): Graph {
  const b = new Ops(of.graph);
  const labels = labelsOf(b, of);
  const second = asksBoth(method) ? networkAt(b, of, ADVERSARIAL) : "logits";
  const loss = method.loss({ b, clean: "logits", adversarial: second, labels }, options as never);
  b.alias("loss", b.reduceSum(loss, [0], false));
  const right = b.add("Equal", [b.add("ArgMax", [second], { axis: 1, keepdims: 0 }), labels]);
  b.alias("correct", b.reduceSum(b.cast(right, "float32"), [0], false));
  const gradients = backward(b, "loss", b.scalar(1, "loss"), Object.keys(of.shapes.parameters));
  const flat = gradients.map((name) => b.reshape(name, [-1]));
  b.alias("gradient", flat.length > 1 ? b.add("Concat", flat, { axis: 0 }) : flat[0]!);
  return b.finish(["loss", "correct", "gradient"]);
}

/** The network once more, at another input and with the same parameters; gives the name of its logits. */
function networkAt(b: Ops, { graph }: Of, input: string): string {
  const x = graph.inputs.find(({ name }) => name === "x")!;
  const names = new Map([["x", b.input({ ...x, name: input })]]);
  const own = (name: string): string => b.fresh(name);
  for (const node of graph.nodes) {
    // What does not change with the input is shared.
    if (!valuesRead(node).some((name) => names.has(name))) continue;
    const value = (name: string): string => names.get(name) ?? name;
    for (const name of node.outputs) if (name !== "") names.set(name, own(name));
    const copy = renameNode(writeNode(node), { value, own });
    b.append(readNode(altered(copy, { name: own(node.name || node.op) })));
  }
  return names.get("logits")!;
}

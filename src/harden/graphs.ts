import { backward } from "../autodiff/engine.ts";
import { losses } from "../autodiff/loss.ts";
import type { AnyMethod, ConfiguredMethod } from "../harden.ts";
import type { Graph } from "../onnx/graph.ts";
import { merged } from "../onnx/merged.ts";
import { Ops } from "../onnx/ops.ts";
import { copied } from "./copied.ts";
import { type Asked, enclosedAround, lineMargins, worstMargins } from "./margins.ts";
import { largestOther } from "./methods/losses.ts";
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
export const asksBoth = ({ asks }: AnyMethod): boolean => asks.includes("clean") && asks.includes("adversarial");

/** What a number of the loss is called as an input: no value of a file has such a name. */
export const scalarOf = (name: string): string => `perturb/step/${name}`;
const RADIUS = scalarOf("radius");

/** Bounds around `x`, by the names of their radius: intervals, and lines that use them. */
function around(b: Ops, of: Of, labels: string) {
  const known = new Map<string, { readonly asked: Asked; readonly enclosed: ReturnType<typeof enclosedAround> }>();
  const within = (radius: string) => {
    const asked = { graph: of.graph, bounds: of.file.bounds, labels, radius };
    const found = known.get(radius) ?? { asked, enclosed: enclosedAround(b, asked) };
    known.set(radius, found);
    return found;
  };
  return {
    intervals: (radius: string) => worstMargins(b, within(radius).asked, within(radius).enclosed),
    lines: (radius: string) => lineMargins(b, within(radius).asked, within(radius).enclosed),
  };
}

/**
 * Inputs: `x`, `labels`, the radius, the parameters. Output: `certified`, for how many samples every x' of the L∞ ball has the class of the label, by
 * interval bounds, or by the better of these and of lines, for each class.
 */
export function certifiedGraph(of: Of, how: NonNullable<AnyMethod["certifies"]>): Graph {
  const b = new Ops(of.graph);
  const labels = labelsOf(b, of);
  const radius = b.input({ name: RADIUS, type: "float32", dims: [] });
  const bounds = around(b, of, labels);
  const wide = bounds.intervals(radius);
  const margins = how === "lines" ? b.add("Min", [wide, bounds.lines(radius)]) : wide;
  const others = largestOther(b, margins, margins, labels);
  const isBelow = b.add("Less", [others, b.scalar(0, others)]);
  b.alias("certified", b.reduceSum(b.cast(isBelow, "float32"), [0], false));
  return b.finish(["certified"]);
}

/**
 * The outer problem of a method. Inputs: `x`, the points that it trains on, or where it asks both the samples, and then the adversarial
 * points too; `labels`; the numbers of the step; the parameters. Outputs: `loss`, the sum over the samples; `correct`, how many of the points trained on are
 * classified right; `gradient`, of `loss` by all parameters, in one vector. `isVanished`: for steps in which the vanishing numbers of the method are 0.
 */
export function stepGraph(of: Of, { method, options }: ConfiguredMethod, isVanished = false): Graph {
  const b = new Ops(of.graph);
  const labels = labelsOf(b, of);
  const second = asksBoth(method) ? networkAt(b, of, ADVERSARIAL) : "logits";
  const scalars = new Map<string, string>();
  const scalar = (name: string): string => {
    const known = scalars.get(name) ?? b.input({ name: scalarOf(name), type: "float32", dims: [] });
    scalars.set(name, known);
    return known;
  };
  const { intervals: margins, lines } = around(b, of, labels);
  const inputGradient = () => backward(b, "logits", losses["cross-entropy"](b, "logits", labels).slope, ["x"])[0]!;
  const context = {
    b,
    clean: "logits",
    adversarial: second,
    labels,
    scalar,
    isVanished,
    margins,
    lines,
    inputGradient,
  };
  const loss = method.loss(context, options as never);
  b.alias("loss", b.reduceSum(loss, [0], false));
  const right = b.add("Equal", [b.add("ArgMax", [second], { axis: 1, keepdims: 0 }), labels]);
  b.alias("correct", b.reduceSum(b.cast(right, "float32"), [0], false));
  return withGradient(b.finish(["loss", "correct"]), Object.keys(of.shapes.parameters));
}

/** What bounds compute of the network once more is not differentiated twice. */
function withGradient(graph: Graph, parameters: readonly string[]): Graph {
  const b = new Ops(merged(graph));
  const flat = backward(b, "loss", b.scalar(1, "loss"), parameters).map((name) => b.reshape(name, [-1]));
  b.alias("gradient", flat.length > 1 ? b.add("Concat", flat, { axis: 0 }) : flat[0]!);
  return b.finish(["loss", "correct", "gradient"]);
}

/** The network once more, at another input and with the same parameters; gives the name of its logits. */
function networkAt(b: Ops, { graph }: Of, input: string): string {
  const x = graph.inputs.find(({ name }) => name === "x")!;
  return copied(b, graph.nodes, new Map([["x", b.input({ ...x, name: input })]])).get("logits")!;
}

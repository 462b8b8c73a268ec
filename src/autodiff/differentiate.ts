import { PerturbError } from "../errors.ts";
import { describeDims, type Graph, type GraphValue } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { bindInput, freeNames, renameValues } from "../onnx/rewrite.ts";
import { backward } from "./engine.ts";
import { findHead, type HeadInfo } from "./head.ts";
import { type LossName, losses } from "./loss.ts";
import { lower } from "./lower.ts";

/** A classifier's graph with the names that everything else relies on: input `x`, output `logits` [n, classes]. */
export interface Classifier {
  readonly graph: Graph;
  readonly classes: number;
  readonly head: HeadInfo["kind"];
}

/** More than any classifier has; the loss holds a list of them. */
const MAX_CLASSES = 2 ** 20;

/** Shape of one sample that the graph itself fixes, or null where it does not. */
export function sampleShape(graph: Graph): readonly number[] | null {
  const rest = theInput(graph).dims?.slice(1);
  return rest?.every((d) => typeof d === "number") ? rest : null;
}

/** The one input of a classifier. @throws unsupported when there are several */
export function theInput(graph: Graph): GraphValue {
  const [input, ...others] = graph.inputs;
  if (input && others.length === 0) return input;
  const names = graph.inputs.map((v) => `"${v.name}"`).join(", ") || "none";
  throw new PerturbError(
    "unsupported",
    `A classifier with one input is needed, and this model has ${graph.inputs.length} (${names}). Export a model with one input.`,
    {
      data: { inputs: graph.inputs.map((v) => v.name) },
    },
  );
}

/**
 * Names the input `x` and gives the logits, behind a softmax head if there is one, as [n, classes] under `logits`.
 * @param shape of one sample; needed where the graph leaves sizes open. @throws mismatch, unsupported
 */
export function asClassifier(original: Graph, shape = sampleShape(original)): Classifier {
  const input = theInput(original);
  if (!shape)
    throw new PerturbError(
      "unsupported",
      `The model's input "${input.name}" is ${describeDims(input.dims)}: its sample size is open, and a fixed one is needed. Give data, or export with fixed image sizes.`,
    );
  if (original.outputs.length !== 1)
    throw new PerturbError(
      "unsupported",
      `A classifier with one output is needed, and this model has ${original.outputs.length} (${original.outputs.map((v) => `"${v.name}"`).join(", ")}).`,
    );
  const free = freeNames(bindInput(original, input.name, shape), ["x", "labels", "logits", "loss", "gradient"]);
  const bound = renameValues(free, new Map([[theInput(free).name, "x"]]));
  const head = findHead(bound, bound.outputs[0]!.name);
  const b = new Ops(bound);
  const dims = b.dims(head.logits);
  const classes = dims[1];
  if (typeof classes !== "number" || dims.slice(2).some((d) => d !== 1))
    throw new PerturbError(
      "unsupported",
      `The model's output is ${describeDims(dims)}, and a classifier gives [batch, classes]. Choose a classifier, or add a node that pools its output.`,
    );
  if (classes > MAX_CLASSES)
    throw new PerturbError(
      "unsupported",
      `The model's output is ${describeDims(dims)}: ${classes} classes, of ${MAX_CLASSES} allowed. Check that its sizes are in the order [batch, classes].`,
    );
  const logits =
    dims.length === 2
      ? head.logits
      : b.squeeze(
          head.logits,
          dims.slice(2).map((_, i) => i + 2),
        );
  b.alias("logits", logits);
  return { graph: b.finish(["logits"]), classes, head: head.kind };
}

/**
 * The graph that also computes a loss and its gradient: inputs `x` and `labels` (int64, [n]); outputs `logits`
 * [n, classes], `loss` [n], and `gradient`, the gradient of each sample's own loss, in the shape of x.
 * Any ONNX runtime runs it. @throws no-gradient, unsupported
 */
export function differentiate({ graph }: Classifier, loss: LossName = "cross-entropy"): Graph {
  const b = new Ops(lower(graph, ["x"]));
  const batch = graph.inputs[0]!.dims![0]!;
  b.input({ name: "labels", type: "int64", dims: [batch] });
  const logits = behindAlias(graph, "logits");
  const { value, slope } = losses[loss](b, logits, "labels");
  // Samples do not mix, so the gradient of the sum holds the gradient of each.
  const [gradient] = backward(b, logits, slope, ["x"]);
  b.alias("loss", value);
  b.alias("gradient", gradient!);
  return b.finish(["logits", "loss", "gradient"]);
}

/** The value that an output is another name of: so that the loss does not go through the alias. */
const behindAlias = (graph: Graph, name: string): string => graph.nodes.find((n) => n.outputs[0] === name)!.inputs[0]!;

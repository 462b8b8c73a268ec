import { PerturbError } from "../errors.ts";
import { Attributes } from "../onnx/attributes.ts";
import { checkCounts } from "../onnx/counts.ts";
import { inlineFunctions } from "../onnx/functions.ts";
import { describeDims, type Graph, type GraphValue, type Node, ownInputs } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { inFloat32 } from "../onnx/precision.ts";
import { bindInput, freeNames, renameValues } from "../onnx/rewrite.ts";
import { typeCode } from "../onnx/tensor-proto.ts";
import { upgradeEarly } from "../onnx/upgrade-early.ts";
import { option } from "../option.ts";
import { MOST_VALUES } from "../tensor.ts";
import { batchFirst } from "./batch-axis.ts";
import { straightThrough } from "./coverage.ts";
import { backward, gradients } from "./engine.ts";
import { isTargeted, type LossName, losses, type TargetedLossName, targetedLosses } from "./loss.ts";
import { lower, simplified } from "./lower.ts";
import type { Reading, ScoreKind } from "./reading.ts";
import { withoutResidue } from "./residue.ts";
import { isOfLabels, labelsLoss } from "./scores/multi-label.ts";
import { lossLogits } from "./scores/values.ts";
import { readScores } from "./scores.ts";

/** A classifier's graph with the names that everything else relies on: input `x`, output `logits` [n, classes]. */
export interface Classifier {
  readonly graph: Graph;
  readonly classes: number;
  readonly head: ScoreKind;
  /** What the graph does not say of its output, and was assumed: a sentence each. */
  readonly assumptions: readonly string[];
  /** How many nodes before the logits round to integers, and pass the gradient straight through. */
  readonly straightThrough: number;
  /** Scores of labels of which only a run tells whether they are logits or probabilities. */
  readonly unseen?: true;
}

/** Shape of one sample that the graph itself fixes, or null where it does not; the whole input where it has no batch axis. */
export function sampleShape(graph: Graph): readonly number[] | null {
  const rest = theInput(batchFirst(inlineFunctions(graph))).dims?.slice(1);
  return rest?.every((d) => typeof d === "number") ? rest : null;
}

/** The one input of a classifier. @throws unsupported when there are several */
export function theInput(graph: Graph): GraphValue {
  const [input, ...others] = ownInputs(graph);
  if (input && others.length === 0) return input;
  const names = graph.inputs.map((v) => `"${v.name}"`).join(", ") || "none";
  throw new PerturbError(
    "unsupported",
    `A classifier with one input is needed, and this model has ${graph.inputs.length} (${names}). Name the one to perturb (${option("input")}) and give the others (${option("feeds")}).`,
    {
      data: { inputs: graph.inputs.map((v) => v.name) },
    },
  );
}

/**
 * Names the input `x` and gives the logits, behind a softmax head if there is one, as [n, classes] under `logits`, both in
 * float32; the batch comes first in both: see `batchFirst`. What is bfloat16 or float64 inside becomes float32, for ONNX
 * Runtime lacks most kernels for them; float16 stays.
 * @param shape of one sample; needed where the graph leaves sizes open
 * @param reading how the output becomes logits, where the graph does not show it.
 * @throws mismatch, unsupported, usage; invalid-file for counts that would end the process which runs the graph
 */
export function asClassifier(file: Graph, shape = sampleShape(file), reading: Reading = {}): Classifier {
  const original = withFloatInput(
    inFloat32(upgradeEarly(batchFirst(inlineFunctions(file), shape)), ["bfloat16", "float64"]),
  );
  const input = theInput(original);
  if (!shape)
    throw new PerturbError(
      "unsupported",
      `The model's input "${input.name}" is ${describeDims(input.dims)}: the size of a sample is open. Give data of one size, or the shape of a sample (${option("shape")}).`,
    );
  for (const sample of [shape, input.dims?.slice(1) ?? []]) {
    const size = sample.reduce<number>((known, of) => known * (typeof of === "number" ? of : 1), 1);
    if (size === 0 || size > MOST_VALUES)
      throw new PerturbError(
        "unsupported",
        `The model's input "${input.name}" takes samples of ${describeDims(sample)}. Samples have from 1 to ${MOST_VALUES} elements.`,
      );
  }
  if (original.outputs.length !== 1)
    throw new PerturbError(
      "unsupported",
      `A classifier with one output is needed, and this model has ${original.outputs.length} (${original.outputs.map((v) => `"${v.name}"`).join(", ")}). Choose the one with the class scores (${option("output")}).`,
    );
  const free = freeNames(bindInput(original, input.name, shape), [
    "x",
    "labels",
    "targets",
    "logits",
    "loss",
    "gradient",
  ]);
  // Shapes behind control flow are known once it is written out.
  const bound = lower(renameValues(free, new Map([[theInput(free).name, "x"]])), []);
  checkCounts(bound);
  const b = new Ops(bound);
  // Behind control flow that depends on the input, only the file says what comes out.
  const { logits, classes, kind, ...more } = readScores(b, bound, original.outputs[0]!.dims, reading);
  b.alias("logits", logits);
  const graph = b.finish(["logits"]);
  return { graph, classes, head: kind, ...more, straightThrough: straightThrough(graph, "logits") };
}

/** The graph with an input of float32: one of float16 is cast from it, and one of no type is taken for it. @throws unsupported for other types */
function withFloatInput(graph: Graph): Graph {
  const input = theInput(graph);
  if (input.type === "float32") return graph;
  if (input.type === null)
    return { ...graph, inputs: graph.inputs.map((v) => (v === input ? { ...v, type: "float32" } : v)) };
  if (input.type !== "float16")
    throw new PerturbError(
      "unsupported",
      `The model's input "${input.name}" takes ${input.type}, and only real numbers have a gradient. Export the model with a float input, the conversion from pixels left out.`,
      { data: { input: input.name, type: input.type } },
    );
  const free = freeNames(graph, ["x_float16"]);
  const { name } = theInput(free);
  const inner = renameValues(free, new Map([[name, "x_float16"]]));
  const attributes = Attributes.from({ to: typeCode("float16") });
  const cast: Node = { op: "Cast", domain: "", name: "", inputs: [name], outputs: ["x_float16"], attributes };
  const inputs = inner.inputs.map((v): typeof v => (v.rows ? v : { ...input, name, type: "float32" }));
  return { ...inner, inputs, nodes: [cast, ...inner.nodes] };
}

/**
 * The graph that also computes a loss and its gradient: inputs `x` and `labels` (int64, [n]), and for a targeted loss
 * `targets`, alike; outputs `logits` [n, classes], `loss` [n], and `gradient`, that of each sample's own loss, in the shape of x.
 * Any ONNX runtime runs it. @throws no-gradient, unsupported
 */
export function differentiate(
  { graph }: Pick<Classifier, "graph">,
  loss: LossName | TargetedLossName = "cross-entropy",
): Graph {
  const b = new Ops(simplified(graph));
  const batch = graph.inputs[0]!.dims![0]!;
  for (const name of isTargeted(loss) ? ["labels", "targets"] : ["labels"])
    b.input({ name, type: "int64", dims: [batch] });
  const logits = lossLogits(graph, behindAlias(graph, "logits"));
  const builder = loss === "cross-entropy" && isOfLabels(graph, logits) ? labelsLoss : undefined;
  const { value, slope } = isTargeted(loss)
    ? targetedLosses[loss](b, logits, "labels", "targets")
    : (builder ?? losses[loss])(b, logits, "labels");
  // Samples do not mix, so the gradient of the sum holds the gradient of each.
  const [gradient] = backward(b, logits, slope, ["x"], {
    ...gradients,
    amend: withoutResidue(b, logits, backward, builder === undefined && loss !== "logit" && loss !== "other-logits"),
  });
  b.alias("loss", value);
  b.alias("gradient", gradient!);
  return b.finish(["logits", "loss", "gradient"]);
}

/** The value that an output is another name of: so that the loss does not go through the alias. */
const behindAlias = (graph: Graph, name: string): string => graph.nodes.find((n) => n.outputs[0] === name)!.inputs[0]!;

import { tiedScores } from "../../autodiff/scores/values.ts";
import { PerturbError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { type GraphModel, isPlainGraph } from "../../models/classifier/graph-model.ts";
import type { NormName } from "../../norm.ts";
import { readOnnx } from "../../onnx/file.ts";
import { type Graph, prune } from "../../onnx/graph.ts";
import { computesIn } from "../../onnx/precision.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { option } from "../../option.ts";
import { requireCpu } from "../device.ts";

const refuse = (message: string): PerturbError => new PerturbError("unsupported", message);

/** The model as a graph. @throws unsupported for a model, a norm or a target that nothing can be proven of, saying what could be */
export function requireCertifiable(
  model: Model,
  { norm, target }: { readonly norm: NormName; readonly target: number | null },
): GraphModel {
  if (!isPlainGraph(model))
    throw refuse(
      `${model.name} is no graph as it was opened, and bounds are computed from graphs alone. Certify the ONNX file behind it.`,
    );
  const { name, file, runtime } = model;
  requireCpu(runtime, "Proofs");
  if (norm === "spatial")
    throw refuse(
      `Bounds are known for the norms linf, l2, l1 and l0, and not for ${norm}. Certify with ${option("norm", "linf")}.`,
    );
  if (target !== null)
    throw refuse(`A proof is that no other class is reached, whichever it is. Leave out ${option("target", target)}.`);
  if (file.head === "multi-label")
    throw refuse(
      `${name} has several labels for a sample, and proofs are of one class against all others. Certify a model of classes.`,
    );
  if (file.rows)
    throw refuse(
      `${name} takes a row for each sample beside it (${option("feeds")}), of which no bounds are known. Give one value for all samples.`,
    );
  if (file.picture)
    throw refuse(
      `Pictures at their own size are resized in steps that round, of which no bounds are known. Certify the input of the network: ${option("perturb", "input")}.`,
    );
  if (file.straightThrough > 0)
    throw refuse(
      `${name} rounds to integers in ${file.straightThrough} of its nodes, as quantised models do, and of these no bounds are known. Certify the model from before quantisation.`,
    );
  const { defence } = file;
  if (defence && (defence.isRandom || defence.straightThrough > 0))
    throw refuse(
      `${name} begins with ${defence.names.join(" and ")}, which ${defence.isRandom ? "draws at random" : "rounds"}, and of that no bounds are known. Certify the network behind it.`,
    );
  if (file.classes < 2) throw refuse(`${name} has one class, and nothing to be proven of it.`);
  return model;
}

/**
 * The graph of a classifier for any number of samples at a time, `x` to `logits`. Behind a head that may round scores of different logits to the same
 * value, such as several sigmoids, it gives these scores: what is proven is then that the label's is above all others as float32 has them. @throws unsupported
 */
export function certifiableGraph({ file }: GraphModel): Graph {
  const graph = withScores(readOnnx(file.onnx, file.name));
  if (computesIn(graph, ["float16", "bfloat16"]))
    throw refuse(
      `${file.name} computes in float16 or bfloat16, and bounds allow for the rounding of float32. Certify the model in float32.`,
    );
  const opened = { ...graph, inputs: graph.inputs.map((v) => ({ ...v, dims: ["N", ...v.dims!.slice(1)] })) };
  if (file.batch === null) return opened;
  if (inferShapes(opened).get(graph.outputs[0]!.name)?.dims?.[0] !== "N")
    throw refuse(
      `${file.name} fixes a batch of ${file.batch}, and bounds take any number of samples at a time. Export it with a first axis that is open.`,
    );
  return opened;
}

function withScores(graph: Graph): Graph {
  const scores = tiedScores(graph, graph.outputs[0]!.name);
  if (scores === undefined) return graph;
  const fact = inferShapes(graph).get(scores);
  return prune(graph, [{ name: scores, type: "float32", dims: fact?.dims ?? graph.outputs[0]!.dims }]);
}

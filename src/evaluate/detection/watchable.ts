import { PerturbError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import { type GraphModel, isPlainGraph } from "../../models/classifier/graph-model.ts";
import { readOnnx } from "../../onnx/file.ts";
import { describeNode } from "../../onnx/graph.ts";
import { isRestless } from "../../onnx/restless.ts";

/** @throws unsupported for a model in whose graph no detector can stand */
export function requireWatchable(model: Model): asserts model is GraphModel {
  const { name, head } = model;
  const refuse = (why: string): PerturbError => new PerturbError("unsupported", `${name} ${why}`, { data: { head } });
  if (!isPlainGraph(model))
    throw refuse("is no graph, and a detector is nodes of a model's graph. Give the ONNX file of its network.");
  if (head !== "logits" && head !== "softmax" && head !== "log-softmax")
    throw refuse(
      `has a head of the kind ${head}, and detectors are for a softmax over the classes, whose logits the graph shows. Give such a model.`,
    );
  if (model.file.defence?.isRandom)
    throw refuse(
      "begins with a defence that draws at random, so that its scores are not those of a sample. Give the network behind it.",
    );
  const { nodes, initializers } = readOnnx(model.file.onnx, name);
  const restless = nodes.find((node) => isRestless(node, initializers));
  if (restless)
    throw refuse(
      `has a node that draws at random or trains, ${describeNode(restless)}, so that its scores are not those of a sample. Export the model for inference.`,
    );
  if (model.ofShape) throw refuse("takes pictures at their own size. Have them resized.");
}

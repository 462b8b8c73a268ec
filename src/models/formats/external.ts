import { type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { tensorsOf } from "../../onnx/tensors.ts";

/** Whether a tensor's values lie in another file. */
export const isExternal = (t: TensorProto): boolean => t.dataLocation === TensorProto_DataLocation.EXTERNAL;

/** What an external tensor says of its place: location, offset, length. */
export const entryOf = (t: TensorProto, key: string): string | undefined =>
  t.externalData.find((entry) => entry.key === key)?.value;

/** The files, relative to the model's, that hold tensors of the graph, those of sub-graphs, attributes and functions too. */
export const externalFiles = (graph: Graph): string[] => [
  ...new Set([...tensorsOf(graph)].filter(isExternal).map((t) => entryOf(t, "location") ?? "")),
];

/** @throws unsupported where weights lie in other files, which bytes alone do not bring */
export function refuseExternal(graph: Graph, model: string): void {
  const [first] = externalFiles(graph);
  if (first === undefined) return;
  throw new PerturbError(
    "unsupported",
    `${model} keeps its weights in another file (${JSON.stringify(first)}), which is not here. Save the model as one file, or use the command line, which reads files beside the model.`,
    { data: { file: first } },
  );
}

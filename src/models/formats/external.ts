import { type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import { tensorsOf } from "../../onnx/tensors.ts";
import { bytesPerElement, product } from "../../tensor.ts";

/** Whether a tensor's values lie in another file. */
export const isExternal = (t: TensorProto): boolean => t.dataLocation === TensorProto_DataLocation.EXTERNAL;

/** What an external tensor says of its place: location, offset, length. */
export const entryOf = (t: TensorProto, key: string): string | undefined =>
  t.externalData.find((entry) => entry.key === key)?.value;

/** Bytes of a file, as an external tensor says them. */
interface Stated {
  readonly start: number;
  readonly length: number;
  /** Bytes that its shape needs; undefined for an element type of no fixed size. */
  readonly expected: number | undefined;
  /** Whether these are whole numbers, and as many bytes as its shape needs. */
  readonly fits: boolean;
}

/** Where an external tensor says that its bytes lie in its file. */
export function statedBytes(t: TensorProto): Stated {
  const type = elementType(t.dataType);
  const expected = type && product(t.dims.map(Number)) * bytesPerElement(type);
  const start = countOf(entryOf(t, "offset") ?? "0");
  const stated = entryOf(t, "length");
  const length = stated === undefined ? (expected ?? Number.NaN) : countOf(stated);
  const fits = Number.isSafeInteger(start + length) && (expected === undefined || length === expected);
  return { start, length, expected, fits };
}

/** A whole number as the standard has it: another reader would take "0x10" or " 8" for something else. */
const countOf = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Number.NaN);

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

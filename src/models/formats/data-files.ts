import { type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { Span } from "../../onnx/stored.ts";
import { altered } from "../../onnx/subgraphs.ts";
import { replaceTensors, tensorsOf } from "../../onnx/tensors.ts";
import { entryOf, isExternal, statedBytes } from "./external.ts";

/** The files beside a model that hold tensors of it, by their paths from its folder: "net.data", "weights/a.bin". */
export type DataFiles = ReadonlyMap<string, Uint8Array>;

/** Where the elements of a tensor lie in one of these files. */
export interface Place extends Span {
  readonly file: string;
}

/** Entries whose meaning is kept when elements change; a checksum's is not. */
const ENTRIES: ReadonlySet<string> = new Set(["location", "offset", "length"]);

/** @throws unsafe-file for a path that leaves the folder; invalid-file for a length that is not that of the shape; unsupported */
export function placeOf(t: TensorProto, model: string): Place {
  const file = pathOf(t, model);
  const other = t.externalData.find(({ key }) => !ENTRIES.has(key));
  if (other)
    throw new PerturbError(
      "unsupported",
      `${model}: the tensor "${t.name}" in ${file} has an entry ${JSON.stringify(other.key)}, which other elements would make wrong. Save the model anew, without it.`,
      { data: { tensor: t.name, entry: other.key } },
    );
  const { start, length, expected, fits } = statedBytes(t);
  if (fits) return { file, start, end: start + length };
  throw new PerturbError(
    "invalid-file",
    `${model}: the tensor "${t.name}" of shape [${t.dims}] should lie in ${file} at byte ${start}, ${length} bytes long; it needs ${expected ?? "a length"}. Save the model anew.`,
    { data: { tensor: t.name, file } },
  );
}

/** The paths of the files that hold tensors of a graph, those of sub-graphs, attributes and functions too. @throws unsafe-file, invalid-file, unsupported */
export const dataPaths = (graph: Graph, model: string): string[] => [
  ...new Set([...tensorsOf(graph)].filter(isExternal).map((t) => placeOf(t, model).file)),
];

/** The graph with the tensors of these files inside; shares their memory. @throws not-found, unsafe-file, invalid-file, unsupported */
export function withData(graph: Graph, files: DataFiles, model: string): Graph {
  const inside = (t: TensorProto): TensorProto =>
    altered(t, {
      rawData: bytesOf(t, files, model) as Uint8Array<ArrayBuffer>,
      dataLocation: TensorProto_DataLocation.DEFAULT,
      externalData: [],
    });
  return replaceTensors(graph, new Map([...tensorsOf(graph)].filter(isExternal).map((t) => [t, inside(t)])));
}

function bytesOf(t: TensorProto, files: DataFiles, model: string): Uint8Array {
  const { file, start, end } = placeOf(t, model);
  const bytes = files.get(file);
  if (!bytes)
    throw new PerturbError(
      "not-found",
      `${model} keeps "${t.name}" in another file, ${JSON.stringify(file)}, and ${files.size === 0 ? "none is given" : `only ${[...files.keys()].map((name) => JSON.stringify(name)).join(", ")} are given`}. Give its bytes under that name (files).`,
      { data: { tensor: t.name, file } },
    );
  if (end <= bytes.length) return bytes.subarray(start, end);
  throw new PerturbError(
    "invalid-file",
    `${model}: the tensor "${t.name}" should lie in ${file} at bytes ${start} to ${end}, and that file has ${bytes.length}. Give the file that belongs to the model.`,
    { data: { tensor: t.name, file } },
  );
}

/** The path from the model's folder, in one way of writing it: two tensors of one file give the same. */
function pathOf(t: TensorProto, model: string): string {
  const location = entryOf(t, "location") ?? "";
  const parts = location.split("/").filter((part) => part !== "." && part !== "");
  const isInside = !/^\/|^[a-z]:|[\\\0]/i.test(location) && parts.length > 0 && !parts.includes("..");
  if (isInside) return parts.join("/");
  throw new PerturbError(
    "unsafe-file",
    `${model}: the tensor "${t.name}" names the file ${JSON.stringify(location)} for its data, and only plain paths inside the model's folder can be written again. Save the model with its data beside it.`,
    { data: { tensor: t.name } },
  );
}

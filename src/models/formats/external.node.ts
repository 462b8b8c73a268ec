import { type FileHandle, open } from "node:fs/promises";
import { isAbsolute, join, normalize, sep } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProtoSchema } from "onnx-buf";
import { messageOf, PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import { bytesPerElement, product } from "../../tensor.ts";
import { entryOf, isExternal } from "./external.ts";

/** Tensors up to this many bytes are taken into the graph: shapes and axes, which inference needs to see. */
const SMALL = 2 ** 14;

/**
 * Checks the files in which a model keeps tensors: inside `folder`, and long enough. Large tensors stay there, where the
 * runtime maps them; small ones are taken into the graph.
 * @throws invalid-file for a place outside the folder or beyond a file's end; not-found
 */
export async function takeInExternal(graph: Graph, folder: string, model: string): Promise<Graph> {
  const files = new Map<string, FileHandle>();
  const initializers = new Map(graph.initializers);
  try {
    for (const t of graph.initializers.values()) {
      if (!isExternal(t)) continue;
      const location = locationOf(t, model);
      const file = files.get(location) ?? (await openData(join(folder, location), model));
      files.set(location, file);
      const small = await readSmall(t, location, file, model);
      if (small) initializers.set(t.name, small);
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
  return { ...graph, initializers };
}

/** The tensor with its bytes, where they are few. */
async function readSmall(
  t: TensorProto,
  location: string,
  file: FileHandle,
  model: string,
): Promise<TensorProto | undefined> {
  const type = elementType(t.dataType);
  const stated = entryOf(t, "length");
  const expected = type && product(t.dims.map(Number)) * bytesPerElement(type);
  const [offset, length] = [Number(entryOf(t, "offset") ?? 0), Number(stated ?? expected)];
  const { size } = await file.stat();
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!whole || (expected !== undefined && length !== expected) || offset + length > size)
    throw new PerturbError(
      "invalid-file",
      `${model}: the tensor "${t.name}" of shape [${t.dims}] should lie in ${location} at byte ${offset}, ${length} bytes long; it needs ${expected ?? "another number"}, and that file has ${size}. Copy the file that belongs to the model.`,
    );
  if (length > SMALL) return undefined;
  const rawData = new Uint8Array(length);
  await file.read(rawData, 0, length, offset);
  const { name, dims, dataType } = t;
  return create(TensorProtoSchema, { name, dims, dataType, rawData });
}

/** The file's name relative to the model's folder. A name that leaves the folder is refused: files are not trusted. */
function locationOf(t: TensorProto, model: string): string {
  const location = entryOf(t, "location") ?? "";
  const path = normalize(location);
  const leaves = isAbsolute(path) || path === ".." || path.startsWith(`..${sep}`) || /^[a-z]:/i.test(path);
  if (location !== "" && !location.includes("\0") && !leaves) return path;
  throw new PerturbError(
    "unsafe-file",
    `${model}: the tensor "${t.name}" names the file ${JSON.stringify(location)} for its data, which is not inside the model's folder. Save the model with its data beside it.`,
  );
}

/** Opens a file beside a model: a regular one. @throws not-found */
export async function openData(path: string, model: string): Promise<FileHandle> {
  try {
    const file = await open(path, "r");
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new Error("it is no file");
  } catch (cause) {
    throw new PerturbError(
      "not-found",
      `${model} keeps its weights in ${path}, which cannot be read: ${messageOf(cause)}. Put that file beside the model.`,
      { cause },
    );
  }
}

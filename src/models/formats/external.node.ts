import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { isAbsolute, join, normalize, sep } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProtoSchema } from "onnx-buf";
import { messageOf, PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { replaceTensors, tensorsOf } from "../../onnx/tensors.ts";
import { entryOf, isExternal, statedBytes } from "./external.ts";

/** Tensors up to this many bytes are taken into the graph: shapes and axes, which inference needs to see. */
const SMALL = 2 ** 14;
/** Bytes taken in of one model: a serialized graph holds less than 2 GiB. */
const MOST_TAKEN = 2 ** 30;

/**
 * Checks the files in which a model keeps tensors: inside `folder`, and long enough. Large initializers of the graph stay
 * there, where the runtime maps them. All else is taken into the graph: small tensors, and those of sub-graphs, attributes
 * and functions, which the runtime would look for in the folder that the program was started in.
 * @throws unsafe-file for a place outside the folder; invalid-file for one beyond a file's end; unsupported; not-found
 */
export async function takeInExternal(graph: Graph, folder: string, model: string): Promise<Graph> {
  const files = new Map<string, FileHandle>();
  const taken = new Map<TensorProto, TensorProto>();
  const own = new Set(graph.initializers.values());
  let left = MOST_TAKEN;
  try {
    for (const t of tensorsOf(graph)) {
      if (!isExternal(t)) continue;
      const location = locationOf(t, model);
      const file = files.get(location) ?? (await openData(folder, location, model));
      files.set(location, file);
      const { offset, length } = await placeOf(t, location, file, model);
      if (own.has(t) && length > SMALL) continue;
      left -= length;
      if (left < 0) throw tooLarge(model);
      taken.set(t, await readPlace(t, file, offset, length));
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
  return replaceTensors(graph, taken);
}

/** Where the tensor's bytes lie in its file. @throws invalid-file */
async function placeOf(t: TensorProto, location: string, file: FileHandle, model: string) {
  const { start: offset, length, expected, fits } = statedBytes(t);
  const { size } = await file.stat();
  if (fits && offset + length <= size) return { offset, length };
  throw new PerturbError(
    "invalid-file",
    `${model}: the tensor "${t.name}" of shape [${t.dims}] should lie in ${location} at byte ${entryOf(t, "offset") ?? 0}, ${entryOf(t, "length") ?? expected} bytes long; it needs ${expected ?? "another number"}, and that file has ${size}. Copy the file that belongs to the model.`,
  );
}

async function readPlace(t: TensorProto, file: FileHandle, offset: number, length: number): Promise<TensorProto> {
  const rawData = new Uint8Array(length);
  await file.read(rawData, 0, length, offset);
  const { name, dims, dataType } = t;
  return create(TensorProtoSchema, { name, dims, dataType, rawData });
}

const tooLarge = (model: string): PerturbError =>
  new PerturbError(
    "unsupported",
    `${model} keeps more than ${MOST_TAKEN / 2 ** 30} GiB of the tensors of its sub-graphs, attributes and functions in other files. Save these tensors in the model's own file.`,
  );

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

/**
 * Opens a file beside a model, a regular one, by its real path: a link may lead out of the folder, and to open a pipe waits
 * without end. @throws unsafe-file, not-found
 */
export async function openData(folder: string, location: string, model: string): Promise<FileHandle> {
  const path = join(folder, location);
  // Windows has only the first of them, and counts the others as 0.
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  try {
    const real = await realpath(path);
    const root = await realpath(folder);
    if (real !== root && !real.startsWith(join(root, sep))) throw leadsOut(path, real, model);
    const file = await open(real, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new Error("it is no file");
  } catch (cause) {
    if (cause instanceof PerturbError) throw cause;
    throw new PerturbError(
      "not-found",
      `${model} keeps its weights in ${path}, which cannot be read: ${messageOf(cause)}. Put that file beside the model.`,
      { cause },
    );
  }
}

const leadsOut = (path: string, real: string, model: string): PerturbError =>
  new PerturbError(
    "unsafe-file",
    `${model} keeps its weights in ${path}, which is a link to ${real}, outside of the model's folder. Copy that file beside the model, if it belongs to it.`,
    { data: { path, real } },
  );

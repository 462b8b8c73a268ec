import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf, PerturbError } from "../../errors.ts";
import { isBundled } from "../../models/bundled.ts";
import { externalFiles } from "../../models/formats/external.ts";
import { readModelFile } from "../../models/open.node.ts";
import { readOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";

/** Beyond this, what a .gz file unpacks to is taken to be an attack on memory. */
const MOST_BYTES = 2 ** 29;

/** The graph of a bundled model, or of an ONNX file, plain or .gz, with all its weights inside. @throws not-found, invalid-file, unsafe-file, unsupported */
export async function readNetwork(path: string): Promise<Graph> {
  const graph = readOnnx(await (isBundled(path) ? readModelFile(path) : readUnpacked(path)), basename(path));
  if (externalFiles(graph).length === 0) return graph;
  throw new PerturbError(
    "unsupported",
    `${basename(path)} keeps weights in other files, and only files with all weights inside can be verified. Save it with onnx.save(model, path, save_as_external_data=False).`,
  );
}

/** The text of a file, plain or .gz. @throws not-found, invalid-file, unsafe-file */
export const readText = async (path: string): Promise<string> => new TextDecoder().decode(await readUnpacked(path));

/** The bytes of a file; of a .gz file, those packed in it. Where only the packed file is there, it is read. */
async function readUnpacked(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" && !path.endsWith(".gz")) {
      const packed = await readFile(`${path}.gz`).catch(() => undefined);
      if (packed) return packed;
    }
    throw new PerturbError("not-found", `${path} cannot be read: ${messageOf(cause)}.`, { cause });
  });
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new Uint8Array(bytes);
  try {
    return new Uint8Array(await promisify(gunzip)(bytes, { maxOutputLength: MOST_BYTES }));
  } catch (cause) {
    const isTooLarge = cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    throw new PerturbError(
      isTooLarge ? "unsafe-file" : "invalid-file",
      isTooLarge
        ? `${path} unpacks to more than ${MOST_BYTES / 2 ** 20} MiB. Unpack it yourself if it is to be trusted.`
        : `${path} is no whole gzip file: ${messageOf(cause)}.`,
      { cause },
    );
  }
}

import { join } from "node:path";
import { messageOf, PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { type DataFiles, dataPaths } from "./data-files.ts";
import { openData } from "./external.node.ts";

/** Reads the files beside a model that hold tensors of it, whole. @throws not-found, unsafe-file, invalid-file, unsupported */
export async function readDataFiles(graph: Graph, folder: string, model: string): Promise<DataFiles> {
  const files = new Map<string, Uint8Array>();
  for (const path of dataPaths(graph, model)) {
    const file = await openData(folder, path, model);
    try {
      const { buffer, byteOffset, byteLength } = await file.readFile();
      files.set(path, new Uint8Array(buffer, byteOffset, byteLength));
    } catch (cause) {
      throw new PerturbError(
        "unsupported",
        `${model} keeps its weights in ${join(folder, path)}, which cannot be taken into memory: ${messageOf(cause)}.`,
        { cause },
      );
    } finally {
      await file.close();
    }
  }
  return files;
}

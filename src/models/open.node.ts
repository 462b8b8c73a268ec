import { readFile, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { didYouMean, messageOf, PerturbError } from "../errors.ts";
import { ownFile } from "../own-files.node.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { processTrial } from "../runtime/process.node.ts";
import { bundledModels, isBundled } from "./bundled.ts";
import { type GraphModel, openClassifier } from "./classifier/graph-model.ts";
import { checkedOnDevice } from "./device-check.ts";
import { takeInExternal } from "./formats/external.node.ts";
import { externalFiles } from "./formats/external.ts";
import { type GraphOptions, graphIn, type OpenedGraph, type OpenModelOptions, settledFrom } from "./open.ts";

export interface IsolateOption {
  /**
   * Whether the model runs once in a process of its own, its logits and its gradient, before it runs here: native code may
   * end its process over a file, and that is then the error unsafe-file. By default false. A bundled model never does.
   */
  readonly isolate?: boolean | undefined;
}

/** Reads a model by its path or bundled name. @throws not-found, and whatever its format's reader throws */
export async function openModelGraph(
  nameOrPath: string,
  { isolate = false, ...options }: GraphOptions & IsolateOption = {},
): Promise<OpenedGraph> {
  // It starts while the file is read.
  const trial = isolate && !isBundled(nameOrPath) ? processTrial() : undefined;
  const bytes = await readModelFile(nameOrPath);
  const name = basename(nameOrPath);
  const folder = dirname(resolve(nameOrPath));
  const opened = await graphIn(bytes, name, options, (graph) => takeInExternal(graph, folder, name));
  return { ...opened, ...(externalFiles(opened.graph).length > 0 && { folder }), ...(trial && { trial }) };
}

/**
 * Opens a model by its path or bundled name, by default on the native runtime, in this thread. Release it when done. On another device than the CPU, a few
 * samples are compared with what the CPU gives. @throws device where they differ; whatever `openModelGraph` throws
 */
export async function openModel(
  nameOrPath: string,
  {
    runtime = nodeRuntime(),
    name,
    arch,
    input,
    output,
    feeds,
    isolate,
    ...options
  }: Partial<OpenModelOptions> & IsolateOption = {},
): Promise<GraphModel> {
  const opened = await openModelGraph(nameOrPath, { arch, input, output, feeds, isolate });
  const file = await settledFrom(name === undefined ? opened : { ...opened, name }, options, runtime);
  return openClassifier(await checkedOnDevice(file, runtime, nodeRuntime("cpu")), runtime);
}

/** The bytes of a model by its path or bundled name. @throws not-found */
export async function readModelFile(nameOrPath: string): Promise<Uint8Array> {
  const path = isBundled(nameOrPath) ? ownFile(`models/${bundledModels[nameOrPath].file}`) : nameOrPath;
  try {
    if ((await stat(path)).isDirectory())
      throw new PerturbError("not-found", `${nameOrPath} is a folder. Give the model's file.`);
    // A plain array: the views that Buffer gives share memory where others copy.
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if (cause instanceof PerturbError) throw cause;
    const names = Object.keys(bundledModels);
    throw new PerturbError(
      "not-found",
      `The model ${nameOrPath} cannot be read: ${messageOf(cause)}. Give a file, or one of ${names.join(", ")}.${didYouMean(nameOrPath, names)}`,
      { cause },
    );
  }
}

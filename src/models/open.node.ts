import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { ArchitectureName } from "../architectures/index.ts";
import { sampleShape } from "../autodiff/differentiate.ts";
import { didYouMean, messageOf, PerturbError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import type { Runtime } from "../runtime.ts";
import { type ClassifierFile, type ClassifierOptions, classifierFile } from "./classifier.ts";
import { type GraphModel, openClassifier } from "./graph-model.ts";
import { readModel } from "./read.ts";
import { revealHead } from "./reveal.ts";

/** Models that come with the package, by name. */
export const bundledModels = {
  "lenet-mnist": {
    file: "lenet-mnist.onnx",
    description: "LeNet trained on MNIST by `perturb train --arch lenet --data mnist`",
  },
} as const;

export interface OpenModelOptions extends Omit<ClassifierOptions, "name" | "sha256"> {
  /** The network that a file of weights belongs to. */
  readonly arch?: ArchitectureName;
}

/** A model's graph and where it came from. */
export interface OpenedGraph {
  readonly name: string;
  readonly graph: Graph;
  /** SHA-256 of the file as it lies on disk, hex. */
  readonly sha256: string;
  /** Shape of one sample, where the graph fixes it. */
  readonly shape: readonly number[] | null;
}

/** Reads a model by its path or bundled name. @throws not-found, and whatever its format's reader throws */
export async function openModelGraph(nameOrPath: string, arch?: ArchitectureName): Promise<OpenedGraph> {
  const bytes = await readModelFile(nameOrPath);
  const name = basename(nameOrPath);
  const graph = readModel(bytes, name, arch);
  return { name, graph, sha256: createHash("sha256").update(bytes).digest("hex"), shape: sampleShape(graph) };
}

/** The classifier in an opened graph. */
export const modelFrom = (
  { graph, name, sha256 }: OpenedGraph,
  options: Omit<ClassifierOptions, "name" | "sha256">,
): ClassifierFile => classifierFile(graph, { ...options, name, sha256 });

/** Opens a model by its path or bundled name, ready for use in this thread. Release it when done. */
export async function openModel(
  nameOrPath: string,
  { arch, ...options }: OpenModelOptions = {},
  runtime: Runtime = nodeRuntime(),
): Promise<GraphModel> {
  return openClassifier(await revealHead(modelFrom(await openModelGraph(nameOrPath, arch), options), runtime), runtime);
}

/** The bytes of a model by its path or bundled name. @throws not-found */
export async function readModelFile(nameOrPath: string): Promise<Uint8Array> {
  const bundled = Object.hasOwn(bundledModels, nameOrPath)
    ? bundledModels[nameOrPath as keyof typeof bundledModels]
    : undefined;
  const path = bundled ? fileURLToPath(new URL(`../../models/${bundled.file}`, import.meta.url)) : nameOrPath;
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

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { ArchitectureName } from "../architectures/index.ts";
import { sampleShape } from "../autodiff/differentiate.ts";
import { didYouMean, messageOf, PerturbError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import type { Runtime } from "../runtime.ts";
import { settleBatch } from "./batching.ts";
import { type ClassifierFile, type ClassifierOptions, classifierFile } from "./classifier.ts";
import { externalFiles, takeInExternal } from "./external.node.ts";
import { type GraphModel, openClassifier } from "./graph-model.ts";
import { readModel } from "./read.ts";
import { revealHead } from "./reveal.ts";
import { type Endpoints, selectEndpoints } from "./select.ts";
import { checkWeights } from "./weights-check.ts";

/** Models that come with the package, by name. */
export const bundledModels = {
  "lenet-mnist": {
    file: "lenet-mnist.onnx",
    description: "LeNet trained on MNIST by `perturb train --arch lenet --data mnist`",
  },
  "conv-mnist-robust": {
    file: "conv-mnist-robust.onnx",
    description:
      "Convolutional network for MNIST, adversarially trained against L∞ at 0.3 (tools/torch-reference/robust_mnist.py)",
  },
} as const;

/** How a file becomes one graph with one input and one output. */
export interface GraphOptions extends Endpoints {
  /** The network that a file of weights belongs to. */
  readonly arch?: ArchitectureName | undefined;
}

type ModelOptions = Omit<ClassifierOptions, "name" | "sha256" | "folder">;
export interface OpenModelOptions extends ModelOptions, GraphOptions {}

/** A model's graph and where it came from. */
export interface OpenedGraph {
  readonly name: string;
  readonly graph: Graph;
  /** SHA-256 of the file as it lies on disk, hex. */
  readonly sha256: string;
  /** Shape of one sample, where the graph fixes it. */
  readonly shape: readonly number[] | null;
  /** Where the files lie that hold the graph's weights, if any do. */
  readonly folder?: string;
}

/** Reads a model by its path or bundled name. @throws not-found, and whatever its format's reader throws */
export async function openModelGraph(
  nameOrPath: string,
  { arch, ...endpoints }: GraphOptions = {},
): Promise<OpenedGraph> {
  const bytes = await readModelFile(nameOrPath);
  const name = basename(nameOrPath);
  const folder = dirname(resolve(nameOrPath));
  const graph = selectEndpoints(await takeInExternal(readModel(bytes, name, arch), folder, name), endpoints);
  checkWeights(graph, name);
  return {
    name,
    graph,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    shape: graph.inputs.length === 1 ? sampleShape(graph) : null,
    ...(externalFiles(graph).length > 0 && { folder }),
  };
}

/** The classifier in an opened graph. */
export const modelFrom = ({ graph, name, sha256, folder }: OpenedGraph, options: ModelOptions): ClassifierFile =>
  classifierFile(graph, { ...options, name, sha256, ...(folder !== undefined && { folder }) });

/** Opens a model by its path or bundled name, ready for use in this thread. Release it when done. */
export async function openModel(
  nameOrPath: string,
  { arch, input, output, feeds, ...options }: OpenModelOptions = {},
  runtime: Runtime = nodeRuntime(),
): Promise<GraphModel> {
  const opened = await openModelGraph(nameOrPath, { arch, input, output, feeds });
  return openClassifier(await settle(modelFrom(opened, options), runtime), runtime);
}

/** What only running a classifier tells: the batch that it takes, and whether it hides its logits. */
export const settle = async (file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> =>
  revealHead(await settleBatch(file, runtime), runtime);

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

import type { ArchitectureName } from "../architectures/index.ts";
import { otherBatches } from "../autodiff/batch-axis.ts";
import { sampleShape } from "../autodiff/differentiate.ts";
import { PerturbError } from "../errors.ts";
import { type Graph, ownInputs } from "../onnx/graph.ts";
import type { Runtime } from "../runtime.ts";
import { sha256 } from "../sha256.ts";
import { requireRows, settleBatch } from "./classifier/batching.ts";
import { type ClassifierFile, type ClassifierOptions, classifierFile } from "./classifier/classifier.ts";
import { describeFeeds, feedsRefused } from "./classifier/feed-shapes.ts";
import { type GraphModel, openClassifier } from "./classifier/graph-model.ts";
import { checkLabels, withLabelSets } from "./classifier/multi-label.ts";
import { revealHead } from "./classifier/reveal.ts";
import { type Endpoints, selectEndpoints } from "./classifier/select.ts";
import { type Trial, tryClassifier } from "./classifier/trial.ts";
import { checkConstants } from "./formats/constants-check.ts";
import { refuseExternal } from "./formats/external.ts";
import { readModel } from "./formats/read.ts";
import { checkWeights } from "./formats/weights-check.ts";

/** How a file becomes one graph with one input and one output. */
export interface GraphOptions extends Endpoints {
  /** The network that a file of weights belongs to. */
  readonly arch?: ArchitectureName | undefined;
}

/** A model is bound to the labels of its data where these are sets: `head: "multi-label"` and `labelSets` go together. */
export type ModelOptions = Omit<ClassifierOptions, "name" | "sha256" | "folder">;

export interface OpenModelOptions extends ModelOptions, GraphOptions {
  /** Who runs it: `ortRuntime` of any build of ONNX Runtime. */
  readonly runtime: Runtime;
  /** For messages and reports, by default "model". */
  readonly name?: string;
}

/**
 * Opens a model from the bytes of its file, ONNX or weights (with `arch`), in Node or in a browser. Release it when done.
 * @throws usage, invalid-file, unsafe-file, unsupported, mismatch, no-gradient: whatever cannot be read as a classifier
 */
export async function openModel(
  bytes: Uint8Array | ArrayBuffer,
  { runtime, name = "model", arch, input, output, feeds, ...options }: OpenModelOptions,
): Promise<GraphModel> {
  requireRuntime(runtime);
  return openGraphModel(await graphIn(plainBytes(bytes), name, { arch, input, output, feeds }), options, runtime);
}

/** A plain array on the same memory: Node's Buffer, which is one too, shares memory where others copy. */
function plainBytes(bytes: unknown): Uint8Array {
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
  throw new PerturbError(
    "usage",
    'openModel takes the bytes of a model: a Uint8Array or an ArrayBuffer. In Node, openModel of "perturb/node" takes a path.',
  );
}

/** @throws usage, also for JavaScript, which may leave it out */
function requireRuntime(runtime: Runtime | undefined): void {
  if (typeof runtime?.load !== "function")
    throw new PerturbError(
      "usage",
      'openModel needs who runs the model. Give { runtime: ortRuntime(ort) }, with ort imported from "onnxruntime-web/wasm" or "onnxruntime-node".',
    );
}

/** A model's graph and where it came from. */
export interface OpenedGraph {
  readonly name: string;
  readonly graph: Graph;
  /** SHA-256 of the file as it was read, hex. */
  readonly sha256: string;
  /** Shape of one sample, where the graph fixes it. */
  readonly shape: readonly number[] | null;
  /** Where the files lie that hold the graph's weights, if any do. */
  readonly folder?: string;
  /** Where it runs once before it runs here. */
  readonly trial?: Trial;
  /** What was given for its other inputs, in words. */
  readonly fed?: string;
}

/**
 * The graph in the bytes of a model file.
 * @param complete takes in what the bytes leave elsewhere; by default that is refused
 * @throws whatever the format's reader throws; usage, invalid-file, unsupported
 */
export async function graphIn(
  bytes: Uint8Array,
  name: string,
  { arch, ...endpoints }: GraphOptions = {},
  complete: (graph: Graph) => Graph | Promise<Graph> = (graph) => {
    refuseExternal(graph, name);
    return graph;
  },
): Promise<OpenedGraph> {
  const graph = selectEndpoints(await complete(readModel(bytes, name, arch)), endpoints);
  checkWeights(graph, name);
  checkConstants(graph, name);
  const fed = describeFeeds(endpoints.feeds);
  return {
    name,
    graph,
    sha256: await sha256(bytes),
    shape: ownInputs(graph).length === 1 ? sampleShape(graph) : null,
    ...(fed !== undefined && { fed }),
  };
}

/** The classifier in an opened graph. */
export const modelFrom = ({ graph, name, sha256, folder }: OpenedGraph, options: ModelOptions): ClassifierFile =>
  classifierFile(graph, { ...options, name, sha256, ...(folder !== undefined && { folder }) });

/** What only running a classifier tells: the batch that it takes, and whether it hides its logits. */
export const settle = async (
  file: ClassifierFile,
  runtime: Runtime,
  { head, labelSets, flip, threshold }: ModelOptions = {},
): Promise<ClassifierFile> => {
  const settled = await settleBatch(file, runtime);
  return head === "multi-label"
    ? withLabelSets(settled, runtime, { labelSets: labelSets!, flip, threshold })
    : revealHead(settled, runtime);
};

/**
 * The classifier in an opened graph, settled. Where its shapes do not tell which axis holds the samples, it is the one along which
 * a run gives a row for each.
 */
export async function settledFrom(
  opened: OpenedGraph,
  options: ModelOptions,
  runtime: Runtime,
): Promise<ClassifierFile> {
  checkLabels(options);
  const others = otherBatches(opened.graph);
  const settled = (graph: Graph) => triedAndSettled({ ...opened, graph }, options, runtime);
  if (opened.fed !== undefined) return withFeeds(opened, options, runtime);
  if (others.length === 0) return settled(opened.graph);
  let failure: unknown;
  for (const make of [() => opened.graph, ...others])
    try {
      const file = await settled(make());
      await requireRows(file, runtime);
      return file;
    } catch (error) {
      if (!(error instanceof PerturbError) || error.code === "unsafe-file") throw error;
      failure ??= error;
    }
  throw failure;
}

/** Settled by runs here, with the logits before and the gradient after in a trial. @throws unsafe-file where that ends */
function triedAndSettled(opened: OpenedGraph, options: ModelOptions, runtime: Runtime): Promise<ClassifierFile> {
  const file = modelFrom(opened, options);
  if (!opened.trial) return settle(file, runtime, options);
  return opened.trial(async (elsewhere) => {
    await tryClassifier(file, "logits", elsewhere);
    const settled = await settle(file, runtime, options);
    await tryClassifier(settled, "gradient", elsewhere);
    return settled;
  });
}

/** @throws mismatch where the graph cannot be run with what was given for its other inputs */
async function withFeeds(opened: OpenedGraph, options: ModelOptions, runtime: Runtime): Promise<ClassifierFile> {
  const { fed: _, ...plain } = opened;
  try {
    const file = await settledFrom(plain, options, runtime);
    await requireRows(file, runtime);
    return file;
  } catch (error) {
    throw feedsRefused(opened, error);
  }
}

/** The classifier in an opened graph, ready for use. Release it when done. */
export const openGraphModel = async (
  opened: OpenedGraph,
  options: ModelOptions,
  runtime: Runtime,
): Promise<GraphModel> => openClassifier(await settledFrom(opened, options, runtime), runtime);

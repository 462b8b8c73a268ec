import { asClassifier, differentiate, sampleShape } from "../../autodiff/differentiate.ts";
import type { HeadChoice, Pool } from "../../autodiff/reading.ts";
import type { Bounds, Head, Loss } from "../../model.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import { type ElementType, product, type Tensor } from "../../tensor.ts";
import { fedOnce } from "./feeds.ts";
import { type Normalization, normalizeInput } from "./preprocess.ts";

/** A classifier as a file: everything that another thread, or the page, needs to run it. Can be sent by postMessage. */
export interface ClassifierFile {
  readonly name: string;
  /** ONNX: input `x`, output `logits`. */
  readonly onnx: Uint8Array;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly head: Head;
  /** What the graph does not say, and was assumed: a sentence each. */
  readonly assumptions?: readonly string[];
  /** What the output was said to hold. */
  readonly said?: HeadChoice;
  /** How many nodes round to integers, and pass the gradient straight through. */
  readonly straightThrough: number;
  readonly bounds: Bounds;
  /** The batch size that the graph fixes, or null when any will do. */
  readonly batch: number | null;
  /** The folder of the files that hold the graph's weights, where they lie outside of it. */
  readonly folder?: string;
  /** Inputs of the graph beside `x` that hold a row for each sample. */
  readonly rows?: readonly FedRows[];
  /** The same classifier with the rows for all samples at once, where only a run tells which of the two it takes. */
  readonly once?: ClassifierFile;
  /** Number of trained values. */
  readonly parameters: number;
  /** What the graph begins with, where it was put in front of the network. */
  readonly normalization?: Normalization;
  /** SHA-256, in hex, of the file that it was read from. */
  readonly sha256?: string;
  /** Gradient graphs that are made already, by their loss: whoever opens the file then needs no differentiation. */
  readonly gradients?: Readonly<Partial<Record<Loss, Uint8Array>>>;
}

export interface ClassifierOptions {
  readonly name: string;
  /** SHA-256, in hex, of the file that the graph was read from. */
  readonly sha256?: string;
  /** Of the files that hold the graph's weights, where they lie outside of it. */
  readonly folder?: string;
  /** Shape of one sample, where the graph leaves sizes open. */
  readonly shape?: readonly number[];
  readonly normalization?: Normalization;
  /** By default [0, 1]. */
  readonly bounds?: Bounds;
  /** What the output holds, by default what the graph shows. */
  readonly head?: HeadChoice | undefined;
  /** Brings an axis of the output, such as time or anchors, to one value. */
  readonly pool?: Pool | undefined;
  /** Of a model with one output: class 1 is above it. By default 0.5 of a sigmoid, else 0. */
  readonly threshold?: number | undefined;
}

/** An input of the graph with what it holds for each sample. */
export interface FedRows {
  readonly input: string;
  /** Its name in the model that was opened. */
  readonly name: string;
  /** [samples, ...] */
  readonly values: Tensor;
}

/** Makes a classifier of a graph: finds its logits, puts the preprocessing in front. @throws mismatch, unsupported */
export function classifierFile(graph: Graph, options: ClassifierOptions): ClassifierFile {
  const { name, shape, normalization, bounds = { lower: 0, upper: 1 }, sha256, folder, ...reading } = options;
  const classifier = asClassifier(graph, shape ?? sampleShape(graph), reading);
  const complete = normalization ? normalizeInput(classifier.graph, normalization) : classifier.graph;
  const [batch, ...inputShape] = complete.inputs[0]!.dims!;
  const rows = complete.inputs.flatMap(({ name: input, rows: of }) =>
    of ? [{ input, name: of.name, values: of.values }] : [],
  );
  return {
    name,
    onnx: writeOnnx(complete),
    inputShape: inputShape as number[],
    classes: classifier.classes,
    head: classifier.head,
    ...(classifier.assumptions.length > 0 && { assumptions: classifier.assumptions }),
    ...(reading.head && { said: reading.head }),
    straightThrough: classifier.straightThrough,
    bounds,
    batch: typeof batch === "number" ? batch : null,
    parameters: countParameters(graph),
    ...(normalization && { normalization }),
    ...(sha256 !== undefined && { sha256 }),
    ...(folder !== undefined && { folder }),
    ...(rows.length > 0 && { rows }),
    ...(graph.inputs.some((v) => v.rows?.isSure === false) && { once: classifierFile(fedOnce(graph), options) }),
  };
}

/** Types of real numbers. */
export const FLOATS: readonly ElementType[] = ["float32", "float64", "float16", "bfloat16"];

/** Trained values: float initializers that are no scalars. */
export const countParameters = (graph: Graph): number =>
  [...graph.initializers.values()]
    .filter((t) => FLOATS.some((type) => type === elementType(t.dataType)) && t.dims.length > 0)
    .reduce((sum, t) => sum + product(t.dims.map(Number)), 0);

/** The graph of the classifier's logits, of a loss and of its gradient: see `differentiate`. @throws no-gradient */
export function gradientGraph({ onnx, name }: ClassifierFile, loss: Loss): Graph {
  return differentiate({ graph: readOnnx(onnx, name) }, loss);
}

/** The file with the gradient graph of a loss made: for workers, which then start faster. @throws no-gradient */
export const withGradient = (file: ClassifierFile, loss: Loss): ClassifierFile => ({
  ...file,
  gradients: { ...file.gradients, [loss]: writeOnnx(gradientGraph(file, loss)) },
});

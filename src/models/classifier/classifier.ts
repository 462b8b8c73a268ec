import { branchesOn } from "../../autodiff/coverage.ts";
import { asClassifier, differentiate } from "../../autodiff/differentiate.ts";
import { markStraightThrough } from "../../autodiff/straight-through.ts";
import type { Bounds, Head, Loss } from "../../model.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { inlineFunctions } from "../../onnx/functions.ts";
import type { Graph } from "../../onnx/graph.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import { type ElementType, product } from "../../tensor.ts";
import { type Normalization, normalizeInput } from "./preprocess.ts";

/** A classifier as a file: everything that another thread, or the page, needs to run it. Can be sent by postMessage. */
export interface ClassifierFile {
  readonly name: string;
  /** ONNX: input `x`, output `logits`. */
  readonly onnx: Uint8Array;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly head: Head;
  /** How many nodes step, and pass the gradient straight through. */
  readonly straightThrough: number;
  /** Operators and nodes that were asked to do so. */
  readonly askedThrough?: readonly string[];
  readonly bounds: Bounds;
  /** The batch size that the graph fixes, or null when any will do. */
  readonly batch: number | null;
  /** An If on values of the input, one for the whole batch, is in the way of more than one sample at a time. */
  readonly branches?: true;
  /** The folder of the files that hold the graph's weights, where they lie outside of it. */
  readonly folder?: string;
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
  /**
   * Operators (Round, Floor, Ceil, Sign, Cast) and names of nodes that pass the gradient on as if they changed nothing (BPDA), for
   * defences that round. The logits stay what they are.
   */
  readonly straightThrough?: readonly string[] | undefined;
}

/** Makes a classifier of a graph: finds its logits, puts the preprocessing in front. @throws mismatch, unsupported */
export function classifierFile(
  original: Graph,
  {
    name,
    shape,
    normalization,
    bounds = { lower: 0, upper: 1 },
    sha256,
    folder,
    straightThrough = [],
  }: ClassifierOptions,
): ClassifierFile {
  const graph = straightThrough.length > 0 ? markStraightThrough(inlineFunctions(original), straightThrough) : original;
  const classifier = shape ? asClassifier(graph, shape) : asClassifier(graph);
  const complete = normalization ? normalizeInput(classifier.graph, normalization) : classifier.graph;
  const branches = branchesOn(complete, "x");
  const [batch, ...inputShape] = complete.inputs[0]!.dims!;
  return {
    name,
    onnx: writeOnnx(complete),
    inputShape: inputShape as number[],
    classes: classifier.classes,
    head: classifier.head,
    straightThrough: classifier.straightThrough,
    bounds,
    batch: typeof batch === "number" ? batch : branches ? 1 : null,
    ...(branches && { branches }),
    parameters: countParameters(graph),
    ...(straightThrough.length > 0 && { askedThrough: straightThrough }),
    ...(normalization && { normalization }),
    ...(sha256 !== undefined && { sha256 }),
    ...(folder !== undefined && { folder }),
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

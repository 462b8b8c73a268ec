import { asClassifier, differentiate } from "../../autodiff/differentiate.ts";
import type { Bounds, ElementBounds, Head, Loss } from "../../model.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import type { Note } from "../../option.ts";
import { type ElementType, product } from "../../tensor.ts";
import type { Preprocessing } from "../preprocessing/preprocessing.ts";
import { type BoundsGiven, type EpsilonUnit, fromShares, hull, settleBounds } from "./bounds.ts";
import { realInput } from "./integers.ts";
import { normalizationOf } from "./normalization.ts";
import { type Normalization, normalizeInput, unitsNote } from "./preprocess.ts";

/** A classifier as a file: everything that another thread, or the page, needs to run it. Can be sent by postMessage. */
export interface ClassifierFile {
  readonly name: string;
  /** ONNX: input `x`, output `logits`. */
  readonly onnx: Uint8Array;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly head: Head;
  /** How many nodes round to integers, and pass the gradient straight through. */
  readonly straightThrough: number;
  readonly bounds: Bounds;
  /** The bounds of each element, where they differ or ε is a share of them. */
  readonly elements?: ElementBounds;
  /** How many values an element may take by default, where the network itself takes whole numbers. */
  readonly levels?: number;
  /** What was assumed, for whoever reads results. */
  readonly notes?: readonly Note[];
  /** The batch size that the graph fixes, or null when any will do. */
  readonly batch: number | null;
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
  /** The model's pipeline, in place of `normalization`: what belongs to the graph is followed, the rest belongs to the data. */
  readonly preprocessing?: Preprocessing | undefined;
  /** By default [0, 1]: one pair for all elements, or one for each. */
  readonly bounds?: BoundsGiven | undefined;
  /** By default the units of the input. */
  readonly epsilonUnit?: EpsilonUnit | undefined;
}

/** Makes a classifier of a graph: finds its logits, puts the preprocessing in front. @throws mismatch, unsupported */
export function classifierFile(
  graph: Graph,
  { name, shape, preprocessing, bounds, epsilonUnit = "input", sha256, folder, ...given }: ClassifierOptions,
): ClassifierFile {
  const normalization = given.normalization ?? (preprocessing && normalizationOf(preprocessing));
  const real = realInput(graph, { bounds: bounds && hull(bounds), normalization });
  const classifier = shape ? asClassifier(real.graph, shape) : asClassifier(real.graph);
  const prepared = normalization ? normalizeInput(classifier.graph, normalization) : classifier.graph;
  const [batch, ...inputShape] = prepared.inputs[0]!.dims!;
  const settled = settleBounds(bounds ?? { lower: 0, upper: 1 }, epsilonUnit, inputShape as number[]);
  const { elements } = settled;
  const complete = elements?.unit === "range" ? fromShares(prepared, elements) : prepared;
  const units = normalization && unitsNote(normalization, hull(bounds ?? { lower: 0, upper: 1 }));
  const notes = [real.note, units].filter((note) => note != null);
  return {
    name,
    onnx: writeOnnx(complete),
    inputShape: inputShape as number[],
    classes: classifier.classes,
    head: classifier.head,
    // The rounding in front of integers is none of the network's.
    straightThrough: Math.max(0, classifier.straightThrough - (real.note ? 1 : 0)),
    ...settled,
    ...(real.levels !== undefined && { levels: real.levels }),
    ...(notes.length > 0 && { notes }),
    batch: typeof batch === "number" ? batch : null,
    parameters: countParameters(graph),
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

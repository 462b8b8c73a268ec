import { branchesOn } from "../../autodiff/coverage.ts";
import { asClassifier, differentiate, sampleShape } from "../../autodiff/differentiate.ts";
import type { HeadChoice, Pool } from "../../autodiff/reading.ts";
import { markStraightThrough } from "../../autodiff/straight-through.ts";
import type { Bounds, ElementBounds, Head, Loss } from "../../model.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { inlineFunctions } from "../../onnx/functions.ts";
import type { Graph } from "../../onnx/graph.ts";
import { elementType } from "../../onnx/tensor-proto.ts";
import type { Note } from "../../option.ts";
import { type ElementType, type FloatTensor, product, type Tensor } from "../../tensor.ts";
import { type DefenceFacts, defencesOf, undefended } from "../defences/recognise.ts";
import type { PictureSteps, Preprocessing } from "../preprocessing/preprocessing.ts";
import { type BoundsGiven, type EpsilonUnit, fromShares, hull, settleBounds } from "./bounds.ts";
import { fedOnce } from "./feeds.ts";
import { realInput } from "./integers.ts";
import { normalizationOf } from "./normalization.ts";
import { type Perturbed, pictureOf } from "./picture.ts";
import { type Normalization, normalizeInput, unitsNote } from "./preprocess.ts";

/** A classifier as a file: everything that another thread, or the page, needs to run it. Can be sent by postMessage. */
export interface ClassifierFile {
  readonly name: string;
  /** ONNX: input `x`, output `logits`. */
  readonly onnx: Uint8Array;
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly head: Head;
  /** What the output was said to hold. */
  readonly said?: HeadChoice;
  /** Scores of labels of which only a run tells whether they are logits or probabilities. */
  readonly unseen?: true;
  /** Of a multi-label model: the labels that its classes from 1 on stand for, of so many, and which of `rows` holds them. */
  readonly labelSets?: { readonly labels: readonly number[]; readonly of: number; readonly input: string };
  /** How many nodes step, and pass the gradient straight through. */
  readonly straightThrough: number;
  /** The defences that stand in front of the network, whose own nodes of that kind are not counted among them. */
  readonly defence?: DefenceFacts;
  /** Operators and nodes that were asked to do so. */
  readonly askedThrough?: readonly string[];
  readonly bounds: Bounds;
  /** The bounds of each element, where they differ or ε is a share of them. */
  readonly elements?: ElementBounds;
  /** How many values an element may take by default, where the network itself takes whole numbers. */
  readonly levels?: number;
  /** How a picture at its own size becomes what the network gets: the graph begins with it, for pictures of `inputShape`. */
  readonly picture?: PictureSteps;
  /** What was assumed, for whoever reads results. */
  readonly notes?: readonly Note[];
  /** The batch size that the graph fixes, or null when any will do. */
  readonly batch: number | null;
  /** An If on values of the input, one for the whole batch, is in the way of more than one sample at a time. */
  readonly branches?: true;
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
  /** The model's pipeline, in place of `normalization`: what belongs to the graph is followed, the rest belongs to the data. */
  readonly preprocessing?: Preprocessing | undefined;
  /**
   * What is perturbed: the input of the network, or pictures at their own size. Their steps in `preprocessing` then belong to
   * the graph, `shape` is that of a picture, and an element takes one of 256 values by default.
   */
  readonly perturb?: Perturbed | undefined;
  /** By default [0, 1]: one pair for all elements, or one for each. */
  readonly bounds?: BoundsGiven | undefined;
  /** By default the units of the input. */
  readonly epsilonUnit?: EpsilonUnit | undefined;
  /** What the output holds, by default what the graph shows. */
  readonly head?: HeadChoice | undefined;
  /** Brings an axis of the output, such as time or anchors, to one value. */
  readonly pool?: Pool | undefined;
  /** Of a model with one output: class 1 is above it; of several labels, each is there above it. By default 0.5 of a sigmoid, else 0. */
  readonly threshold?: number | undefined;
  /** With `head: "multi-label"`, and only there: the labels of the data, [samples, labels] of 0 and 1. See `multiLabel`. */
  readonly labelSets?: FloatTensor | undefined;
  /** The labels of which one is to flip, counted from 0; by default all of them. */
  readonly flip?: readonly number[] | undefined;
  /**
   * Operators (Round, Floor, Ceil, Sign, Cast) and names of nodes that pass the gradient on as if they changed nothing (BPDA), for
   * defences that round. The logits stay what they are.
   */
  readonly straightThrough?: readonly string[] | undefined;
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
export function classifierFile(original: Graph, options: ClassifierOptions): ClassifierFile {
  const { name, shape, preprocessing, bounds, epsilonUnit = "input", sha256, folder, straightThrough = [] } = options;
  const normalization = options.normalization ?? (preprocessing && normalizationOf(preprocessing));
  const graph = straightThrough.length > 0 ? markStraightThrough(inlineFunctions(original), straightThrough) : original;
  const real = realInput(graph, { bounds: bounds && hull(bounds), normalization });
  const picture = pictureOf(options);
  const classifier = asClassifier(real.graph, picture?.network ?? shape ?? sampleShape(real.graph), options);
  const normalized = normalization ? normalizeInput(classifier.graph, normalization) : classifier.graph;
  const prepared = picture ? picture.inFrontOf(normalized) : normalized;
  const branches = branchesOn(prepared, "x");
  const [batch, ...inputShape] = prepared.inputs[0]!.dims!;
  const settled = settleBounds(bounds ?? { lower: 0, upper: 1 }, epsilonUnit, inputShape as number[]);
  const { elements } = settled;
  const complete = elements?.unit === "range" ? fromShares(prepared, elements) : prepared;
  const units = normalization && unitsNote(normalization, hull(bounds ?? { lower: 0, upper: 1 }));
  const assumed = classifier.assumptions.map((message) => ({ code: "assumption", message }));
  const notes = [...assumed, picture?.note, real.note, units].filter((note) => note != null);
  const defence = defencesOf(complete);
  const rows = complete.inputs.flatMap(({ name: input, rows: of }) =>
    of ? [{ input, name: of.name, values: of.values }] : [],
  );
  return {
    name,
    onnx: writeOnnx(complete),
    inputShape: inputShape as number[],
    classes: classifier.classes,
    head: classifier.head,
    ...(options.head && { said: options.head }),
    ...(classifier.unseen && { unseen: classifier.unseen }),
    // The rounding in front of integers is none of the network's.
    straightThrough: Math.max(0, classifier.straightThrough - (real.note ? 1 : 0) - (defence?.straightThrough ?? 0)),
    ...(defence && { defence }),
    ...settled,
    ...(picture && { picture: picture.steps }),
    ...((picture || real.levels !== undefined) && { levels: picture ? 256 : real.levels }),
    ...(notes.length > 0 && { notes }),
    batch: typeof batch === "number" ? batch : branches ? 1 : null,
    ...(branches && { branches }),
    parameters: countParameters(graph),
    ...(straightThrough.length > 0 && { askedThrough: straightThrough }),
    ...(normalization && { normalization }),
    ...(sha256 !== undefined && { sha256 }),
    ...(folder !== undefined && { folder }),
    ...(rows.length > 0 && { rows }),
    ...(graph.inputs.some((v) => v.rows?.isSure === false) && { once: classifierFile(fedOnce(graph), options) }),
  };
}

/** Types of real numbers. */
export const FLOATS: readonly ElementType[] = ["float32", "float64", "float16", "bfloat16"];

/** Trained values: float initializers of the network that are no scalars. */
export const countParameters = (graph: Graph): number =>
  [...undefended(graph).initializers.values()]
    .filter((t) => FLOATS.some((type) => type === elementType(t.dataType)) && t.dims.length > 0)
    .reduce((sum, t) => sum + product(t.dims.map(Number)), 0);

/** The graph of the classifier's logits, of a loss and of its gradient: see `differentiate`. @throws no-gradient */
export function gradientGraph({ onnx, name }: ClassifierFile, loss: Loss): Graph {
  return differentiate({ graph: readOnnx(onnx, name) }, loss);
}

/** What was made of a file's bytes: a trial asks for the same graph as the run after it. */
const made = new WeakMap<Uint8Array, Map<Loss, Uint8Array>>();

/** The file with the gradient graph of a loss made: for workers, which then start faster. @throws no-gradient */
export function withGradient(file: ClassifierFile, loss: Loss): ClassifierFile {
  const ofFile = made.get(file.onnx) ?? new Map<Loss, Uint8Array>();
  const gradient = ofFile.get(loss) ?? writeOnnx(gradientGraph(file, loss));
  made.set(file.onnx, ofFile.set(loss, gradient));
  return { ...file, gradients: { ...file.gradients, [loss]: gradient } };
}

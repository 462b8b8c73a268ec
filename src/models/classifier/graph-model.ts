import { PerturbError } from "../../errors.ts";
import {
  type DifferentiableModel,
  type ElementBounds,
  type Goal,
  type Gradient,
  isTargetedLoss,
  type Loss,
  lossClasses,
  type Model,
} from "../../model.ts";
import type { Program, Runtime } from "../../runtime.ts";
import type { FloatTensor, Tensor } from "../../tensor.ts";
import type { Draws } from "../defences/draws.ts";
import type { ClassifierFile } from "./classifier.ts";
import { rowsOf } from "./feed-rows.ts";
import { labelSetsOf } from "./label-sets.ts";
import { OpenSizes } from "./open-sizes.ts";
import { runBatches } from "./pieces.ts";

/** A model that runs graphs, counts what it runs, and is to be released. */
export interface GraphModel extends DifferentiableModel {
  /** What it was opened from, and what runs it. */
  readonly file: ClassifierFile;
  readonly runtime: Runtime;
  /** Samples run forward, and forward and backward, so far. */
  readonly cost: { readonly forwards: number; readonly gradients: number };
  /** The file with the graph of a loss's gradient, made once. @throws no-gradient */
  differentiated(loss: Loss): Promise<ClassifierFile>;
  /** Of pictures at their own size: the model for those of a shape. It is released with this one. @throws mismatch */
  readonly ofShape?: (shape: readonly number[]) => Promise<GraphModel>;
  /** Of a model with defences in front that do not encode: the network without them. It is released with this one. */
  readonly undefended?: () => Promise<GraphModel>;
  /** Of a model whose defences draw at random: the draws are from now on those of a seed, and those of these samples begin anew. */
  readonly draw?: (seed: number, samples: Int32Array) => Promise<void>;
  /** Makes the graph of a loss's gradient ready, which is otherwise done when it is first asked. @throws no-gradient */
  prepare(loss: Loss): Promise<void>;
  release(): Promise<void>;
}

/** Whether a model runs a graph. */
export const isGraphModel = (model: Model): model is GraphModel => "file" in model && "runtime" in model;

const asOpened = new WeakSet<Model>();
/** Whether a model is a graph as it was opened, and nothing around one: its file then says all about it. */
export const isPlainGraph = (model: Model): model is GraphModel => asOpened.has(model);

/** The model for the samples of a batch, which have one shape; what is around a graph takes that of the graph alone. */
export const modelFor = async (model: Model, x: FloatTensor): Promise<Model> =>
  isPlainGraph(model) && model.ofShape ? model.ofShape(x.dims.slice(1)) : model;

/** Opens a classifier on a runtime. Graphs are compiled when they are first needed. */
export function openClassifier(file: ClassifierFile, runtime: Runtime): GraphModel {
  return file.picture ? withSizes(file, runtime) : openGraph(file, runtime, { forwards: 0, gradients: 0 });
}

/** Of pictures: each size is a graph of its own, made when it is first asked for. */
function withSizes(file: ClassifierFile, runtime: Runtime): GraphModel {
  const cost = { forwards: 0, gradients: 0 };
  const made = new OpenSizes(async (shape) => {
    const { ofPictures } = await import("./picture-sizes.ts");
    return openGraph(ofPictures(file, shape), runtime, cost);
  });
  const own = openGraph(file, runtime, cost);
  const model: GraphModel = {
    ...own,
    ofShape: async (shape) => (String(shape) === String(file.inputShape) ? own : made.of(shape)),
    async release() {
      await Promise.all([own.release(), made.release()]);
    },
  };
  asOpened.add(model);
  return model;
}

function openGraph(file: ClassifierFile, runtime: Runtime, cost: { forwards: number; gradients: number }): GraphModel {
  const programs = new Map<string, Promise<Program>>();
  const draws = file.defence?.isRandom ? drawsFor(file) : undefined;
  const drawn = async (of: Program, x: FloatTensor, samples?: Int32Array) =>
    (await draws)?.feeds(of.inputs, x.dims[0]!, samples) ?? {};
  const program = (key: string, graph: () => Promise<Uint8Array>): Promise<Program> => {
    const known =
      programs.get(key) ??
      graph().then(async (bytes) => runtime.load((await draws)?.open(bytes) ?? bytes, file.folder));
    programs.set(key, known);
    return known;
  };
  const made = new Map<Loss, Promise<ClassifierFile>>();
  const differentiated = (loss: Loss): Promise<ClassifierFile> => {
    const known = made.get(loss) ?? withGradientOf(file, loss);
    made.set(loss, known);
    return known;
  };
  const backwardOf = (loss: Loss): Promise<Program> =>
    program(loss, async () => (await differentiated(loss)).gradients![loss]!);

  const { name, inputShape, classes, head, bounds, rows, elements, levels, notes } = file;
  const labelSets = labelSetsOf(file);
  let bare: Promise<GraphModel> | undefined;
  const inside = elements?.unit === "input" ? within(elements) : (x: FloatTensor) => x;
  const model: GraphModel = {
    name,
    inputShape,
    classes,
    head,
    bounds,
    ...(rows && { samples: rows[0]!.values.dims[0]! }),
    ...(labelSets && { labelSets }),
    ...(elements && { elements }),
    ...(levels !== undefined && { levels }),
    ...(notes && { notes }),
    file,
    runtime,
    cost,
    async logits(x, samples) {
      check(x, file);
      cost.forwards += x.dims[0]!;
      const forward = await program("logits", async () => file.onnx);
      const feeds = { x: inside(x), ...rowFeeds(file, x, samples), ...(await drawn(forward, x, samples)) };
      return (await runBatches(forward, feeds, file, ["logits"])).logits;
    },
    async gradient(x, goal, loss = "cross-entropy", samples) {
      check(x, file);
      cost.gradients += x.dims[0]!;
      const backward = await backwardOf(loss);
      const feeds = {
        x: inside(x),
        ...rowFeeds(file, x, samples),
        ...classFeeds(goal, loss, classes),
        ...(await drawn(backward, x, samples)),
      };
      const found = await runBatches(backward, feeds, file, ["logits", "loss", "gradient"]);
      return isTargetedLoss(loss) ? found : ascending(goal, found);
    },
    differentiated,
    ...(draws && { draw: async (seed: number, samples: Int32Array) => (await draws).begin(seed, samples) }),
    ...(file.defence && !file.defence.encodes && { undefended: () => (bare ??= withoutDefences(file, runtime)) }),
    async prepare(loss) {
      await backwardOf(loss);
    },
    async release() {
      const loaded = await Promise.allSettled(programs.values());
      programs.clear();
      await bare?.then((model) => model.release());
      bare = undefined;
      for (const result of loaded) if (result.status === "fulfilled") await result.value.release();
    },
  };
  asOpened.add(model);
  return model;
}

/**
 * What of a batch lies beyond the bounds of its elements is moved to them, for whoever knows the widest bounds alone. The
 * gradient is that of the point moved to, so that a way back stays open.
 */
const within =
  ({ lower, upper }: ElementBounds) =>
  (x: FloatTensor): FloatTensor => ({
    ...x,
    data: x.data.map((v, i) => Math.min(upper[i % upper.length]!, Math.max(lower[i % lower.length]!, v))),
  });

/** Differentiation is loaded only where the file does not bring the graph. */
async function withGradientOf(file: ClassifierFile, loss: Loss): Promise<ClassifierFile> {
  if (file.gradients?.[loss]) return file;
  const { withGradient } = await import("./classifier.ts");
  return withGradient(file, loss);
}

async function drawsFor({ name }: ClassifierFile): Promise<Draws> {
  const { drawsOf } = await import("../defences/draws.ts");
  return drawsOf(name);
}

async function withoutDefences(file: ClassifierFile, runtime: Runtime): Promise<GraphModel> {
  const { withoutDefence } = await import("../defences/bare.ts");
  return openClassifier(withoutDefence(file), runtime);
}

/** An attack ascends: towards a target, that is the negative loss. */
function ascending(goal: Goal, { logits, loss, gradient }: Gradient): Gradient {
  if (goal.kind === "untargeted") return { logits, loss, gradient };
  const negative = (t: FloatTensor): FloatTensor => ({ ...t, data: t.data.map((v) => -v) });
  return { logits, loss: negative(loss), gradient: negative(gradient) };
}

function check(x: FloatTensor, { name, inputShape }: ClassifierFile): void {
  if (x.dims.length !== inputShape.length + 1 || inputShape.some((size, axis) => x.dims[axis + 1] !== size))
    throw new PerturbError(
      "mismatch",
      `${name} takes samples of shape [${inputShape}], got [${x.dims.slice(1)}]. Give data of that shape.`,
    );
}

/** What inputs beside x hold for these samples. @throws usage where nobody says which they are */
function rowFeeds({ name, rows }: ClassifierFile, x: FloatTensor, samples?: Int32Array): Record<string, Tensor> {
  if (!rows) return {};
  if (samples === undefined || samples.length !== x.dims[0])
    throw new PerturbError(
      "usage",
      `${name} takes a row of ${rows.map((row) => `"${row.name}"`).join(" and of ")} for each sample, and is asked about samples without their indices in the data set. Give their indices.`,
    );
  return Object.fromEntries(rows.map((row) => [row.input, rowsOf(row, samples)]));
}

/** What the graph of a loss takes beside x. @throws usage for a targeted loss without targets */
function classFeeds(goal: Goal, loss: Loss, classes: number): Record<string, Tensor> {
  if (!isTargetedLoss(loss)) return { labels: labelTensor(lossClasses(goal), classes) };
  if (goal.kind !== "targeted")
    throw new PerturbError("usage", `The loss ${loss} compares labels with targets. Give a targeted goal.`);
  return { labels: labelTensor(goal.labels, classes), targets: labelTensor(goal.targets, classes) };
}

/** @throws out-of-bounds for a class that the model does not have: the graph would answer with a loss of 0 */
export function labelTensor(labels: Int32Array, classes: number): Tensor<"int64"> {
  const data = new BigInt64Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0 || label >= classes)
      throw new PerturbError(
        "out-of-bounds",
        `The label ${label} is no class of a model with ${classes} classes (0 to ${classes - 1}).`,
      );
    data[i] = BigInt(label);
  }
  return { type: "int64", dims: [labels.length], data };
}

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
import { type FloatTensor, product, sampleSize, type Tensor } from "../../tensor.ts";
import type { ClassifierFile } from "./classifier.ts";

/** A model that runs graphs, counts what it runs, and is to be released. */
export interface GraphModel extends DifferentiableModel {
  /** What it was opened from, and what runs it. */
  readonly file: ClassifierFile;
  readonly runtime: Runtime;
  /** Samples run forward, and forward and backward, so far. */
  readonly cost: { readonly forwards: number; readonly gradients: number };
  /** The file with the graph of a loss's gradient, made once. @throws no-gradient */
  differentiated(loss: Loss): Promise<ClassifierFile>;
  /** Makes the graph of a loss's gradient ready, which is otherwise done when it is first asked. @throws no-gradient */
  prepare(loss: Loss): Promise<void>;
  release(): Promise<void>;
}

/** Whether a model runs a graph. */
export const isGraphModel = (model: Model): model is GraphModel => "file" in model && "runtime" in model;

const asOpened = new WeakSet<Model>();
/** Whether a model is a graph as it was opened, and nothing around one: its file then says all about it. */
export const isPlainGraph = (model: Model): model is GraphModel => asOpened.has(model);

/** Opens a classifier on a runtime. Graphs are compiled when they are first needed. */
export function openClassifier(file: ClassifierFile, runtime: Runtime): GraphModel {
  const programs = new Map<string, Promise<Program>>();
  const program = (key: string, graph: () => Promise<Uint8Array>): Promise<Program> => {
    const known = programs.get(key) ?? graph().then((bytes) => runtime.load(bytes, file.folder));
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
  const cost = { forwards: 0, gradients: 0 };

  const { name, inputShape, classes, head, bounds, elements, levels, notes } = file;
  const inside = elements?.unit === "input" ? within(elements) : (x: FloatTensor) => x;
  const model: GraphModel = {
    name,
    inputShape,
    classes,
    head,
    bounds,
    ...(elements && { elements }),
    ...(levels !== undefined && { levels }),
    ...(notes && { notes }),
    file,
    runtime,
    cost,
    async logits(x) {
      check(x, file);
      cost.forwards += x.dims[0]!;
      const forward = await program("logits", async () => file.onnx);
      const { logits } = await runBatches(forward, { x: inside(x) }, file.batch, ["logits"]);
      return logits!;
    },
    async gradient(x, goal, loss = "cross-entropy") {
      check(x, file);
      cost.gradients += x.dims[0]!;
      const backward = await backwardOf(loss);
      const feeds = { x: inside(x), ...classFeeds(goal, loss, classes) };
      const result = await runBatches(backward, feeds, file.batch, ["logits", "loss", "gradient"]);
      const found = { logits: result["logits"]!, loss: result["loss"]!, gradient: result["gradient"]! };
      return isTargetedLoss(loss) ? found : ascending(goal, found);
    },
    differentiated,
    async prepare(loss) {
      await backwardOf(loss);
    },
    async release() {
      const loaded = await Promise.allSettled(programs.values());
      programs.clear();
      for (const result of loaded) if (result.status === "fulfilled") await result.value.release();
    },
  };
  asOpened.add(model);
  return model;
}

/**
 * What of a batch lies beyond the bounds of its elements is moved to them: attacks know the widest bounds alone. The
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

/** What the graph of a loss takes beside x. @throws usage for a targeted loss without targets */
function classFeeds(goal: Goal, loss: Loss, classes: number): Record<string, Tensor> {
  if (!isTargetedLoss(loss)) return { labels: labelTensor(lossClasses(goal), classes) };
  if (goal.kind !== "targeted")
    throw new PerturbError("usage", `The loss ${loss} compares labels with targets. Give a targeted goal.`);
  return { labels: labelTensor(goal.labels, classes), targets: labelTensor(goal.targets, classes) };
}

/** @throws out-of-bounds for a class that the model does not have: the graph would answer with a loss of 0 */
function labelTensor(labels: Int32Array, classes: number): Tensor<"int64"> {
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

/** Runs a program over a batch; in pieces, the last one filled up with its first sample, where the graph fixes the batch. */
async function runBatches(
  program: Program,
  feeds: Record<string, Tensor>,
  fixed: number | null,
  fetches: readonly string[],
): Promise<Record<string, FloatTensor>> {
  const n = Object.values(feeds)[0]!.dims[0]!;
  if (fixed === null || fixed === n) return (await program.run(feeds, fetches)) as Record<string, FloatTensor>;
  const parts: Record<string, FloatTensor>[] = [];
  for (let start = 0; start < n; start += fixed) {
    const piece = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, cutPiece(t, start, fixed)]));
    parts.push((await program.run(piece, fetches)) as Record<string, FloatTensor>);
  }
  return Object.fromEntries(
    fetches.map((name) => [
      name,
      joinPieces(
        parts.map((part) => part[name]!),
        n,
      ),
    ]),
  );
}

function cutPiece(t: Tensor, start: number, count: number): Tensor {
  const size = sampleSize(t);
  const data = t.data.slice(start * size, (start + count) * size) as FloatTensor["data"];
  if (data.length === count * size) return { ...t, dims: [count, ...t.dims.slice(1)], data };
  const filled = new (data.constructor as Float32ArrayConstructor)(count * size);
  for (let i = 0; i < count; i++)
    filled.set(i * size < data.length ? data.subarray(i * size, (i + 1) * size) : data.subarray(0, size), i * size);
  return { ...t, dims: [count, ...t.dims.slice(1)], data: filled };
}

function joinPieces(parts: readonly FloatTensor[], n: number): FloatTensor {
  const dims = [n, ...parts[0]!.dims.slice(1)];
  const data = new Float32Array(product(dims));
  let at = 0;
  for (const part of parts) {
    const rest = part.data.subarray(0, Math.min(part.data.length, data.length - at));
    data.set(rest, at);
    at += rest.length;
  }
  return { type: "float32", dims, data };
}

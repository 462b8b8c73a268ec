import { PerturbError } from "../../errors.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import type { Note } from "../../option.ts";
import { randomFor } from "../../random.ts";
import type { Runtime } from "../../runtime.ts";
import { type FloatTensor, product, sampleSize, type Tensor, takeRows } from "../../tensor.ts";
import type { ClassifierFile } from "./classifier.ts";
import { type GraphModel, openClassifier } from "./graph-model.ts";

/** How far logits may differ between batches of other sizes, as a share of the largest: kernels round differently. */
export const ROUNDING = 1e-3;

/** Samples that differ from each other, the same in every run, inside the model's bounds. */
export function probe({ inputShape, bounds: { lower, upper } }: ClassifierFile, count: number): FloatTensor {
  const data = Float32Array.from(
    { length: count * product(inputShape) },
    (_, i) => lower + (upper - lower) * ((i * 0.618034) % 1),
  );
  return { type: "float32", dims: [count, ...inputShape], data };
}

/** Samples whose values lie at the ends of the bounds, all at one or by chance at either: what mixes only some values shows. */
export function extremes({ inputShape, bounds: { lower, upper } }: ClassifierFile, count: number): FloatTensor {
  const size = product(inputShape);
  const random = randomFor(7, 0);
  const data = Float32Array.from({ length: count * size }, (_, i) => {
    const kind = Math.floor(i / size) % 4;
    if (kind < 2) return kind === 0 ? lower : upper;
    const share = random.uniform();
    return lower + (upper - lower) * (kind === 2 ? Math.round(share) : share);
  });
  return { type: "float32", dims: [count, ...inputShape], data };
}

/** The rows of two batches of samples, one behind the other. */
export const stacked = (a: FloatTensor, b: FloatTensor): FloatTensor => {
  const data = new Float32Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { ...a, dims: [a.dims[0]! + b.dims[0]!, ...a.dims.slice(1)], data };
};

/** Indices of samples that a model knows, for a probe of so many. */
export const probed = ({ rows }: ClassifierFile, count: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => i % (rows?.[0]?.values.dims[0] ?? count));

/**
 * The classifier with the batch that it can be run with, told by running it: a batch that the file fixes is freed where the
 * graph allows it, and samples that change each other's logits are run one at a time, since only then the gradient of a
 * batch is that of each sample.
 */
export async function settleBatch(given: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const file = await settleRows(given, runtime);
  if (file.branches) return file;
  if (file.batch === 1) return freeBatch(file, runtime);
  if (file.batch !== null) return independent(file, runtime);
  const alone = { ...file, batch: 1 };
  const answer = await compare(file, alone, runtime);
  if (answer === "alike") return file;
  return answer === "refused" ? alone : { ...alone, notes: [...(file.notes ?? []), MIXED] };
}

/** Said of a model whose samples change each other's scores. */
export const MIXED: Note = {
  code: "rows-mix",
  message:
    "The samples of a batch change each other's scores. So each sample is asked about alone, whatever the batch: what the model gives for several at a time may be other scores, and another accuracy.",
};

/**
 * The classifier with rows for its samples, or with all of them at once, where the file does not tell which: rows of samples
 * change the logits of no other sample.
 */
async function settleRows(given: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  if (!given.once) return given;
  const { once, ...file } = given;
  const other = differing(file.rows![0]!.values);
  const model = openClassifier(file, runtime);
  const x = probe(file, 2);
  try {
    const before = await model.logits(x, Int32Array.of(0, other));
    const after = await model.logits(x, Int32Array.of(0, 0));
    const first = (t: FloatTensor) => t.data.subarray(0, file.classes);
    return near(first(after), first(before)) ? file : once;
  } catch (error) {
    if (isRefused(error)) return once;
    throw error;
  } finally {
    await model.release();
  }
}

/** The first row that differs from row 0. */
function differing(values: Tensor): number {
  const size = sampleSize(values);
  const at = values.data.findIndex((v: number | bigint, i: number) => v !== values.data[i % size]);
  return at < 0 ? 0 : Math.floor(at / size);
}

async function freeBatch(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const freed = freedBatch(file);
  return freed && (await compare(freed, file, runtime)) === "alike" ? freed : file;
}

/** The classifier with any batch, where the shapes allow it. */
function freedBatch(file: ClassifierFile): ClassifierFile | undefined {
  const graph = readOnnx(file.onnx, file.name);
  const inputs = graph.inputs.map((v) => ({ ...v, dims: ["N", ...v.dims!.slice(1)] }));
  const open = { ...graph, inputs };
  const dims = inferShapes(open).get("logits")?.dims;
  if (dims?.[0] !== "N") return undefined;
  const outputs = graph.outputs.map((v) => ({ ...v, dims }));
  return { ...file, onnx: writeOnnx({ ...open, outputs }), batch: null };
}

/** @throws mismatch, runtime where one sample has no answer of one row */
export async function requireRows(file: ClassifierFile, runtime: Runtime): Promise<void> {
  await logitsOf(file, probe(file, 1), runtime);
}

/** Whether one model gives together what another gives for each sample alone; or refuses to. */
async function compare(
  together: ClassifierFile,
  alone: ClassifierFile,
  runtime: Runtime,
): Promise<"alike" | "other" | "refused"> {
  const x = stacked(probe(together, 2), extremes(together, 3));
  const usual = 2 * together.classes;
  try {
    const [a, b] = [await logitsOf(together, x, runtime), await logitsOf(alone, x, runtime)];
    // A model that draws at random agrees with nobody, itself included: that says nothing of its batch.
    // Logits at the ends of the bounds may be far larger than those of other samples, and hide what moves these.
    const isNear = (c: Float32Array) =>
      near(a.subarray(0, usual), c.subarray(0, usual)) && near(a.subarray(usual), c.subarray(usual));
    return isNear(b) || !isNear(await logitsOf(together, x, runtime)) ? "alike" : "other";
  } catch (error) {
    // What the graph refuses of a batch is an answer; what it refuses of one sample shows when it is used.
    if (isRefused(error)) return "refused";
    throw error;
  }
}

/**
 * The classifier whose fixed batch of several rows holds as many samples: what one row holds must not change the logits of
 * others. @throws unsupported where it does
 */
async function independent(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const n = file.batch!;
  const model = openClassifier(file, runtime);
  try {
    // Some mix their rows only where values are large, or all alike.
    for (const [own, other] of [
      [probe(file, 2 * n), undefined],
      [extremes(file, n), probe(file, n)],
      [probe(file, n), extremes(file, n)],
    ] as const)
      if (!(await isIndependent(model, other ? stacked(own, other) : own))) break;
    return file;
  } finally {
    await model.release();
  }
}

/** Samples of which a data set is asked for, to try whether rows are samples of their own. */
export const TRIED = 16;

/** Tries the same with samples of a data set. @throws unsupported where what one row holds changes the scores of others */
export async function requireIndependent(model: GraphModel, x: FloatTensor): Promise<void> {
  const count = x.dims[0]!;
  const { batch } = model.file;
  if (batch === null || batch === 1 || count === 0) return;
  await isIndependent(
    model,
    takeRows(
      x,
      Array.from({ length: 2 * batch }, (_, i) => i % count),
    ),
  );
}

/** Of 2 n samples, the first n are asked about, with some of them replaced by others. False where the model draws at random. */
async function isIndependent(model: GraphModel, some: FloatTensor): Promise<boolean> {
  const { file } = model;
  const n = file.batch!;
  const size = product(file.inputShape);
  /** The logits where the rows that `isOther` picks hold other samples. */
  const ask = async (isOther: (row: number) => boolean): Promise<Float32Array> => {
    const data = some.data.slice(0, n * size);
    for (let row = 0; row < n; row++)
      if (isOther(row)) data.set(some.data.subarray((n + row) * size, (n + row + 1) * size), row * size);
    const x: FloatTensor = { type: "float32", dims: [n, ...file.inputShape], data };
    return (await model.logits(x, probed(file, n))).data;
  };
  const before = await ask(() => false);
  if (!near(await ask(() => false), before)) return false;
  for (const isOther of [
    (row: number) => row === 0,
    (row: number) => row > 0,
    (row: number) => row === n - 1,
    (row: number) => row % 2 === 0,
  ]) {
    const after = await ask(isOther);
    for (let row = 0; row < n; row++) {
      const [from, to] = [row * file.classes, (row + 1) * file.classes];
      if (!isOther(row) && !near(after.subarray(from, to), before.subarray(from, to)))
        throw new PerturbError(
          "unsupported",
          `${file.name} takes ${n} rows of [${file.inputShape.join(", ")}] at a time, and what one row holds changes the scores of another, by which no row is a sample of its own. Export it with a batch of 1, so that one sample is asked about at a time.`,
          { data: { batch: n, row } },
        );
    }
  }
  return true;
}

/** Whether a run failed by what the graph refuses. */
export const isRefused = (error: unknown): boolean =>
  error instanceof PerturbError && (error.code === "runtime" || error.code === "mismatch");

function near(a: Float32Array, b: Float32Array): boolean {
  const largest = b.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0);
  return b.every((v, i) => Object.is(v, a[i]) || Math.abs(v - a[i]!) <= ROUNDING * largest);
}

/** The logits of samples, one row behind the other. */
export async function logitsOf(file: ClassifierFile, x: FloatTensor, runtime: Runtime): Promise<FloatTensor["data"]> {
  const model = openClassifier(file, runtime);
  try {
    return (await model.logits(x, probed(file, x.dims[0]!))).data;
  } finally {
    await model.release();
  }
}

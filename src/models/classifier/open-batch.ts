import { openedBatch } from "../../autodiff/open-batch.ts";
import { PerturbError } from "../../errors.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Runtime } from "../../runtime.ts";
import { extremes, isRefused, logitsOf, MIXED, probe, ROUNDING, stacked } from "./batching.ts";
import type { ClassifierFile } from "./classifier.ts";

/** What rounding alone may change, as a share of the largest logit. */
const NOISE = 1e-5;

/**
 * A classifier that takes any batch, of one whose graph fixes it: the same logits, which is tried on a batch of another size before it is
 * given. One with an open batch, or with inputs beside the samples, is given back as it is.
 * @throws unsupported where the graph needs the batch to be what it is
 */
export async function withOpenBatch(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const { batch, rows, branches, name, notes } = file;
  if (batch === null || rows || branches) return file;
  if (notes?.some(({ code }) => code === MIXED.code)) throw refused(file, "samples change each other's scores");
  const graph = readOnnx(file.onnx, name);
  let reason = "";
  for (const isWide of [false, true]) {
    const { graph: open, why } = openedBatch(graph, batch, isWide);
    const answer = why ?? (await proven({ ...file, onnx: writeOnnx(open), batch: null }, file, runtime));
    if (typeof answer !== "string") return answer;
    reason ||= answer;
  }
  throw refused(file, reason);
}

const refused = ({ name, batch }: ClassifierFile, why: string): PerturbError =>
  new PerturbError(
    "unsupported",
    `${name} cannot be hardened yet: its batch is ${batch}, and ${why}. Export it with a batch axis of open size.`,
    { data: { batch } },
  );

/** The open classifier, where it gives the logits of the fixed one for batches of other sizes; else why not, as a clause. */
async function proven(open: ClassifierFile, fixed: ClassifierFile, runtime: Runtime): Promise<ClassifierFile | string> {
  try {
    const few = await difference(open, fixed, { usual: 2, ends: 3 }, runtime);
    // More rows than the fixed batch has.
    return few ?? (await difference(open, fixed, { usual: fixed.batch! + 1, ends: 4 }, runtime)) ?? open;
  } catch (error) {
    if (isRefused(error)) return "it cannot be run with another one";
    throw error;
  }
}

/** Why the logits of two classifiers do not show that they are the same, on so many usual samples and samples at the ends of the bounds. */
async function difference(
  open: ClassifierFile,
  fixed: ClassifierFile,
  { usual, ends }: { readonly usual: number; readonly ends: number },
  runtime: Runtime,
): Promise<string | undefined> {
  const { classes } = fixed;
  const x = stacked(probe(fixed, usual), extremes(fixed, ends));
  const both = [await logitsOf(open, x, runtime), await logitsOf(fixed, x, runtime)] as const;
  // Logits at the ends of the bounds may be far larger than those of other samples, and hide what moves these.
  for (const [from, to] of [
    [0, usual],
    [usual, usual + ends],
  ] as const) {
    const [a, b] = both.map((of) => of.subarray(from * classes, to * classes)) as [Float32Array, Float32Array];
    if (!isSame(a, b, classes)) return "with another one the scores of samples are others";
    if (!(spreadOf(b, classes) > NOISE * largestOf(b)))
      return "its scores are the same for all samples, by which nothing shows whether another batch is right";
  }
  return undefined;
}

const largestOf = (logits: Float32Array): number => logits.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** How far the logits of samples lie apart: the most of any class. */
function spreadOf(logits: Float32Array, classes: number): number {
  let most = 0;
  for (const [i, v] of logits.entries()) most = Math.max(most, Math.abs(v - logits[i % classes]!));
  return most;
}

/** Whether logits differ by far less than those of samples do. */
function isSame(a: Float32Array, b: Float32Array, classes: number): boolean {
  const most = ROUNDING * Math.min(spreadOf(b, classes), largestOf(b)) + NOISE * largestOf(b);
  return a.length === b.length && b.every((v, i) => Math.abs(v - a[i]!) <= most);
}

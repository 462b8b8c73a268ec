import { openedBatch } from "../../autodiff/open-batch.ts";
import { PerturbError } from "../../errors.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Runtime } from "../../runtime.ts";
import { extremes, isRefused, logitsOf, probe, ROUNDING, stacked } from "./batching.ts";
import type { ClassifierFile } from "./classifier.ts";

/** What rounding alone may change, as a share of the largest logit. */
const NOISE = 1e-5;

/**
 * A classifier that takes any batch, of one whose graph fixes it: the same logits, which is tried on a batch of another size before it is
 * given. One with an open batch, or with inputs beside the samples, is given back as it is.
 * @throws unsupported where the graph needs the batch to be what it is
 */
export async function withOpenBatch(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const { batch, rows, branches, name } = file;
  if (batch === null || rows || branches) return file;
  const graph = readOnnx(file.onnx, name);
  let reason: string | undefined;
  for (const isWide of [false, true]) {
    const { graph: open, why } = openedBatch(graph, batch, isWide);
    const answer = why ?? (await proven({ ...file, onnx: writeOnnx(open), batch: null }, file, runtime));
    if (typeof answer !== "string") return answer;
    reason ??= answer;
  }
  throw new PerturbError(
    "unsupported",
    `${name} cannot be hardened yet: its batch is ${batch}, and ${reason}. Export it with a batch axis of open size.`,
    { data: { batch } },
  );
}

/** The open classifier, where it gives the logits of the fixed one for more samples than this takes at a time; else why not, as a clause. */
async function proven(open: ClassifierFile, fixed: ClassifierFile, runtime: Runtime): Promise<ClassifierFile | string> {
  const { classes } = fixed;
  const usual = fixed.batch! + 1;
  const x = stacked(probe(fixed, usual), extremes(fixed, 4));
  try {
    const [a, b] = [await logitsOf(open, x, runtime), await logitsOf(fixed, x, runtime)];
    // Logits at the ends of the bounds may be far larger than those of other samples, and hide what moves these.
    for (const [from, to] of [
      [0, usual],
      [usual, usual + 4],
    ] as const) {
      const [mine, theirs] = [a, b].map((of) => of.subarray(from * classes, to * classes)) as [typeof a, typeof b];
      if (!isSame(mine, theirs, classes)) return "with another one the scores of samples are others";
      if (!(spreadOf(theirs, classes) > NOISE * largestOf(theirs)))
        return "its scores are the same for all samples, by which nothing shows whether another batch is right";
    }
    return open;
  } catch (error) {
    if (isRefused(error)) return "it cannot be run with another one";
    throw error;
  }
}

const largestOf = (logits: Float32Array): number => logits.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** How far the logits of samples lie apart: the most of any class. */
function spreadOf(logits: Float32Array, classes: number): number {
  let most = 0;
  for (const [i, v] of logits.entries()) most = Math.max(most, Math.abs(v - logits[i % classes]!));
  return most;
}

/** Whether logits differ by less than those of samples do. */
function isSame(a: Float32Array, b: Float32Array, classes: number): boolean {
  const most = ROUNDING * spreadOf(b, classes) + NOISE * largestOf(b);
  return a.length === b.length && b.every((v, i) => Math.abs(v - a[i]!) <= most);
}

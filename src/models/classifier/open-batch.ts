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
  const tried = [false, true].map((isWide) => openedBatch(graph, batch, isWide));
  let why = "";
  for (const { graph: open, why: known } of tried) {
    const answer = known ? "refused" : await compared({ ...file, onnx: writeOnnx(open), batch: null }, file, runtime);
    if (typeof answer !== "string") return answer;
    if (answer === "alike for all")
      why ||= "its scores are the same for all samples, by which nothing shows whether another batch is right";
    if (answer === "other") why ||= "with another one the scores of samples are others";
  }
  why ||= tried.find((one) => one.why !== undefined)?.why ?? "it cannot be run with another one";
  throw new PerturbError(
    "unsupported",
    `${name} cannot be hardened yet: its batch is ${batch}, and ${why}. Export it with a batch axis of open size.`,
    { data: { batch } },
  );
}

/** The open classifier, where it gives the logits of the fixed one for more samples than this takes at a time. */
async function compared(
  open: ClassifierFile,
  fixed: ClassifierFile,
  runtime: Runtime,
): Promise<ClassifierFile | "refused" | "other" | "alike for all"> {
  const usual = fixed.batch! + 1;
  const x = stacked(probe(fixed, usual), extremes(fixed, 4));
  try {
    const [a, b] = [await logitsOf(open, x, runtime), await logitsOf(fixed, x, runtime)];
    // Logits at the ends of the bounds may be far larger than those of other samples, and hide what moves these.
    const parts = [
      [0, usual],
      [usual, usual + 4],
    ].map(([from, to]) => [a, b].map((of) => of.subarray(from! * fixed.classes, to! * fixed.classes)));
    if (parts.some(([one, other]) => !isSame(one!, other!, fixed.classes))) return "other";
    return parts.every(([, other]) => spreadOf(other!, fixed.classes) > NOISE * largestOf(other!))
      ? open
      : "alike for all";
  } catch (error) {
    if (isRefused(error)) return "refused";
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

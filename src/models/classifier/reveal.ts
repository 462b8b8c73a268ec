import { differentiate } from "../../autodiff/differentiate.ts";
import { PerturbError } from "../../errors.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { option } from "../../option.ts";
import type { Runtime } from "../../runtime.ts";
import { isDistribution } from "../distribution.ts";
import { probe, probed } from "./batching.ts";
import type { ClassifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { logitsOf } from "./log-probabilities.ts";

/** Samples of the trial. Saturated scores of a few could look like labels. */
export const SAMPLES = 16;
/** How far probabilities may be from a sum of 1 where they were said to be some. */
const SAID_ROUNDING = 0.1;

/**
 * The classifier with what only a trial run tells of its head. Probabilities without visible logits become their
 * logarithms, so that loss and margin are built on these; scores of 0 and 1 that no gradient leads to are labels.
 * @throws usage for one output in [0, 1] that may be a probability or a logit
 */
export async function revealHead(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  if (file.said === "sigmoid" && file.head === "hidden") return requireUnit(file, runtime);
  if (file.head !== "logits" && file.head !== "binary") return file;
  if (file.said === "logits") return file;
  if (file.said === "softmax") return logarithms(await requireShares(file, runtime));
  const first = await trial(file, runtime, 1);
  // Most models are told by one sample, and one of a large model takes long.
  if (file.head === "binary" ? !first.every(inUnit) : !first.every(isDistribution)) return file;
  const rows = await trial(file, runtime, SAMPLES);
  if (file.head === "binary") return readBinary(file, rows);
  if (rows.every(isOneHot) && !hasGradient(file)) return { ...file, head: "labels" };
  return rows.every(isDistribution) ? logarithms(file) : file;
}

/** Logits of samples that differ from each other. */
export async function trial(file: ClassifierFile, runtime: Runtime, samples: number): Promise<Float32Array[]> {
  const model = openClassifier(file, runtime);
  try {
    const { data } = await model.logits(probe(file, samples), probed(file, samples));
    return Array.from({ length: samples }, (_, i) => data.subarray(i * file.classes, (i + 1) * file.classes));
  } finally {
    await model.release();
  }
}

/** @throws usage where scores that were said to be probabilities are none: their logarithms would be no numbers */
async function requireShares(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const rows = await trial(file, runtime, SAMPLES);
  if (rows.some((row) => row.every(Number.isFinite) && !isNearly(row, SAID_ROUNDING)))
    throw noProbabilities(file, "softmax");
  return file;
}

/** The logits of what was said to stand behind sigmoids are no numbers where it is none. @throws usage */
async function requireUnit(file: ClassifierFile, runtime: Runtime): Promise<ClassifierFile> {
  const rows = await trial(file, runtime, SAMPLES);
  if (rows.some((row) => row.some(Number.isNaN))) throw noProbabilities(file, "sigmoid");
  return file;
}

const noProbabilities = ({ name }: ClassifierFile, said: "softmax" | "sigmoid"): PerturbError =>
  new PerturbError(
    "usage",
    `${name} was said to give probabilities (${option("head", said)}), and in a trial it gave scores that are none: ${said === "softmax" ? "they do not lie in [0, 1] with a sum of 1" : "some lie outside of [0, 1]"}. Leave it out, or say that they are logits (${option("head", "logits")}).`,
  );

/** Whether the score of a row [0, z] lies where probabilities do. */
const inUnit = (row: Float32Array): boolean => row[1]! >= 0 && row[1]! <= 1;

/** Whether numbers are shares of 1, but for rounding: that of 8 or 16 bits where it was said. */
const isNearly = (row: Float32Array, rounding: number): boolean =>
  Math.abs(row.reduce((a, p) => a + p, 0) - 1) <= rounding && row.every((p) => p >= -rounding && p <= 1 + rounding);

const isOneHot = (row: Float32Array): boolean =>
  row.every((v) => v === 0 || v === 1) && row.reduce((a, b) => a + b, 0) === 1;

function hasGradient({ onnx, name }: ClassifierFile): boolean {
  try {
    differentiate({ graph: readOnnx(onnx, name) });
    return true;
  } catch (error) {
    if (error instanceof PerturbError) return false;
    throw error;
  }
}

/** One score, read as a logit: its rows are [0, z]. */
function readBinary(file: ClassifierFile, rows: readonly Float32Array[]): ClassifierFile {
  const scores = rows.map((row) => row[1]!);
  if (scores.every((z) => z === 0 || z === 1)) {
    if (!hasGradient(file)) return { ...file, head: "labels" };
    if (file.askedThrough) return halved(file);
  }
  if (!rows.every(inUnit)) return file;
  throw new PerturbError(
    "usage",
    `${file.name} has one output, without a sigmoid that can be seen, and its ${SAMPLES} values of a trial lie in [0, 1]. Say whether it is a probability (${option("head", "sigmoid")}) or a logit (${option("head", "logits")}).`,
  );
}

/** Of a score that is 0 or 1, rounded by nodes that the gradient passes straight through: what of it is above 1/2. */
function halved(file: ClassifierFile): ClassifierFile {
  const message = `The model has one output, which is 0 or 1 and ${option("straightThrough", file.askedThrough)} passes the gradient of: above 0.5, class 1 is predicted.`;
  const notes = (file.notes ?? []).map((note) => (note.code === "assumption" ? { ...note, message } : note));
  const graph = readOnnx(file.onnx, file.name);
  const b = new Ops({ ...graph, nodes: graph.nodes.slice(0, -1) }, "half");
  const half = b.constant({ type: "float32", dims: [1, 2], data: Float32Array.of(0, 0.5) });
  b.alias("logits", b.sub(graph.nodes.at(-1)!.inputs[0]!, half));
  return { ...file, onnx: writeOnnx(b.finish(["logits"])), notes };
}

function logarithms(file: ClassifierFile): ClassifierFile {
  const graph = readOnnx(file.onnx, file.name);
  const b = new Ops({ ...graph, nodes: graph.nodes.slice(0, -1) }, "log");
  const probabilities = graph.nodes.at(-1)!.inputs[0]!;
  b.alias("logits", logitsOf(b, probabilities));
  return { ...file, onnx: writeOnnx(b.finish(["logits"])), head: "hidden" };
}

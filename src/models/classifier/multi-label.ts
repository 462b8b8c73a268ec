import { wrongness } from "../../autodiff/scores/multi-label.ts";
import { logitOf, shifted } from "../../autodiff/scores/values.ts";
import { PerturbError } from "../../errors.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Note, option } from "../../option.ts";
import type { Runtime } from "../../runtime.ts";
import type { FloatTensor } from "../../tensor.ts";
import type { ClassifierFile, ClassifierOptions, FedRows } from "./classifier.ts";
import { columnsOf } from "./label-sets.ts";
import { SAMPLES, trial } from "./reveal.ts";

/** What a model is opened with, to be asked about the sets of labels that a data set has. */
export interface MultiLabelOptions {
  readonly head: "multi-label";
  readonly labelSets: FloatTensor;
  readonly flip?: readonly number[];
}

/**
 * The options that bind a model to data whose labels are sets: `openModel(file, { ...multiLabel(data) })`. Open it anew for other data.
 * @param flip the labels of which one is to flip, by default any. @throws usage for data with one class for each sample
 */
export function multiLabel(
  { name, labelSets }: { readonly name: string; readonly labelSets?: FloatTensor },
  flip?: readonly number[],
): MultiLabelOptions {
  if (labelSets) return { head: "multi-label", labelSets, ...(flip && { flip }) };
  throw new PerturbError(
    "usage",
    `${name} has one class for each sample. Give data of label sets: [samples, labels] of 0 and 1.`,
  );
}

type LabelOptions = Pick<ClassifierOptions, "head" | "labelSets" | "flip">;

/** @throws usage for options that do not go together */
export function checkLabels({ head, labelSets, flip }: LabelOptions): void {
  const multi = option("head", "multi-label");
  if (head === "multi-label" && !labelSets)
    throw new PerturbError("usage", `${multi} needs the labels of the data (${option("labelSets")}). Give them.`);
  if (head === "multi-label") return;
  const idle = labelSets ? option("labelSets") : flip ? option("flip") : undefined;
  if (idle) throw new PerturbError("usage", `${idle} is for ${multi}. Add it, or leave ${idle} out.`);
}

export interface Binding {
  readonly labelSets: FloatTensor;
  readonly flip?: readonly number[] | undefined;
  readonly threshold?: number | undefined;
}

/**
 * A classifier with a score for each label as one of whether the labels of a sample are as given: see `wrongness`. What they are
 * follows the samples, by their indices in the data set. @throws mismatch, usage
 */
export async function withLabelSets(
  file: ClassifierFile,
  runtime: Runtime,
  { labelSets, flip, threshold }: Binding,
): Promise<ClassifierFile> {
  checkSets(file, labelSets);
  const labels = goalOf(file.classes, flip);
  const reading = file.unseen ? await read(file, runtime, threshold) : (_: Ops, z: string) => z;
  const graph = readOnnx(file.onnx, file.name);
  const b = new Ops({ ...graph, nodes: graph.nodes.slice(0, -1) }, "labels");
  const z = reading(b, graph.nodes.at(-1)!.inputs[0]!);
  const input = b.input({
    name: b.fresh("label_sets"),
    type: "float32",
    dims: [graph.inputs[0]!.dims![0]!, labels.length],
  });
  const some = flip ? b.add("Gather", [z, b.int64(labels)], { axis: 1 }) : z;
  b.alias("logits", wrongness(b, some, input));
  const row: FedRows = { input, name: "label sets", values: columnsOf(labelSets, labels) };
  const { unseen: _, ...rest } = file;
  return {
    ...rest,
    onnx: writeOnnx(b.finish(["logits"])),
    classes: labels.length + 1,
    head: "multi-label",
    labelSets: { labels, of: file.classes, input },
    rows: [...(file.rows ?? []), row],
    notes: [...(file.notes ?? []), about(labels, flip !== undefined)],
  };
}

/** The labels of the goal. @throws usage */
function goalOf(count: number, flip: readonly number[] | undefined): number[] {
  const labels = [...new Set(flip ?? Array.from({ length: count }, (_, i) => i))].sort((a, b) => a - b);
  if (labels.length > 0 && labels.every((label) => Number.isInteger(label) && label >= 0 && label < count))
    return labels;
  throw new PerturbError(
    "usage",
    `${option("flip", flip)} names labels that the model does not have: it has ${count}, 0 to ${count - 1}.`,
  );
}

/** @throws mismatch for labels that do not fit the model, or what else is given for each sample */
function checkSets({ name, classes, rows = [] }: ClassifierFile, { dims, data }: FloatTensor): void {
  const fits = dims.length === 2 && dims[1] === classes && dims[0]! * dims[1] === data.length;
  if (!fits)
    throw new PerturbError(
      "mismatch",
      `${name} has ${classes} labels, and the data has label sets of shape [${dims}]. Give [samples, ${classes}], in the order of the model.`,
    );
  const bad = data.findIndex((v) => v !== 0 && v !== 1);
  if (bad >= 0)
    throw new PerturbError(
      "out-of-bounds",
      `The label sets of sample ${Math.floor(bad / classes)} hold ${data[bad]}. Give 0 and 1.`,
    );
  const other = rows.find(({ values }) => values.dims[0] !== dims[0]);
  if (other)
    throw new PerturbError(
      "mismatch",
      `There are ${other.values.dims[0]} rows for the input "${other.name}", and ${dims[0]} label sets. Give a row of both for each sample.`,
    );
}

/** How scores without a visible sigmoid are read, by a trial. @throws usage for what may be logits or probabilities */
async function read(
  file: ClassifierFile,
  runtime: Runtime,
  threshold: number | undefined,
): Promise<(b: Ops, z: string) => string> {
  const isUnit = (await trial(file, runtime, SAMPLES)).every((row) => row.every((v) => v >= 0 && v <= 1));
  if (isUnit && threshold === undefined)
    throw new PerturbError(
      "usage",
      `${file.name} has ${file.classes} labels, without a sigmoid that can be seen, and their scores in a trial of ${SAMPLES} samples lie in [0, 1]. Say whether they are probabilities (${option("threshold", 0.5)}) or logits (${option("threshold", 0)}).`,
    );
  const at = threshold ?? 0;
  const isProbability = isUnit && at > 0 && at < 1;
  return (b, z) => (isProbability ? shifted(b, logitOf(b, z), Math.log(at / (1 - at))) : shifted(b, z, at));
}

function about(labels: readonly number[], isNamed: boolean): Note {
  const which = labels.length === 1 ? `label ${labels[0]}` : `each of the labels ${labels.join(", ")}`;
  return {
    code: "multi-label",
    message: `The labels of a sample are a set. Accuracy is exact match: the share of samples on which ${isNamed ? which : "every label"} is right. A sample is fooled when one of these labels flips. Prediction 0 means that all are as given, and prediction k that ${isNamed ? `the k-th label of ${labels.join(", ")}` : "label k - 1"} is the one farthest wrong. The loss is binary cross-entropy, summed over these labels.`,
  };
}

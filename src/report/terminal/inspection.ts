import type { Head } from "../../model.ts";
import type { Inspection } from "../../models/classifier/inspect.ts";
import { type Preprocessing, preprocessingWords } from "../../models/preprocessing/preprocessing.ts";
import { describeDims, type GraphValue } from "../../onnx/graph.ts";

/**
 * What is known of a model, as names and words: for the terminal and for the page.
 * @param applied what is done to pictures before they reach the graph
 */
export function inspectionFacts(of: Inspection, applied?: Preprocessing): [name: string, words: string][] {
  const { total, operators, uncounted } = of.multiplyAdds;
  const costs = Object.entries(operators).map(([op, n]) => `${op} ${count(n)}`);
  const opsets = Object.entries(of.opsets).map(([domain, version]) => `${domain} ${version}`);
  const skipped = uncounted ? `; ${uncounted} nodes of unknown shape not counted` : "";
  return [
    ...of.inputs.map(({ samples, ...value }): [string, string] => [
      "input",
      `${describeValue(value)}${samples === undefined ? "" : `, given for ${samples} samples`}`,
    ]),
    ...of.outputs.map((value): [string, string] => ["output", describeValue(value)]),
    ...sampleOf(of),
    ...mixingOf(of),
    ["opset", opsets.join(", ")],
    ["head", headOf(of)],
    ["parameters", count(of.parameters)],
    ["trainable", trainableOf(of)],
    ...precisionOf(of),
    ["cost", `${count(2 * total)} FLOPs a sample: ${costs.join(", ") || "no"} multiply-adds${skipped}`],
    ...(of.defences.length === 0
      ? []
      : [["defence", `${of.defences.join(", then ")}; attacks adapt to it`] as [string, string]]),
    ["preprocessing", preprocessingOf(of, applied)],
    ["gradient", gradientOf(of)],
  ];
}

function preprocessingOf({ preprocessing }: Inspection, applied: Preprocessing | undefined): string {
  const outside = applied === undefined ? "" : preprocessingWords(applied);
  const inside = preprocessing.length > 0 ? [`${outside ? "in the graph: " : ""}${preprocessing.join(", then ")}`] : [];
  const steps = [...(outside ? [outside] : []), ...inside];
  return steps.join("; ") || "none found: pixels go into the network as they are";
}

function gradientOf(of: Inspection): string {
  if (of.differentiable === true) return `yes${throughRounding(of)}`;
  return "error" in of.classifier ? "none of a model that is no classifier" : `no. ${of.differentiable.error}`;
}

function trainableOf({ trainable }: Inspection): string {
  if (trainable.length === 0) return "nothing";
  const values = trainable.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0);
  const names = trainable.slice(0, 4).map(({ name }) => name);
  return `${count(values)} values in ${trainable.length} tensors: ${names.join(", ")}${trainable.length > 4 ? ", …" : ""}`;
}

/** Said where a sample is not what stands behind the first axis, or where several are asked about at a time. */
function sampleOf({ inputs: [input], batchAxis: axis }: Inspection): [string, string][] {
  const dims = input?.dims ?? [];
  if (axis === "none")
    return [["sample", `the whole input ${describeDims(dims)}: as its shapes tell, it has no batch axis`]];
  const size = dims[axis];
  const sample = describeDims(dims.filter((_, i) => i !== axis));
  const pieces = typeof size === "number" && size > 1 ? `, ${size} at a time` : "";
  if (axis === 0) return pieces ? [["sample", `${sample}${pieces}`]] : [];
  return [["sample", `${sample}, along axis ${axis} of the input${pieces}`]];
}

/** Said where samples are no samples of their own in a batch. */
function mixingOf({ mixing }: Inspection): [string, string][] {
  if (mixing.length === 0) return [];
  const more = mixing.length > 2 ? ` and ${mixing.length - 2} more` : "";
  return [
    [
      "batch",
      `${mixing.slice(0, 2).join(", ")}${more} ${mixing.length === 1 ? "runs" : "run"} over the samples of a batch. Where that changes their scores, each is asked about alone`,
    ],
  ];
}

const describeValue = ({ name, type, dims }: GraphValue): string =>
  `${name}: ${type ?? "unknown type"} ${describeDims(dims)}`;

/** Said where it is not float32 throughout. */
function precisionOf({ precision }: Inspection): [string, string][] {
  if (precision.every((type) => type === "float32")) return [];
  const whole = precision.includes("bfloat16") || precision.includes("float64");
  return [["precision", `${precision.join(", ")}; ${whole ? "all of it" : "the gradient"} is computed in float32`]];
}

const throughRounding = ({ straightThrough }: Inspection): string =>
  straightThrough === 0
    ? ""
    : `, straight through ${straightThrough} ${straightThrough === 1 ? "node that steps" : "nodes that step"}`;

function headOf({ classifier }: Inspection): string {
  if ("error" in classifier) return `no classifier. ${classifier.error}`;
  const { head, classes, assumptions } = classifier;
  return [`${HEADS[head]}; ${classes} classes`, ...assumptions].join(". ");
}

const HEADS: Readonly<Record<Head, string>> = {
  logits: "the output holds the logits",
  softmax: "the logits stand behind a softmax",
  "log-softmax": "the logits stand behind a log-softmax",
  sigmoid: "the logits stand behind a sigmoid for each class; the class with the largest is predicted",
  monotone: "the logits stand behind a function that keeps the order of the classes",
  binary: "one output, the score of class 1",
  "binary-sigmoid": "one output; the logit of class 1 stands behind a sigmoid",
  hidden: "the output holds probabilities; the logits cannot be seen",
  labels: "the output holds 1 for the class predicted and 0 for all others",
  "multi-label": "a score for each label by itself",
};

const count = (n: number): string => n.toLocaleString("en-US");

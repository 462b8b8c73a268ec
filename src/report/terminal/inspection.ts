import type { Inspection } from "../../models/classifier/inspect.ts";
import { describeDims, type GraphValue } from "../../onnx/graph.ts";

/** What is known of a model, as names and words: for the terminal and for the page. */
export function inspectionFacts(of: Inspection): [name: string, words: string][] {
  const { total, operators, uncounted } = of.multiplyAdds;
  const costs = Object.entries(operators).map(([op, n]) => `${op} ${count(n)}`);
  const opsets = Object.entries(of.opsets).map(([domain, version]) => `${domain} ${version}`);
  const skipped = uncounted ? `; ${uncounted} nodes of unknown shape not counted` : "";
  return [
    ...of.inputs.map((value): [string, string] => ["input", describeValue(value)]),
    ...of.outputs.map((value): [string, string] => ["output", describeValue(value)]),
    ["opset", opsets.join(", ")],
    ["head", headOf(of)],
    ["parameters", count(of.parameters)],
    ...precisionOf(of),
    ["cost", `${count(2 * total)} FLOPs a sample: ${costs.join(", ") || "no"} multiply-adds${skipped}`],
    ["preprocessing", of.preprocessing.join(", then ") || "none found: pixels go into the network as they are"],
    ["gradient", of.differentiable === true ? `yes${throughRounding(of)}` : `no. ${of.differentiable.error}`],
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
  const where =
    classifier.head === "logits" ? "the output holds the logits" : `the logits stand behind a ${classifier.head}`;
  return `${where}; ${classifier.classes} classes`;
}

const count = (n: number): string => n.toLocaleString("en-US");

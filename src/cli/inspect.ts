import { Command } from "@commander-js/extra-typings";
import type { Inspection } from "../models/inspect.ts";
import { openGraph } from "./open.ts";
import { modelArgument, options } from "./options.ts";
import { columns, print, printJson, prose } from "./output.ts";

export const inspectCommand = new Command("inspect")
  .description(
    prose(`Shows the inputs, outputs and operators of a model, where its logits stand, which operators have a gradient rule,
which nodes stand in the way of a gradient, the number of parameters, and the cost of one sample. Nothing is run.`),
  )
  .addArgument(modelArgument())
  .addOption(options.arch())
  .addOption(options.inputName())
  .addOption(options.feed())
  .addOption(options.outputName())
  .addOption(options.shape())
  .option("--json", "print JSON")
  .addHelpText(
    "after",
    `
Examples:
  perturb inspect net.onnx
  perturb inspect net.onnx --shape 3,224,224     where the graph leaves image sizes open
  perturb inspect net.onnx --input-name image --feed mask=mask.npy --output-name scores
  perturb inspect net.pth --arch lenet --json`,
  )
  .action(async (model, given) => {
    const [opened, { inspectGraph }] = await Promise.all([openGraph(model, given), import("../models/inspect.ts")]);
    const inspection = inspectGraph(opened.name, opened.graph, given.shape);
    if (given.json) printJson({ ...inspection, sha256: opened.sha256 });
    else await show(inspection, opened.sha256);
  });

async function show(of: Inspection, sha256: string): Promise<void> {
  const { describeDims } = await import("../onnx/graph.ts");
  const value = ({ name, type, dims }: Inspection["inputs"][number]) =>
    `${name}: ${type ?? "unknown type"} ${describeDims(dims)}`;
  const { total, operators, uncounted } = of.multiplyAdds;
  const costs = Object.entries(operators).map(([op, n]) => `${op} ${count(n)}`);
  const facts: [string, string][] = [
    ["model", of.name],
    ["sha-256", sha256],
    ...of.inputs.map((v): [string, string] => ["input", value(v)]),
    ...of.outputs.map((v): [string, string] => ["output", value(v)]),
    [
      "opset",
      Object.entries(of.opsets)
        .map(([domain, version]) => `${domain} ${version}`)
        .join(", "),
    ],
    ["head", headOf(of)],
    ["parameters", count(of.parameters)],
    ...precisionOf(of),
    [
      "cost",
      `${count(2 * total)} FLOPs a sample: ${costs.join(", ") || "no"} multiply-adds${uncounted ? `; ${uncounted} nodes of unknown shape not counted` : ""}`,
    ],
    ["preprocessing", of.preprocessing.join(", then ") || "none found: pixels go into the network as they are"],
    ["gradient", of.differentiable === true ? `yes${throughRounding(of)}` : `no. ${of.differentiable.error}`],
  ];
  const support = { rule: "yes", zero: "zero: nothing flows through", none: "no rule" };
  const table = of.operators.map((o) => [
    o.domain === "ai.onnx" ? o.op : `${o.domain}.${o.op}`,
    String(o.count),
    support[o.gradient],
  ]);
  print(...columns(facts), "", ...columns([["operator", "count", "gradient"], ...table]));
  if (of.obstacles.length > 0) print("", "Nodes in the way of a gradient:", ...of.obstacles.map((node) => `  ${node}`));
}

/** Said where it is not float32 throughout. */
function precisionOf({ precision }: Inspection): [string, string][] {
  if (precision.every((type) => type === "float32")) return [];
  const whole = precision.includes("bfloat16") || precision.includes("float64");
  return [["precision", `${precision.join(", ")}; ${whole ? "all of it" : "the gradient"} is computed in float32`]];
}

const throughRounding = ({ straightThrough }: Inspection): string =>
  straightThrough === 0 ? "" : `, straight through ${straightThrough} nodes that round to integers`;

function headOf({ classifier }: Inspection): string {
  if ("error" in classifier) return `no classifier. ${classifier.error}`;
  const where =
    classifier.head === "logits" ? "the output holds the logits" : `the logits stand behind a ${classifier.head}`;
  return `${where}; ${classifier.classes} classes`;
}

const count = (n: number): string => n.toLocaleString("en-US");

import { Command } from "@commander-js/extra-typings";
import type { Inspection } from "../../models/classifier/inspect.ts";
import type { Preprocessing } from "../../models/preprocessing/preprocessing.ts";
import type { Note } from "../../option.ts";
import { facts, inOneLine } from "../layout.ts";
import { openGraph } from "../opening/model.ts";
import { preprocessingGiven, withOwnConfiguration } from "../opening/preprocessing.ts";
import { sayNotes } from "../opening/say-notes.ts";
import { commandWords } from "../option-words.ts";
import { modelArgument } from "../options/definitions.ts";
import { only, withGroups } from "../options/group.ts";
import { graphOptions } from "../options/groups.ts";
import { columns, helpText, print, printJson, prose, room } from "../output.ts";

export const inspectCommand = withGroups(
  new Command("inspect")
    .description(
      prose(`Shows the inputs, outputs and operators of a model, where its logits are, and which operators have a gradient rule. It
names the nodes that have no gradient, and gives the number of parameters and the cost of one sample. The model is not run.`),
    )
    .addArgument(modelArgument())
    .option("--json", "Print JSON.")
    .addHelpText("after", () =>
      helpText(`
Examples:
  perturb inspect net.onnx
  perturb inspect net.onnx --shape 3,224,224     where the graph leaves image sizes open
  perturb inspect net.onnx --input-name image --feed mask=mask.npy --output-name scores
  perturb inspect net.pth --arch lenet --json`),
    ),
  only(
    graphOptions(),
    "arch",
    "inputName",
    "feed",
    "outputName",
    "head",
    "pool",
    "threshold",
    "shape",
    "straightThrough",
    "preprocess",
  ),
).action(async (model, asked) => {
  const { given, notes } = await withOwnConfiguration(model, asked);
  const { preprocess } = given;
  const applied = preprocess === undefined ? undefined : await preprocessingGiven({ preprocess });
  const [opened, { inspectGraph }] = await Promise.all([
    openGraph(model, { ...given, isolate: false }),
    import("../../models/classifier/inspect.ts"),
  ]);
  const inspection = inspectGraph(opened.name, opened.graph, given.shape, given);
  if (!given.json) return show(inspection, opened.sha256, applied, notes);
  sayNotes(notes);
  printJson({ ...inspection, sha256: opened.sha256, ...(applied && { preprocess: applied }) });
});

const inWords = ([name, words]: [string, string]): [string, string] => [name, commandWords(words)];

async function show(of: Inspection, sha256: string, applied?: Preprocessing, notes?: readonly Note[]): Promise<void> {
  const { inspectionFacts } = await import("../../report/terminal/inspection.ts");
  const found = inspectionFacts(of, applied).map(inWords);
  const said = (notes ?? []).map(({ message }): [string, string] => ["note", commandWords(message)]);
  const known: [string, string][] = [["model", of.name], ["sha-256", sha256], ...found, ...said];
  const support = { rule: "yes", zero: "zero: nothing flows through", none: "no rule" };
  const table = of.operators.map((o) => [
    o.domain === "ai.onnx" ? o.op : `${o.domain}.${o.op}`,
    String(o.count),
    support[o.gradient],
  ]);
  print(...facts(known, room()), "", ...columns([["operator", "count", "gradient"], ...table]));
  if (of.obstacles.length > 0)
    print("", "Nodes in the way of a gradient:", ...of.obstacles.map((node) => `  ${inOneLine(node)}`));
}

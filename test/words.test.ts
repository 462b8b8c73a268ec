import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";
import { fgsm } from "../src/attacks/gradient/fgsm.ts";
import { commandWords } from "../src/cli/option-words.ts";
import { openDataset } from "../src/datasets/locate.node.ts";
import type { Evaluation } from "../src/evaluate.ts";
import { evaluate } from "../src/index.ts";
import { openModel } from "../src/models/open.node.ts";
import { perturb, scratch } from "./support/cli.ts";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));
/** Where options of the command line are the trade: they are parsed, or a command line is made. */
const COMMAND_LINE = /^cli\/|^report\/files\/command\.ts$/;
/** An option in running text; not a custom property of CSS, nor in a whole command. */
const OPTION = /(?<=^|[\s"']|(?<!var)\()--[a-z][a-z-]*(?![a-z-]*:)/;
const WHOLE_COMMAND = /`perturb [^`]*`/g;

const files = (readdirSync(SRC, { recursive: true }) as string[])
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !/\.test(-data)?\.ts$/.test(path) && !COMMAND_LINE.test(path));

/** The texts of a file that may reach a user: literals and the parts of templates. */
function textsOf(path: string, source = readFileSync(SRC + path, "utf8")): { text: string; line: number }[] {
  if (!source.includes("--")) return [];
  const tree = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const found: { text: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node))
      found.push({ text: node.text, line: tree.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

it("finds an option of the command line in a message", () => {
  const said = textsOf("x.ts", 'f("Use --mean."); f(`Leave (--std)`); f("color:var(--ink);--h:1");');
  expect(said.filter(({ text }) => OPTION.test(text))).toHaveLength(2);
});

it("leaves options of the command line to the command line: the library says `option(…)`", () => {
  const found = files.flatMap((path) =>
    textsOf(path)
      .filter(({ text }) => OPTION.test(text.replaceAll(WHOLE_COMMAND, "")))
      .map(({ text, line }) => `src/${path}:${line}: ${text}`),
  );
  expect(found).toEqual([]);
});

it("is worded by each door: a warning in the library's result, on stderr, in report.json and in report.html", async () => {
  const place = scratch();
  try {
    const normalization = { mean: [3], std: [0.05] };
    const [model, data] = await Promise.all([openModel("lenet-mnist", { normalization }), openDataset("mnist")]);
    const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [0.1], limit: 100 });
    await model.release();
    const tinyGradient = ({ warnings }: Evaluation) => warnings.find(({ code }) => code === "tiny-gradient")!.message;
    const ours = tinyGradient(evaluation);
    expect(ours).toContain("such as square (`attacks`)");

    const args = "evaluate --eps 0.1 --limit 100 --mean 3 --std 0.05 --out report --quiet".split(" ");
    const { stderr } = await perturb(args, place.path);
    const [json, html] = ["report.json", "report.html"].map((name) =>
      readFileSync(join(place.path, "report", name), "utf8"),
    );
    expect(tinyGradient(JSON.parse(json!) as Evaluation)).toBe(commandWords(ours));
    for (const text of [stderr, json, html]) {
      expect(text).toContain("such as square (--attack)");
      expect(text).toContain("twice with --mean and --std");
      expect(text).not.toMatch(/`attacks`|normalization\.mean/);
    }
  } finally {
    place.remove();
  }
});

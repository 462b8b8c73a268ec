import { createHash } from "node:crypto";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { fooledSample, sampleRecord } from "../../../test/support/sample-records.ts";
import { withGates } from "../../evaluate/results/gates.ts";
import type { EvaluationResult } from "../../evaluate.ts";
import { rowsOf, tabulate } from "../files/sample-table.ts";
import { type Plots, plotsOf } from "../plots/plots.ts";
import { toSvg } from "../plots/vega.ts";
import type { ReportData } from "./data.ts";
import { toHtml } from "./html.ts";
import { pageScript } from "./script.ts";

const svgs: Plots<string> = { accuracy: "<svg><g/></svg>", linearity: "<svg/>", dimensions: "<svg/>" };
const page = (result: EvaluationResult, command = "perturb evaluate") => toHtml(result, { svgs, command });

const script =
  'const a = "</script><!-- <SCRIPT>", b = /<\\/x/.test(a), c = `</SCRIPT >`; globalThis.heard = [a, b, c];';
const style = '.a::after{content:"</style>"}';
const scripted = await pageScript(script, style);

/** The page with a script, its data, and records whose attack is `attack`. */
const livePage = (result: EvaluationResult, { command = "perturb evaluate", attack = "pgd" } = {}) => {
  const { add, table } = tabulate();
  add([sampleRecord, { ...fooledSample, attack }]);
  return toHtml(result, { svgs, command, page: scripted, samples: table() });
};

/** All tags in order, with the names of their attributes. */
const tags = (html: string): string[] =>
  Array.from(html.matchAll(/<(\/?[a-zA-Z!][^\s>]*)((?:[^>"]|"[^"]*")*)>/g), ([, name, attributes]) =>
    [
      name,
      ...attributes!
        .replace(/="[^"]*"/g, "")
        .trim()
        .split(/\s+/),
    ].join(" "),
  );

/** A result in which every text from outside is `text`. */
function hostile(text: string): EvaluationResult {
  const result = fixture({
    modelName: text,
    classNames: Array(10).fill(text),
    warnings: [{ code: text, message: text }],
  });
  const { evaluation } = result;
  return {
    ...result,
    evaluation: {
      ...evaluation,
      tool: { ...evaluation.tool, version: text },
      date: text,
      model: { ...evaluation.model, sha256: text },
      data: { ...evaluation.data, name: text },
      options: { ...evaluation.options, attacks: [text] },
      runtime: { name: text, device: text },
      points: evaluation.points.map((point) => ({ ...point, attack: text })),
    },
  };
}

describe("toHtml", () => {
  const result = fixture({ warnings: [{ code: "softmax-head", message: "12% of the gradients are 0." }] });
  const html = page(result);

  it("says the numbers", () => {
    const text = html.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
    for (const fact of [
      "lenet on mnist", "Of 10,000 samples, 98.10% are classified correctly.", "8.69% are correct and not fooled by fgsm.", "3a7bd3e2360a3d29", "1 × 28 × 28",
      "onnxruntime-node 1.30.0 on cpu", "0.05 9,426 / 10,000 94.26% 93.79 – 94.70% 384 / 9,810", "12% of the gradients are 0.",
      "perturb evaluate", "Goodfellow et al. (2015, §3)", "ε·‖∇ₓJ‖₁",
    ]) expect(text).toContain(fact); // biome-ignore format: a list
  });

  it("puts the warnings before the numbers they cast doubt on, and nothing where there are none", () => {
    expect(html.indexOf('class="warnings"')).toBeGreaterThan(0);
    expect(html.indexOf('class="warnings"')).toBeLessThan(html.indexOf("Accuracy under attack"));
    expect(page(fixture())).not.toContain('class="warnings"');
  });

  it("loads nothing and runs nothing", () => {
    expect(html).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">`,
    );
    for (const [, url] of html.matchAll(/\s(?:src|href|srcset|action|data)="([^"]*)"/g))
      expect(url).toMatch(/^(data:image\/png;base64,|https:\/\/arxiv\.org\/abs\/1412\.6572$)/);
    expect(html).not.toMatch(/@import|url\(/);
    for (const [, type] of html.matchAll(/<script([^>]*)>/g))
      expect(type).toMatch(/^ type="application\/json" id="vega-lite-[a-z]+"$/);
  });

  it("holds the specifications of its plots", () => {
    const blocks = Array.from(
      html.matchAll(/<script type="application\/json" id="vega-lite-([a-z]+)">(.*?)<\/script>/g),
    );
    expect(Object.fromEntries(blocks.map(([, name, json]) => [name, JSON.parse(json!)]))).toEqual(
      JSON.parse(JSON.stringify(plotsOf(result.evaluation))),
    );
  });

  it("draws plots in the colours of the page", async () => {
    const accuracy = await toSvg(plotsOf(result.evaluation).accuracy);
    const drawn = toHtml(result, { svgs: { accuracy }, command: "" });
    expect(drawn).toContain('stroke="var(--series-1)"');
    expect(drawn).toMatch(/prefers-color-scheme:dark[^}]*--series-1:/);
  });

  it("can be read without seeing it", () => {
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    const levels = Array.from(html.matchAll(/<h([1-6])/g), ([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    levels.forEach((level, i) => {
      if (i > 0) expect(level === 1 ? "a second h1" : level - levels[i - 1]!).toBeLessThanOrEqual(1);
    });
    const tables = Array.from(html.matchAll(/<table[^>]* aria-labelledby="([^"]+)">/g), ([, id]) => id!);
    expect(tables).toHaveLength(html.match(/<table/g)!.length);
    expect(new Set(tables).size).toBe(tables.length);
    for (const id of tables) expect(html).toMatch(new RegExp(`<p class="caption" id="${id}">[^<]+</p>`));
    for (const [cell] of html.matchAll(/<th[\s>][^>]*>?/g)) expect(cell).toMatch(/scope="(col|row)"/);
    for (const [image] of html.matchAll(/<img[^>]*>/g))
      expect(image).toMatch(/alt="Sample \d+, .+: label \d, predicted \d\."/);
    expect(html.match(/<img/g)).toHaveLength(35);
  });

  it.each([
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "--></style></script><svg onload=alert(1)>",
    "&lt;b&gt; \u2028 ]]>",
  ])("shows %s as text", (text) => {
    const names = tags(page(hostile(text), text));
    expect(names).toEqual(tags(page(hostile("name"), "name")));
    expect(page(hostile(text)).match(/<img src=x|<svg onload|<script>/)).toBeNull();
    const live = livePage(hostile(text), { command: text, attack: text });
    expect(tags(live)).toEqual(tags(livePage(hostile("name"), { command: "name", attack: "name" })));
  });

  it("has the same tags whatever the texts are", () => {
    const benign = tags(page(hostile("name"), "name"));
    const nasty = fc.array(
      fc.constantFrom("<", ">", '"', "'", "&", "/", "script", "img", " ", "=", "-->", "]]>", "\0", "ε", "`"),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(nasty, (parts) => {
        const text = `x${parts.join("")}`;
        expect(tags(page(hostile(text), text))).toEqual(benign);
      }),
      { numRuns: 30 },
    );
  });

  it("says which mistakes are the most frequent where a matrix would be too large", () => {
    const classes = 1000;
    const confusion = Array.from({ length: classes }, (_, label) =>
      Array.from({ length: classes }, (_, j) => (j === (label + 1) % classes ? label : 1)),
    );
    const { evaluation } = fixture();
    const large = { ...result, evaluation: { ...evaluation, clean: { ...evaluation.clean, confusion }, points: [] } };
    const html = page(large);
    expect(html).toContain('<th scope="row" class="text">999</th><td>0</td><td>999</td>');
    expect(html).toContain("20 of 998,999 kinds");
    expect(html.length).toBeLessThan(300_000);
  });

  it("says what was asked of the model, what stands in front of it, and how lengths are meant", () => {
    const { evaluation } = result;
    const text = (changed: Partial<typeof evaluation>) =>
      page({ ...result, evaluation: { ...evaluation, ...changed } })
        .replace(/<(style|script).*?<\/\1>|<[^>]*>/gs, "")
        .replace(/\s+/g, " ");
    const { gates } = withGates(evaluation, [
      { epsilon: 0.1, atLeast: 0.8 },
      { epsilon: 0.3, atLeast: 0.0869001 },
    ]);
    expect(text({ gates })).toContain("PASS 85.10% ≥ 80.00% at ε = 0.1 FAIL 8.69000% &lt; 8.69001% at ε = 0.3");
    expect(text({})).not.toMatch(/PASS|FAIL/);
    expect(text({})).toContain("Preprocessingnone: the model gets the values as they are");
    const preprocessing = { mean: [0.1307], std: [0.3081] };
    expect(text({ model: { ...evaluation.model, preprocessing } })).toContain(
      "(x - mean) / std, mean 0.1307, std 0.3081",
    );
    const settings = (...texts: string[]) => text({ options: { ...evaluation.options, settings: texts } });
    expect(settings("pgd.steps=40", "pgd.stepSize=0.0625eps")).toContain("is a share of ε");
    expect(settings("pgd.steps=40")).not.toContain("is a share of ε");
  });

  it("tells the attacks apart, and takes the strongest for its headline", () => {
    const html = page(fixture({ attacks: ["fgsm", "pgd"] }));
    expect(html).toContain("not fooled by any of the 2 attacks");
    expect(html).toContain("<b>6.95%</b><span");
    expect(html).toContain('<th scope="row" class="text">pgd L∞</th><td>0.3</td>');
  });
});

describe("toHtml with a script", () => {
  const result = fixture({ attacks: ["fgsm", "pgd"], classNames: Array.from({ length: 10 }, (_, c) => `class ${c}`) });
  const html = livePage(result);

  it("allows this script and no other", () => {
    const inline = Array.from(html.matchAll(/<script>(.*?)<\/script>/gs), ([, text]) => text!);
    expect(inline).toHaveLength(1);
    const hash = createHash("sha256").update(inline[0]!).digest("base64");
    expect(html).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    );
  });

  it("holds the script so that it means the same, and ends nothing", () => {
    const [, inline] = html.match(/<script>(.*)<\/script>/s)!;
    expect(inline).not.toMatch(/<(\/script|!--)/i);
    const heard = (text: string): unknown => runInNewContext(`${text}; JSON.stringify(globalThis.heard)`);
    expect(heard(inline!)).toEqual(heard(script));
    expect(html.match(/<\/style>/g)).toHaveLength(2);
  });

  it("holds what the script works with", () => {
    const [, json] = html.match(/<script type="application\/json" id="report-data">(.*?)<\/script>/s)!;
    const data = JSON.parse(json!) as ReportData;
    expect(data.bounds).toEqual({ lower: 0, upper: 1 });
    expect(data.classNames[7]).toBe("class 7");
    expect(data.examples).toHaveLength(html.match(/<figure class="example">/g)!.length);
    expect(rowsOf(data.samples!)).toMatchObject([{ outcome: sampleRecord.outcome }, { attack: "pgd" }]);
    expect(html).toContain('<div id="samples"></div>');
  });

  it("says the same as without it", () => {
    const plain = (page: string) =>
      page.replace(/<script.*?<\/script>|<style.*?<\/style>|<meta.*?>/gs, "").replace(/\s+/g, " ");
    const { add, table } = tabulate();
    add([sampleRecord, fooledSample]);
    expect(plain(html)).toBe(plain(toHtml(result, { svgs, command: "perturb evaluate", samples: table() })));
    expect(html).toContain("each of the 2 samples is in <code>samples.csv</code>");
  });
});

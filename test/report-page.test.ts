import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uniformNoise } from "../src/attacks/baselines/uniform-noise.ts";
import { fgsm } from "../src/attacks/gradient/fgsm.ts";
import { openDataset } from "../src/datasets/locate.node.ts";
import { evaluate } from "../src/evaluate/evaluation.ts";
import type { EvaluationResult } from "../src/evaluate.ts";
import { openModel } from "../src/models/open.node.ts";
import { spoolSamples } from "../src/report/files/samples.node.ts";
import { toHtml } from "../src/report/page/html.ts";
import { pageScript } from "../src/report/page/script.ts";
import { plotsOf } from "../src/report/plots/plots.ts";
import { toSvg } from "../src/report/plots/vega.ts";
import { objections } from "./support/axe.ts";
import { NO_CHROMIUM, requireChromium } from "./support/browser.ts";
import { scratch } from "./support/cli.ts";

const executablePath = requireChromium("report.html in a browser");
const EPSILONS = [0.1, 0.2, 0.3];

describe.skipIf(!executablePath)(`report.html in Chromium${executablePath ? "" : NO_CHROMIUM}`, () => {
  const place = scratch();
  const url = pathToFileURL(join(place.path, "report.html")).href;
  let browser: Browser;
  let result: EvaluationResult;

  /** The page, and what it asked for and complained of. */
  async function open(options: BrowserContextOptions = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(url);
    return { page, complaints, requests: () => requests.filter((asked) => !asked.startsWith("data:")) };
  }

  /** A report of 200 digits under noise, then FGSM, as `perturb evaluate` writes it. */
  async function write(): Promise<void> {
    const spool = await spoolSamples();
    const model = await openModel("lenet-mnist");
    const data = await openDataset("mnist");
    const settings = { attacks: [uniformNoise, fgsm], epsilons: EPSILONS, limit: 200, onRecords: spool.write };
    result = await evaluate(model, data, settings);
    await model.release();
    const { accuracy, linearity } = plotsOf(result.evaluation);
    const text = (name: string) => readFileSync(join(place.path, "built", name), "utf8");
    const page = await pageScript(text("report.js"), text("report.css"));
    const svgs = { accuracy: await toSvg(accuracy), linearity: await toSvg(linearity!) };
    const html = toHtml(result, { svgs, command: "perturb evaluate", samples: spool.table(), page });
    writeFileSync(join(place.path, "report.html"), html);
    await spool.copyTo(place.path);
    await spool.remove();
  }

  beforeAll(async () => {
    const configFile = fileURLToPath(new URL("../web/report.vite.config.ts", import.meta.url));
    await build({ configFile, logLevel: "error", build: { outDir: join(place.path, "built") } });
    await write();
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    place.remove();
  });

  it("asks for nothing, complains of nothing, and fits a narrow window", async () => {
    const { page, complaints, requests } = await open({ viewport: { width: 360, height: 800 } });
    await page.getByRole("button", { name: "Next" }).click();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
    expect(requests()).toEqual([url]);
    expect(complaints).toEqual([]);
  });

  it("sorts the samples by any column, both ways", async () => {
    const { page } = await open();
    const [names, ...lines] = readFileSync(join(place.path, "samples.csv"), "utf8").trim().split("\r\n");
    const columns = names!.split(",");
    for (const [title, name] of [
      ["label", "label"],
      ["margin", "margin"],
      ["outcome", "outcome"],
      ["ε", "epsilon"],
      ["attack", "attack"],
      ["adversarial", "adversarial_prediction"],
      ["L2", "l2"],
      ["queries", "queries"],
    ] as const) {
      const header = page.locator(".samples-table").getByRole("columnheader", { name: title, exact: true });
      for (const sign of [1, -1]) {
        await header.getByRole("button").press("Enter");
        expect(await header.getAttribute("aria-sort")).toBe(sign > 0 ? "ascending" : "descending");
        const expected = lines
          .map((line) => [line.split(",")[columns.indexOf(name)]!, Number(line.split(",")[0])] as const)
          .sort(([a, i], [b, j]) => Number(a === "") - Number(b === "") || sign * inOrder(a, b) || i - j);
        expect(await indices(page), `${name}, ${sign}`).toEqual(expected.map(([, index]) => index));
      }
    }
  });

  it("finds samples by outcome, index and label", async () => {
    const { page } = await open();
    const rows = readFileSync(join(place.path, "samples.csv"), "utf8").trim().split("\r\n").slice(1);
    const wanted = (matches: (fields: string[]) => boolean) =>
      rows
        .map((row) => row.split(","))
        .filter(matches)
        .map(([index]) => Number(index));
    await page.getByLabel("Outcome").selectOption("not-fooled");
    expect(await indices(page)).toEqual(wanted((fields) => fields[4] === "not-fooled"));
    await page.getByLabel("Index or label").fill("3");
    expect(await indices(page)).toEqual(
      wanted(([index, label, , , outcome]) => outcome === "not-fooled" && (index === "3" || label === "3")),
    );
    await page.getByLabel("Outcome").selectOption("");
    await page.getByLabel("Index or label").fill("157");
    expect(await indices(page)).toEqual([157]);
    await page.getByLabel("Index or label").fill("nothing");
    expect(await page.getByText("No sample matches.").isVisible()).toBe(true);
  });

  it("opens an example by keyboard, tells its numbers, and gives the focus back", async () => {
    const { page, complaints } = await open();
    const at = result.evaluation.points.findIndex(({ attack, epsilon }) => attack === "fgsm" && epsilon === 0.2);
    const point = result.evaluation.points[at]!;
    const before = 5 + result.evaluation.points.slice(0, at).reduce((sum, { examples }) => sum + examples.length, 0);
    const opener = page.locator("figure.example button").nth(before + 1);
    await opener.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    for (const j of [1, 2]) {
      const { index, label, prediction, confidence } = point.examples[j]!;
      const { original, adversarial } = result.pictures[at]![j]!;
      const differences = Array.from(original, (value, i) => Math.abs(adversarial[i]! - value));
      const sum = differences.reduce((total, d) => total + d, 0);
      await expect
        .poll(() => facts(dialog))
        .toEqual({
          title: `${label} → ${prediction}`,
          Sample: String(index),
          Confidence: `${(100 * confidence).toFixed(2)}%`,
          ε: "0.2",
          Attack: "fgsm L∞",
          "L∞ distance": Math.max(...differences).toPrecision(3),
          "L2 distance": Math.hypot(...differences).toPrecision(3),
          "L1 distance": sum.toPrecision(3),
          "L0 distance": String(differences.filter((d) => d > 0).length),
        });
      await page.keyboard.press("ArrowRight");
    }
    await page.keyboard.press("Escape");
    expect(await dialog.count()).toBe(0);
    expect(await opener.and(page.locator(":focus")).count()).toBe(1);
    await page.locator("figure.example figcaption").first().click();
    await expect.poll(() => facts(dialog)).toMatchObject({ ε: "0 (clean)" });
    await dialog.getByRole("button", { name: "Close" }).click();
    expect(await dialog.count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it("tells the points of the curve, by pointer and by keyboard", async () => {
    const { page } = await open();
    const plot = page.locator("figure.plot").first();
    const [first] = result.evaluation.points;
    await plot.locator(`.role-mark [aria-label*="ε = ${first!.epsilon}"]`).first().hover();
    const tip = plot.getByRole("status");
    expect(await tip.textContent()).toContain(`${(100 * first!.accuracy).toFixed(2)}%`);
    await page.mouse.move(0, 0);
    expect(await tip.isVisible()).toBe(false);
    await page.keyboard.press("Tab");
    await plot.focus();
    await page.keyboard.press("End");
    expect(await tip.isVisible()).toBe(true);
  });

  it.each(["light", "dark"] as const)(
    "has nothing that axe objects to, in %s",
    { timeout: 120_000 },
    async (colorScheme) => {
      const { page } = await open({ colorScheme });
      expect(await objections(page)).toEqual([]);
      await page.locator("figure.example button").nth(12).click();
      expect(await objections(page)).toEqual([]);
    },
  );

  it("can be read without a script", async () => {
    const { page, requests } = await open({ javaScriptEnabled: false });
    expect(await page.getByRole("heading", { level: 2 }).allTextContents()).toEqual(
      expect.arrayContaining(["Accuracy under attack", "Examples", "Samples", "Reproduce"]),
    );
    expect(await page.getByText("samples.csv").isVisible()).toBe(true);
    expect(await page.getByRole("img", { name: /^Sample 0, clean: label 7, predicted 7/ }).isVisible()).toBe(true);
    expect(await page.getByRole("button").count()).toBe(0);
    expect(requests()).toEqual([url]);
  });
});

const inOrder = (a: string, b: string): number => {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : a > b ? 1 : 0) : x - y;
};

/** The indices of all rows that were found, page by page from the first. */
async function indices(page: Page): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    found.push(...(await page.locator(".samples-table tbody td:first-child").allTextContents()).map(Number));
    const next = page.getByRole("button", { name: "Next" });
    if (await next.isDisabled()) return found;
    await next.click();
  }
}

/** What an example's dialog says. */
async function facts(dialog: Locator): Promise<Record<string, string>> {
  const texts = (tag: string) => dialog.locator(tag).allTextContents();
  const [[title], terms, values] = [await texts("h2"), await texts("dt"), await texts("dd")];
  return Object.fromEntries([["title", title!], ...terms.map((term, i) => [term, values[i]!])]);
}

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withGates } from "../src/evaluate/results/gates.ts";
import type { EvaluationResult } from "../src/evaluate.ts";
import { tabulate } from "../src/report/files/sample-table.ts";
import { toHtml } from "../src/report/page/html.ts";
import { type PageScript, pageScript } from "../src/report/page/script.ts";
import { plotsOf } from "../src/report/plots/plots.ts";
import { draw } from "../src/report/plots/vega.ts";
import { NO_CHROMIUM, requireChromium } from "./support/browser.ts";
import { scratch } from "./support/cli.ts";
import { fixture } from "./support/report.ts";
import { fooledSample, sampleRecord } from "./support/sample-records.ts";

const executablePath = requireChromium("The layout of report.html");
const WIDTHS = [360, 400, 768, 1280, 1920, 2560];
/** Pixels by which edges may differ where they are rounded. */
const ROUNDING = 1;

/** A report of 10,000 samples, with what makes it wide: long names, long options, failed and met gates. */
function resultOf(attacks: readonly string[], members?: readonly string[]): EvaluationResult {
  const classNames = ["airplane", "a class whose name is long", "2", "3", "4", "5", "6", "7", "8", "9"];
  const result = fixture({ attacks, classNames, modelName: "resnet50_imagenet_finetuned_on_shapes_v2.onnx" });
  const { evaluation } = result;
  const [first] = evaluation.attacks;
  const gated = withGates(evaluation, [
    { epsilon: 0.1, atLeast: 0.5 },
    { epsilon: 0.3, atLeast: 0.5 },
  ]);
  return {
    ...result,
    evaluation: {
      ...gated,
      model: { ...evaluation.model, preprocessing: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } },
      options: { ...evaluation.options, settings: ["pgd.steps=40", "pgd.stepSize=0.0625eps", "square.queries=5000"] },
      attacks: members?.map((attack) => ({ ...first!, attack, of: attacks[0]! })) ?? [
        { ...first!, distances: [0.01, 0.1, 0.5, 0.9].map((quantile) => ({ quantile, distance: quantile / 4 })) },
        ...evaluation.attacks.slice(1),
      ],
      warnings: [
        { code: "unconverged", message: `${"A warning that says what was seen, and what to do. ".repeat(4)}` },
      ],
    },
  };
}

const RESULTS = {
  "one attack": resultOf(["fgsm"]),
  "two attacks": resultOf(["fgsm", "rotation-translation"]),
  "an ensemble": resultOf(["autoattack"], ["apgd-ce", "apgd-targeted-dlr", "fab-targeted", "square"]),
} as const;
type Name = keyof typeof RESULTS;

describe.skipIf(!executablePath)(`the layout of report.html${executablePath ? "" : NO_CHROMIUM}`, () => {
  const place = scratch();
  let browser: Browser;
  const fileOf = (name: string) => join(place.path, `${name.replaceAll(" ", "-")}.html`);

  async function write(name: Name, page: PageScript): Promise<void> {
    const result = RESULTS[name];
    const { accuracy, linearity, dimensions } = plotsOf(result.evaluation);
    const all = {
      accuracy: await draw(accuracy),
      linearity: await draw(linearity!),
      dimensions: await draw(dimensions!),
    };
    const kind = (which: "wide" | "narrow") => ({
      accuracy: all.accuracy[which],
      linearity: all.linearity[which],
      dimensions: all.dimensions[which],
    });
    const { add, table } = tabulate();
    add([sampleRecord, fooledSample]);
    const options = { svgs: kind("wide"), narrow: kind("narrow"), samples: table(), page };
    writeFileSync(fileOf(name), toHtml(result, { ...options, command: `perturb evaluate --data ${"x".repeat(200)}` }));
  }

  beforeAll(async () => {
    const configFile = fileURLToPath(new URL("../web/report.vite.config.ts", import.meta.url));
    await build({ configFile, logLevel: "error", build: { outDir: join(place.path, "built") } });
    const text = (name: string) => readFileSync(join(place.path, "built", name), "utf8");
    const page = await pageScript(text("report.js"), text("report.css"));
    for (const name of Object.keys(RESULTS) as Name[]) await write(name, page);
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    place.remove();
  });

  /** The page with all that is folded open. */
  async function open(name: Name, width: number, colorScheme: "light" | "dark" = "light"): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    await page.goto(pathToFileURL(fileOf(name)).href);
    await page.evaluate(() => {
      for (const details of document.querySelectorAll("details")) details.open = true;
    });
    return page;
  }

  const cases = (Object.keys(RESULTS) as Name[]).flatMap((name) => WIDTHS.map((width) => [name, width] as const));

  it.each(cases)("of %s cuts nothing at %i pixels", { timeout: 60_000 }, async (name, width) => {
    const page = await open(name, width);
    const found = await page.evaluate(measure, ROUNDING);
    expect(found.overflow).toEqual([]);
    expect(found.pageWidth).toBeLessThanOrEqual(width);
    expect(found.captions).toBeGreaterThan(10);
    expect(found.plots).toHaveLength(3);
    for (const { svg, box, text } of found.plots) {
      expect(svg).toBeLessThanOrEqual(box + ROUNDING);
      expect(text, "the smallest letters of a plot").toBeGreaterThanOrEqual(9);
    }
    for (const { label, scrolls, uses, described, fades } of found.scrollers) {
      expect([label, described, fades]).toEqual([label, true, true]);
      // What scrolls has all the room that there is.
      if (scrolls) expect([label, uses]).toEqual([label, true]);
    }
    if (width >= 1280) expect(found.scrollers.filter(({ scrolls }) => scrolls).map(({ label }) => label)).toEqual([]);
    await page.close();
  });

  it.each(["light", "dark"] as const)("shows, in %s, at which side a table goes on", async (colorScheme) => {
    const page = await open("two attacks", 360, colorScheme);
    const scroller = page.getByRole("region", { name: "Accuracy at each ε" });
    const edges = async () => {
      const { data, info } = await sharp(await scroller.screenshot())
        .greyscale()
        .raw()
        .toBuffer({ resolveWithObject: true });
      const column = (x: number) =>
        Array.from({ length: info.height }, (_, y) => data[(y * info.width + x) * info.channels]!).sort(
          (a, b) => a - b,
        )[Math.floor(info.height / 2)]!;
      return { left: column(0), right: column(info.width - 1) };
    };
    const background = colorScheme === "light" ? 255 : 23;
    const isShaded = (value: number) => Math.abs(value - background) > 20;
    const seen = async () => {
      const { left, right } = await edges();
      return [isShaded(left), isShaded(right)];
    };
    expect(await seen()).toEqual([false, true]);
    await scroller.evaluate((element) => element.scrollTo(80, 0));
    expect(await seen()).toEqual([true, true]);
    await scroller.evaluate((element) => element.scrollTo(10_000, 0));
    expect(await seen()).toEqual([true, false]);
    await page.close();
  });

  it("says what was asked of the model, how lengths are meant, and what stands in front of it", async () => {
    const page = await open("two attacks", 1280);
    expect(await page.locator("header .gate").allInnerTexts()).toEqual([
      expect.stringMatching(/^PASS 68\.08% ≥ 50\.00% at ε = 0\.1$/),
      expect.stringMatching(/^FAIL 6\.95% < 50\.00% at ε = 0\.3$/),
    ]);
    const facts = await page.getByText("(x - mean) / std, mean 0.485, 0.456, 0.406, std 0.229, 0.224, 0.225").count();
    expect(facts).toBe(1);
    expect(await page.getByText("0.25eps is a quarter of it").isVisible()).toBe(true);
    await page.close();
  });
});

/** In the page: what is cut, how plots and tables fit. */
function measure(rounding: number) {
  const width = document.documentElement.clientWidth;
  const isSeen = (element: Element) => {
    const { width: w, height: h } = element.getBoundingClientRect();
    return w > 0 && h > 0 && !element.closest(".hidden, [hidden]");
  };
  const seen = [...document.body.querySelectorAll("*")].filter(isSeen);
  const overflow = seen
    .filter((element) => !element.closest(".scroll") || element.matches(".scroll"))
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      if (left < -rounding || right > width + rounding) return true;
      // Content of an element that is wider than the element.
      const isBox = element instanceof HTMLElement && getComputedStyle(element).display !== "inline";
      return isBox && !element.matches(".scroll") && element.scrollWidth > element.clientWidth + rounding;
    })
    .map((element) => `${element.tagName} ${element.className} ${element.textContent?.slice(0, 40)}`);
  const captions = seen.filter((element) => element.matches(".caption, figcaption")).length;
  const plots = [...document.querySelectorAll("figure.plot")].filter(isSeen).map((figure) => {
    const svg = figure.querySelector("svg")!;
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const sizes = [...svg.querySelectorAll("text")].map((text) => Number.parseFloat(getComputedStyle(text).fontSize));
    return {
      svg: svg.getBoundingClientRect().width,
      box: figure.getBoundingClientRect().width,
      text: scale * Math.min(...sizes),
    };
  });
  const scrollers = [...document.querySelectorAll<HTMLElement>(".scroll")].filter(isSeen).map((element) => {
    const section = element.closest("section:not(.scroll), .beside > .table")!;
    const { backgroundAttachment } = getComputedStyle(element);
    return {
      label: element.getAttribute("aria-label"),
      scrolls: element.scrollWidth > element.clientWidth + rounding,
      uses: element.clientWidth >= section.clientWidth - rounding,
      described:
        element.tabIndex === 0 &&
        /scrolls sideways/.test(document.getElementById(element.getAttribute("aria-describedby")!)?.textContent ?? ""),
      fades: backgroundAttachment === "local, local, scroll, scroll",
    };
  });
  return { overflow, captions, plots, scrollers, pageWidth: document.documentElement.scrollWidth };
}

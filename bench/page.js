// Times the playground in Chromium: first paint, first attack, a step of ε, the sweep over 10,000 digits; and weighs its script.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { findChromium } from "../scripts/system-packages.js";

const BUILT = fileURLToPath(new URL("../dist-web/playground/", import.meta.url));
const STEPS = 30;
const IMAGES = 10_000;

/** Runs in the page before anything of it: notes when the first verdict stands there, and when pictures are drawn. */
function watch() {
  globalThis.drawn = [];
  const { prototype } = CanvasRenderingContext2D;
  const { value: put } = Object.getOwnPropertyDescriptor(prototype, "putImageData");
  prototype.putImageData = function (...args) {
    put.apply(this, args);
    if (this.canvas.getAttribute("aria-label") === "Adversarial") globalThis.drawn.push(performance.now());
  };
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".looking-change")?.textContent) return;
    globalThis.firstAttack = performance.now();
    observer.disconnect();
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

/** Moves ε once, and gives the milliseconds until the adversarial picture is drawn. */
async function stepEpsilon(value) {
  const slider = document.querySelector(".epsilon-control input[type=range]");
  globalThis.drawn.length = 0;
  slider.value = String(value);
  const began = performance.now();
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  while (globalThis.drawn.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  return globalThis.drawn[0] - began;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const line = (what, value, goal) => process.stdout.write(`${what.padEnd(64)} ${value.padStart(12)}   goal ${goal}\n`);
const ms = (value) => `${value.toFixed(0)} ms`;

export async function benchPage(dist, rounds) {
  const { serveFolder } = await dist("cli/static-server.js");
  const executablePath = await findChromium();
  if (!executablePath || !existsSync(BUILT))
    throw new Error("The bench of the page needs Chromium, and npm run build:playground before it.");
  process.stdout.write(`\nThe playground, LeNet, ${rounds} fresh browsers, medians\n`);
  const server = await serveFolder(BUILT, { port: 0 });
  const [paints, attacks, steps, sweeps] = [[], [], [], []];
  let script;
  for (let round = 0; round < rounds; round++) {
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const loaded = [];
    page.context().on("response", (response) => loaded.push(response));
    await page.addInitScript(watch);
    await page.goto(`${server.url}#limit=${IMAGES}`);
    await page.waitForFunction(() => globalThis.firstAttack);
    script ??= await weigh(loaded.slice());
    paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    attacks.push(await page.evaluate(() => globalThis.firstAttack));
    await page.waitForTimeout(1500);
    for (let k = 0; k < STEPS; k++) {
      steps.push(await page.evaluate(stepEpsilon, 0.05 + k / 200));
      await page.waitForTimeout(300);
    }
    const began = performance.now();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByRole("button", { name: "report.json" }).waitFor({ timeout: 300_000 });
    sweeps.push(performance.now() - began);
    await browser.close();
  }
  await server.close();
  line("first paint", ms(median(paints)), "1000 ms");
  line("first attack, from the address on", ms(median(attacks)), "3000 ms");
  line("ε moved to picture drawn, median", ms(median(steps)), "50 ms");
  line("the same, slowest", ms(Math.max(...steps)), "50 ms");
  line(`sweep of ${IMAGES} images, six ε, with its checks`, ms(median(sweeps)), "15000 ms");
  line("script before the first attack, without the runtime, gzip", `${(script / 1000).toFixed(1)} kB`, "120 kB");
}

/** Bytes of script by gzip, ONNX Runtime's own left out. */
async function weigh(responses) {
  let sum = 0;
  const scripts = responses.filter((r) => new URL(r.url()).pathname.endsWith(".js") && !/\/ort\.[^/]*$/.test(r.url()));
  for (const [, response] of new Map(scripts.map((r) => [r.url(), r]))) sum += gzipSync(await response.body()).length;
  return sum;
}

// Takes the pictures of the playground that the docs show: `npm run build:playground && node tools/screenshots.js`.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { findChromium } from "../scripts/system-packages.js";
import { servePlayground } from "./serve.js";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const WIDTHS = [360, 1280, 2560];
/** Wider pages are shown smaller. */
const WIDEST = 900;
const SCHEMES = ["light", "dark"];
/** A setting with something to see: the queries of PGD, and a finished experiment on two models. */
const HASH = "attack=pgd&set=steps%3D10&limit=200&second=conv-mnist-robust";

const save = (picture, name) =>
  sharp(picture)
    .png({ palette: true, colours: 64, dither: 0, effort: 10 })
    .toFile(at(`docs/${name}.png`));

/** Until no larger ε is looked for. */
const proven = (page) =>
  page.locator(".epsilon-mark", { hasText: /changes the class\.$/ }).waitFor({ timeout: 120_000 });

const executablePath = await findChromium();
const server = await servePlayground();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const first = await browser.newPage({ viewport: { width: 1280, height: 1060 } });
await first.goto(server.url);
await first.locator(".looking-change").waitFor();
await proven(first);
await save(await first.screenshot(), "playground");
await first.close();
mkdirSync(at("docs/playground"), { recursive: true });
const page = await browser.newPage();
await page.goto(`${server.url}#${HASH}`);
await page.locator(".looking-change").waitFor();
await page.getByRole("button", { name: "Start", exact: true }).click();
await page
  .getByRole("button", { name: /report\.json/ })
  .first()
  .waitFor({ timeout: 600_000 });
for (const width of WIDTHS)
  for (const colorScheme of SCHEMES) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    // Plots are drawn anew, for the width that there is now.
    await page.waitForTimeout(3000);
    await page.waitForFunction(() =>
      [...document.querySelectorAll("figure.plot")].every(
        (figure) => figure.querySelector("svg")?.getBoundingClientRect().width > 0.5 * figure.clientWidth,
      ),
    );
    await proven(page);
    const whole = await page.screenshot({ fullPage: true });
    await save(
      await sharp(whole)
        .resize({ width: Math.min(width, WIDEST) })
        .toBuffer(),
      `playground/${width}-${colorScheme}`,
    );
  }
await browser.close();
server.close();

// Takes the picture of report.html that the README shows: `npm start && node tools/report-picture.js`.
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { findChromium } from "../scripts/system-packages.js";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const save = (picture, name) =>
  sharp(picture)
    .png({ palette: true, colours: 64, dither: 0, effort: 10 })
    .toFile(at(`docs/${name}.png`));

const browser = await chromium.launch({ executablePath: await findChromium(), args: ["--no-sandbox"] });
const report = await browser.newPage({ viewport: { width: 880, height: 1640 } });
await report.goto(pathToFileURL(at("runs/lenet-mnist-mnist-fgsm-linf/report.html")).href);
await save(await report.screenshot(), "report");
await browser.close();

import { cpSync, readdirSync, renameSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { serveFolder } from "../src/cli/static-server.ts";
import type { Evaluation } from "../src/evaluate.ts";
import { readReport } from "../src/report/files/json.ts";
import { NO_CHROMIUM, requireChromium } from "./support/browser.ts";
import { perturb } from "./support/cli.ts";
import { BUILT, dropBytes, PATIENCE, panel, playgroundHere, saved, settled } from "./support/playground.ts";

const executablePath = requireChromium("The playground's experiment");
const title = `the playground's experiment${executablePath ? "" : NO_CHROMIUM}`;

const experimentOf = (page: Page) => panel(page, "Experiment");
const press = (page: Page, name: string) => experimentOf(page).getByRole("button", { name, exact: true }).click();

/** The report that the page saves. */
async function reportOf(page: Page, name = "report.json"): Promise<Evaluation> {
  const { bytes } = await saved(page, () => experimentOf(page).getByRole("button", { name, exact: true }).click());
  return readReport(new TextDecoder().decode(bytes), name);
}

const countsOf = ({ clean, points }: Evaluation) => [
  clean.confusion,
  ...points.map(({ correct, fooled, confusion }) => [correct, fooled, confusion]),
];

describe.skipIf(!executablePath)(title, { timeout: 2 * PATIENCE }, () => {
  const { place, playground } = playgroundHere(executablePath);

  /** What the command line counts. */
  async function theirs(...options: string[]): Promise<Evaluation> {
    const { stdout } = await perturb(["evaluate", ...options, "--json", "-", "--quiet"], place.path);
    return readReport(stdout, "stdout");
  }

  it("pauses, resumes and stops, and what it has counted by then is what the command line counts", async () => {
    const { page, complaints } = await playground.open({ hash: "attack=bim&limit=10000" });
    await settled(page);
    const status = experimentOf(page).locator(".progress p");
    const done = async () => Number(/^[\d,]+/.exec((await status.textContent())!)?.[0].replaceAll(",", ""));
    await press(page, "Start");
    await expect.poll(done).toBeGreaterThan(0);
    expect(await status.textContent()).toMatch(/ of 10,000 samples, .*a second, about \d+ (s|min) left$/);
    await press(page, "Pause");
    expect(await status.textContent()).toContain("paused");
    // What was under way ends; nothing else begins.
    let before = Number.NaN;
    await expect
      .poll(
        async () => {
          const last = before;
          before = await done();
          return before === last;
        },
        { interval: 3000 },
      )
      .toBe(true);
    await page.waitForTimeout(1000);
    expect(await done()).toBe(before);
    await press(page, "Resume");
    await expect.poll(done).toBeGreaterThan(before);
    await press(page, "Stop");
    await experimentOf(page).getByRole("button", { name: "Start", exact: true }).waitFor();
    const ours = await reportOf(page);
    const { total } = ours.clean;
    expect(total).toBeGreaterThan(before);
    expect(total).toBeLessThan(10_000);
    expect(await experimentOf(page).textContent()).toContain(
      `The results cover ${total.toLocaleString("en")} samples on lenet-mnist.`,
    );
    expect(countsOf(ours)).toEqual(countsOf(await theirs("--attack", "bim", "--limit", String(total))));
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("counts for each of two models what the command line counts", async () => {
    const { page, complaints } = await playground.open({ hash: "limit=60&second=conv-mnist-robust" });
    await settled(page);
    await press(page, "Start");
    for (const name of ["lenet-mnist", "conv-mnist-robust"])
      expect(countsOf(await reportOf(page, `report.json of ${name}`)), name).toEqual(
        countsOf(await theirs("--model", name, "--limit", "60")),
      );
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("says that a worker failed, and can be started again", async () => {
    const site = join(place.path, "site");
    cpSync(BUILT, site, { recursive: true });
    const script = join(
      site,
      "assets",
      readdirSync(join(site, "assets")).find((name) => name.startsWith("sweep.worker"))!,
    );
    const server = await serveFolder(site, { port: 0 });
    const { page } = await playground.open({ address: server.url, hash: "limit=20" });
    await settled(page);
    renameSync(script, `${script}.away`);
    await press(page, "Start");
    await expect
      .poll(() => experimentOf(page).getByRole("alert").allTextContents())
      .toEqual([expect.stringMatching(/worker of the page failed.*Reload the page/)]);
    renameSync(`${script}.away`, script);
    await press(page, "Start");
    expect((await reportOf(page)).clean.total).toBe(20);
    expect(await experimentOf(page).getByRole("alert").count()).toBe(0);
    await page.context().close();
    await server.close();
  });

  it("knows the preprocessing of the model when it looks for the cause of a low accuracy", async () => {
    const { page, complaints } = await playground.open({ hash: "limit=100" });
    await settled(page);
    const lenet = await readFile(fileURLToPath(new URL("../models/lenet-mnist.onnx", import.meta.url)));
    await dropBytes(page, [{ name: "net.onnx", base64: lenet.toString("base64") }]);
    const model = panel(page, "Model");
    await model.getByText("Preprocessing", { exact: true }).click();
    await model.getByRole("textbox", { name: "Mean" }).fill("3");
    await model.getByRole("textbox", { name: "Std" }).fill("1");
    await model.getByRole("button", { name: "Open again" }).click();
    await expect.poll(() => model.textContent()).toMatch(/mean\s*3\D/);
    await settled(page);
    await press(page, "Start");
    const { model: subject, warnings } = await reportOf(page);
    expect(subject.preprocessing).toEqual({ mean: [3], std: [1] });
    expect(warnings.map(({ code }) => code)).toContain("likely-cause");
    expect(await experimentOf(page).getByRole("note").textContent()).toContain("does so twice with Mean and Std");
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

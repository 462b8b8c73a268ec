import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeOnnx } from "../src/onnx/file.ts";
import { NO_CHROMIUM, requireChromium, SOFTWARE_WEBGPU } from "./support/browser.ts";
import { perturb, scratch } from "./support/cli.ts";
import { graphOf } from "./support/models.ts";
import { accessible, dropBytes, PATIENCE, panel, servePlayground, settled, verdict } from "./support/playground.ts";

const executablePath = requireChromium("The proofs of the playground");
const title = `proofs of the playground in Chromium${executablePath ? "" : NO_CHROMIUM}`;

type Page = Awaited<ReturnType<Awaited<ReturnType<typeof servePlayground>>["open"]>>["page"];

/** What stands at the slider of ε: of a proof, and of attacks. */
const lines = (page: Page): Promise<string[]> => page.locator(".epsilon-scale li").allTextContents();
const slider = (page: Page) => page.getByRole("slider", { name: /^budget ε/i });

describe.skipIf(!executablePath)(title, { timeout: 2 * PATIENCE }, () => {
  const place = scratch();
  let playground: Awaited<ReturnType<typeof servePlayground>>;
  beforeAll(async () => {
    playground = await servePlayground(executablePath!);
  });
  afterAll(async () => {
    await playground?.close();
    place.remove();
  });

  it("proves what the command line proves, below the smallest ε that fools, and describes the slider by it", async () => {
    const { page, complaints } = await playground.open();
    await settled(page);
    await expect
      .poll(() => lines(page), { timeout: PATIENCE })
      .toEqual([
        expect.stringMatching(/^Proven: no perturbation up to ε = [\d.]+ changes the class\.$/),
        expect.stringMatching(/^Fooled from ε = 0\.05\d+ on, by fgsm\.$/),
      ]);
    const [proven, fooled] = (await lines(page)).map((line) => Number(/ε = ([\d.]+)/.exec(line)![1]));
    expect(proven).toBeLessThan(fooled!);
    const words = ["certify", "--limit", "1", "--offset", "18", "--eps", "0.1", "--json", "-", "--quiet"];
    const { stdout } = await perturb(words, place.path);
    const { certified } = JSON.parse(stdout) as { readonly certified: { readonly averageRadius: number } };
    // Of the same number, two digits here and three there.
    expect(Math.floor(1000 * certified.averageRadius)).toBe(Math.round(1000 * proven!));
    const described = (await slider(page).getAttribute("aria-describedby"))!;
    expect(await page.locator(`[id="${described}"]`).textContent()).toContain(`ε = ${proven}`);
    const widths = await page
      .locator(".epsilon-scale-track")
      .evaluate((track) => [...track.children].map((mark) => mark.getBoundingClientRect().width / track.clientWidth));
    expect(widths[0]).toBeCloseTo(proven! / 0.5, 2);
    expect(widths[1]).toBeCloseTo(1 - fooled! / 0.5, 2);
    await accessible(page, "the slider with its proof");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("never shows what was found of one input beside another", async () => {
    const { page } = await playground.open();
    await settled(page);
    await expect.poll(async () => (await lines(page))[0], { timeout: PATIENCE }).toMatch(/^Proven/);
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(globalThis, { seen });
      new MutationObserver(() => {
        const text = (of: string) => document.querySelector(of)?.textContent ?? "";
        seen.push([".looking-change", ".epsilon-scale li", ".epsilon-scale li + li"].map(text).join(" | "));
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
      location.hash = "sample=20";
    });
    await expect.poll(() => verdict(page).textContent()).toMatch(/^9 → /);
    await expect.poll(async () => (await lines(page))[0], { timeout: PATIENCE }).toMatch(/^Proven/);
    const seen = (await page.evaluate("seen")) as string[];
    const ofOther = seen.filter((text) => text.startsWith("9 → "));
    expect(ofOther[0]).toContain("Looking for a proof. | ");
    const proofs = ofOther.map((text) => Number(/Proven.* ε = ([\d.]+) changes/.exec(text)?.[1] ?? 0));
    expect(proofs).toEqual([...proofs].sort((a, b) => a - b));
    await page.context().close();
  });

  it("says in one line why there is no proof, and lives on", async () => {
    const { page, complaints } = await playground.open({
      hash: "attack=rotation-translation&norm=spatial&epsilon=0.5",
    });
    await settled(page);
    await expect
      .poll(async () => (await lines(page))[0], { timeout: PATIENCE })
      .toMatch(/^No proof\. Bounds are known .*Norm linf/);
    const drawing = graphOf([1, 28, 28], (b, x) => {
      const noise = b.add("RandomNormalLike", [x]);
      const flat = b.add("Flatten", [b.add("Add", [x, noise])], { axis: 1 });
      return b.add("Slice", [flat, b.int64([300]), b.int64([310]), b.int64([1])]);
    });
    await page.evaluate(() => {
      location.hash = "";
    });
    await dropBytes(page, [{ name: "drawing.onnx", base64: Buffer.from(writeOnnx(drawing)).toString("base64") }]);
    await expect.poll(() => panel(page, "Model").textContent()).toContain("drawing.onnx");
    await expect.poll(async () => (await lines(page))[0], { timeout: PATIENCE }).toMatch(/^No proof\. /);
    await panel(page, "Model").getByRole("combobox", { name: "Network" }).selectOption("lenet-mnist");
    await expect.poll(async () => (await lines(page))[0], { timeout: PATIENCE }).toMatch(/^Proven/);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("proves nothing on WebGPU, whose arithmetic is another", async () => {
    const withGpu = await servePlayground(executablePath!, SOFTWARE_WEBGPU);
    const { page } = await withGpu.open({ hash: "device=webgpu" });
    await settled(page);
    await expect
      .poll(async () => (await lines(page))[0], { timeout: PATIENCE })
      .toMatch(/^No proof\. Proofs hold .*not for webgpu\. Use WebAssembly\.$/);
    await withGpu.close();
  });
});

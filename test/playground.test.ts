import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { families } from "../src/attacks/index.ts";
import { CONTENT_SECURITY_POLICY } from "../src/cli/static-server.ts";
import { readNpz } from "../src/datasets/npz.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { toCsv } from "../src/report/files/csv.ts";
import { readReport } from "../src/report/files/json.ts";
import { NO_CHROMIUM, requireChromium, SOFTWARE_WEBGPU } from "./support/browser.ts";
import { perturb } from "./support/cli.ts";
import { linearGraph, numbers } from "./support/models.ts";
import {
  accessible,
  BUILT,
  drop,
  dropBytes,
  PATIENCE,
  panel,
  playgroundHere,
  saved,
  servePlayground,
  settled,
  verdict,
} from "./support/playground.ts";

const executablePath = requireChromium("The playground");
const fixture = (path: string): string => fileURLToPath(new URL(`fixtures/${path}`, import.meta.url));

const title = `the playground in Chromium${executablePath ? "" : NO_CHROMIUM}`;

describe.skipIf(!executablePath)(title, { timeout: 2 * PATIENCE }, () => {
  const { place, playground } = playgroundHere(executablePath);

  it("shows a digit that is taken for another, without a request to anywhere else, and without complaint", async () => {
    const { page, requests, complaints } = await playground.open();
    await settled(page);
    expect(await verdict(page).textContent()).toBe("3 → 5");
    expect(requests.length).toBeGreaterThan(8);
    expect(requests.filter((url) => !url.startsWith(playground.url) && !/^(blob|data):/.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
    const meta = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
    expect(`${meta}; frame-ancestors 'none'`).toBe(CONTENT_SECURITY_POLICY);
    await page.context().close();
  });

  it("counts what the command line counts", async () => {
    const { page, complaints } = await playground.open({ hash: "limit=500" });
    await settled(page);
    const experiment = panel(page, "Experiment");
    await experiment.getByRole("button", { name: "Start", exact: true }).click();
    const report = await saved(page, async () => experiment.getByRole("button", { name: "report.json" }).click());
    const ours = await readReport(new TextDecoder().decode(report.bytes), report.name);
    const { stdout } = await perturb(["evaluate", "--limit", "500", "--json", "-", "--quiet"], place.path);
    const theirs = await readReport(stdout, "stdout");
    const countsOf = ({ clean, points }: typeof ours) => [
      clean.confusion,
      ...points.map(({ correct, fooled, confusion }) => [correct, fooled, confusion]),
    ];
    expect(ours.clean.total).toBe(500);
    expect(countsOf(ours)).toEqual(countsOf(theirs));
    expect(ours.model).toEqual({ ...theirs.model });
    const arrays = await saved(page, () => experiment.getByRole("button", { name: "adversarial.npz" }).click());
    const { x_adv: examples, prediction } = Object.fromEntries(readNpz(arrays.bytes, arrays.name));
    const shown = ours.points.flatMap((point) => point.examples);
    expect([examples!.dims, Array.from(prediction!.data as Int32Array)]).toEqual([
      [shown.length, 1, 28, 28],
      shown.map((example) => example.prediction),
    ]);
    const curve = await saved(page, () => experiment.getByRole("button", { name: "accuracy.svg" }).click());
    expect((await sharp(curve.bytes).metadata()).format).toBe("svg");
    expect(new TextDecoder().decode(curve.bytes).includes("ε = 0.1: 85.40%, 95% interval 82.04 to 88.23%")).toBe(true);
    const table = await saved(page, () => experiment.getByRole("button", { name: "accuracy.csv" }).click());
    expect(new TextDecoder().decode(table.bytes)).toBe(toCsv(ours));
    // The table says the same.
    await expect
      .poll(() => experiment.getByRole("table").first().textContent())
      .toContain(String(ours.points[2]!.correct));
    // And so does the command line that the page names.
    const command = await experiment.getByRole("region", { name: /^Command line of this experiment/ }).textContent();
    expect(command!.trim()).toBe("perturb evaluate --limit 500");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("attacks a digit that is drawn", async () => {
    const { page, complaints } = await playground.open({ hash: "epsilon=0.3" });
    await settled(page);
    const input = panel(page, "Input");
    await input.getByRole("radio", { name: "Draw" }).check();
    const box = (await input.getByRole("img", { name: /^A pad to draw/ }).boundingBox())!;
    const stroke = async (...points: readonly (readonly [number, number])[]) => {
      const at = ([x, y]: readonly [number, number]) => [box.x + x * box.width, box.y + y * box.height] as const;
      await page.mouse.move(...at(points[0]!));
      await page.mouse.down();
      for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 6 });
      await page.mouse.up();
    };
    await stroke([0.5, 0.15], [0.5, 0.85]);
    await expect.poll(() => input.getByRole("combobox", { name: "Label" }).inputValue()).toBe("");
    await expect.poll(() => input.getByRole("combobox", { name: "Label" }).textContent()).toContain("1 (predicted)");
    await expect.poll(() => verdict(page).textContent()).toMatch(/^1 → [^1]$/);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("takes a model of one's own, and weights", async () => {
    const { page, complaints } = await playground.open();
    await settled(page);
    const model = panel(page, "Model");
    await drop(page, fixture("pytorch/lenet_zip.pth"));
    await expect.poll(() => model.getByRole("combobox", { name: "Network" }).textContent()).toContain("lenet_zip.pth");
    await settled(page);
    await panel(page, "Experiment").getByRole("spinbutton", { name: "Test images" }).fill("100");
    await panel(page, "Experiment").getByRole("button", { name: "Start", exact: true }).click();
    const report = await saved(page, () => page.getByRole("button", { name: "report.json" }).click());
    const { clean, points } = await readReport(new TextDecoder().decode(report.bytes), report.name);
    const asked = ["evaluate", "--model", fixture("pytorch/lenet_zip.pth"), "--arch", "lenet", "--limit", "100"];
    const { stdout } = await perturb([...asked, "--json", "-", "--quiet"], place.path);
    const theirs = await readReport(stdout, "stdout");
    expect([clean.correct, ...points.map(({ correct }) => correct)]).toEqual([
      theirs.clean.correct,
      ...theirs.points.map(({ correct }) => correct),
    ]);

    // A graph, which the page differentiates itself: the bundled one came differentiated, and says the same.
    const lenet = await readFile(fileURLToPath(new URL("../models/lenet-mnist.onnx", import.meta.url)));
    await dropBytes(page, [{ name: "my <b>net</b>.onnx", base64: lenet.toString("base64") }]);
    await expect
      .poll(() => model.getByRole("combobox", { name: "Network" }).textContent())
      .toContain("my <b>net</b>.onnx");
    await settled(page);
    await expect.poll(() => verdict(page).textContent()).toBe("3 → 5");

    // One output: how it is read was assumed, and is said.
    const score = writeOnnx(linearGraph([1, 28, 28], numbers(784, 1), [0]));
    await dropBytes(page, [{ name: "score.onnx", base64: Buffer.from(score).toString("base64") }]);
    await expect
      .poll(() => model.getByRole("list", { name: "What was assumed of this model" }).textContent())
      .toContain("read as the score of class 1 against class 0");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("refuses broken and hostile files in the library's words, and lives on", async () => {
    const { page, complaints } = await playground.open();
    await settled(page);
    const broken = [
      ["text.onnx", Buffer.from("This is no model.").toString("base64"), /text\.onnx/],
      ["empty.onnx", "", /empty\.onnx/],
      ["cut.onnx", (await readFile(fixture("onnx/vit.onnx"))).subarray(0, 5000).toString("base64"), /cut\.onnx/],
      [
        "hostile.pth",
        Buffer.from("\x80\x02cos\nsystem\nU\x0ftouch pwned\x85R.", "latin1").toString("base64"),
        /hostile\.pth/,
      ],
    ] as const;
    for (const [name, base64, message] of broken) {
      await dropBytes(page, [{ name, base64 }]);
      await expect
        .poll(() =>
          page
            .getByRole("alert")
            .allTextContents()
            .then((all) => all.join(" ")),
        )
        .toMatch(message);
    }
    await dropBytes(page, [{ name: "notes.txt", base64: "aGk=" }]);
    await expect.poll(() => page.getByRole("alert").count()).toBeGreaterThan(0);
    // The model from before is still in use.
    await page.getByRole("slider", { name: /^budget ε/i }).fill("0.3");
    await expect.poll(() => verdict(page).textContent()).toMatch(/^3 → [^3]$/);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("says that a broken .npz is broken, whichever input is in use", async () => {
    const { page } = await playground.open();
    await settled(page);
    await panel(page, "Input").getByRole("radio", { name: "Draw" }).check();
    await dropBytes(page, [{ name: "broken.npz", base64: "UEsDBGdhcmJhZ2U=" }]);
    await expect.poll(() => page.getByRole("alert").allTextContents()).toEqual([expect.stringMatching(/broken\.npz/)]);
    await page.context().close();
  });

  it("says that there is no such sample", async () => {
    const { page } = await playground.open({ hash: "sample=123456" });
    await expect.poll(() => panel(page, "Result").textContent()).toContain("There is no test image 123456.");
    await page.context().close();
  });

  it("shows nothing that was found for another sample, also where it is found late", async () => {
    const { page } = await playground.open();
    await settled(page);
    await page.evaluate(() => {
      location.hash = "sample=123456&attack=square";
    });
    const looking = panel(page, "Result");
    await expect.poll(() => looking.textContent()).toContain("There is no test image 123456.");
    await page.waitForTimeout(1500);
    expect(await looking.textContent()).toContain("There is no test image 123456.");
    await page.context().close();
  });

  it("stays at the test images that were turned to, while ε moves", async () => {
    const { page } = await playground.open();
    await settled(page);
    await panel(page, "Input").getByRole("button", { name: "Next", exact: true }).click();
    const other = page.getByRole("button", { name: /^Test image 20,/ });
    await other.waitFor();
    await page.getByRole("slider", { name: /^budget ε/i }).fill("0.3");
    await expect.poll(() => verdict(page).textContent()).toMatch(/^3 → /);
    await page.waitForTimeout(500);
    expect(await other.count()).toBe(1);
    await page.context().close();
  });

  it("takes a picture that is given before the model is open", async () => {
    const { page } = await playground.open({ address: "about:blank" });
    let arrive = (): void => undefined;
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    await page.route(/lenet-mnist.*\.onnx/, async (route) => {
      await arrived;
      await route.continue();
    });
    await page.goto(playground.url);
    await panel(page, "Input").getByRole("radio", { name: "Picture" }).check();
    const png = await sharp({ create: { width: 28, height: 28, channels: 3, background: "#888" } })
      .png()
      .toBuffer();
    await page
      .locator("input[accept='image/*']")
      .setInputFiles({ name: "early.png", mimeType: "image/png", buffer: png });
    await expect.poll(() => panel(page, "Input").textContent()).toContain("early.png");
    arrive();
    await panel(page, "Input").getByRole("combobox", { name: "Label" }).waitFor();
    await expect.poll(() => page.url()).toContain("name=early.png");
    await page.context().close();
  });

  it("takes a picture by its name or its first bytes where its type is not told, and says what else it takes", async () => {
    const { page, complaints } = await playground.open();
    await settled(page);
    const grey = sharp({ create: { width: 28, height: 28, channels: 3, background: "#888" } });
    const pictures = {
      "star.jpg": await grey.clone().jpeg().toBuffer(),
      "a picture": await grey.clone().png().toBuffer(),
      "one.more": await grey.clone().webp().toBuffer(),
    };
    for (const [name, bytes] of Object.entries(pictures)) {
      await dropBytes(page, [{ name, base64: bytes.toString("base64") }]);
      await expect.poll(() => new URLSearchParams(page.url().split("#")[1]).get("name")).toBe(name);
      expect(await page.getByRole("alert").count()).toBe(0);
    }
    await dropBytes(page, [{ name: "notes", base64: btoa("no picture") }]);
    await expect
      .poll(() => page.getByRole("alert").allTextContents())
      .toEqual([expect.stringMatching(/^notes was not opened: .*\.onnx.*\.npz with x and y.*\.jpg/)]);
    // What its name says, and what it is not.
    await dropBytes(page, [{ name: "broken.jpg", base64: btoa("no picture") }]);
    await expect
      .poll(() => page.getByRole("alert").allTextContents())
      .toEqual([expect.stringMatching(/no picture that this browser reads.*Give a PNG, JPEG or WebP/)]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("comes back from another input to the test image that was chosen, also in a link", async () => {
    const { page } = await playground.open({ hash: "sample=25" });
    await settled(page);
    const input = panel(page, "Input");
    const index = () => input.getByRole("spinbutton", { name: /^Index/ }).inputValue();
    const turn = (name: string) => input.getByRole("radio", { name }).check();
    await turn("Draw");
    await turn("Test images");
    await expect.poll(index).toBe("25");
    await turn("Draw");
    const box = (await input.getByRole("img", { name: /^A pad to draw/ }).boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height - 20, { steps: 6 });
    await page.mouse.up();
    await expect.poll(() => page.url()).toContain("name=drawn");
    await page.reload();
    await settled(page);
    await turn("Test images");
    await expect.poll(index).toBe("25");
    await expect.poll(() => page.url()).toMatch(/#sample=25$/);
    await page.context().close();
  });

  it("shows the whole course of an attack that could stop at its first step, and judges as the command line does", async () => {
    const { page, complaints } = await playground.open({ hash: "attack=pgd&limit=10" });
    await settled(page);
    const looking = panel(page, "Result");
    const head = looking.getByRole("slider", { name: /^Queries of the attack/ });
    expect(await verdict(page).textContent()).toMatch(/^3 → [^3]$/);
    // 40 steps, and what is judged.
    expect(Number(await head.getAttribute("max"))).toBeGreaterThanOrEqual(40);
    const away = panel(page, "Save and share");
    const words = (await away.getByRole("region", { name: "Command line of this attack" }).textContent())!.trim();
    expect(words).toContain("--attack pgd --set pgd.stopAtSuccess=false");
    const file = await saved(page, () => away.getByRole("button", { name: "NPZ", exact: true }).click());
    await perturb([...words.replace("adversarial/", "course/").split(" ").slice(1), "--quiet"], place.path);
    const theirs = readNpz(new Uint8Array(await readFile(join(place.path, "course", "adversarial.npz"))), "theirs");
    const ours = readNpz(file.bytes, file.name);
    for (const name of ["prediction", "success", "index"])
      expect(Array.from(ours.get(name)!.data as Int32Array), name).toEqual(
        Array.from(theirs.get(name)!.data as Int32Array),
      );
    expect(Array.from(ours.get("success")!.data as Uint8Array)).toEqual([1]);
    // The experiment stops where it may, as the command line does.
    const experiment = panel(page, "Experiment");
    await experiment.getByRole("button", { name: "Start", exact: true }).click();
    const report = await saved(page, () => experiment.getByRole("button", { name: "report.json" }).click());
    const { options } = await readReport(new TextDecoder().decode(report.bytes), report.name);
    expect(options.settings).toContain("pgd.stopAtSuccess=true");
    expect(page.url()).not.toContain("stopAtSuccess");

    // One step has a course of two points; where nothing is attacked there is none, and the page says why.
    await panel(page, "Attack").getByRole("combobox", { name: "Attack" }).selectOption("fgsm");
    await expect.poll(() => head.getAttribute("max")).toBe("1");
    expect(await head.isEnabled()).toBe(true);
    await panel(page, "Attack").getByRole("combobox", { name: "Target" }).selectOption("3");
    await expect.poll(() => head.isDisabled()).toBe(true);
    expect(await looking.getByText("No steps to show: this input is not attacked.").isVisible()).toBe(true);
    expect(await looking.getByRole("button", { name: /^Play/ }).isDisabled()).toBe(true);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("says that its engine cannot be loaded, instead of waiting for ever", async () => {
    const { page } = await playground.open({ address: "about:blank" });
    await page.route(/engine\.worker/, (route) => route.abort());
    await page.goto(playground.url);
    await expect.poll(async () => (await page.getByRole("alert").allTextContents())[0]).toMatch(/Reload the page/);
    await page.context().close();
  });

  it("ends a run that is stopped before it has begun", async () => {
    const { page, complaints } = await playground.open({ hash: "limit=10000&second=conv-mnist-robust" });
    await settled(page);
    await page.evaluate(async () => {
      for (const name of ["Start", "Pause", "Stop"]) {
        [...document.querySelectorAll("button")].find(({ textContent }) => textContent === name)!.click();
        await new Promise(requestAnimationFrame);
      }
    });
    const experiment = panel(page, "Experiment");
    await expect.poll(() => experiment.textContent()).toContain("Stopped before any sample was evaluated.");
    await experiment.getByRole("button", { name: "Start", exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("keeps all that is chosen in its address, and restores it", async () => {
    const { page } = await playground.open();
    await settled(page);
    await panel(page, "Attack").getByRole("combobox", { name: "Attack" }).selectOption("pgd");
    await page.getByRole("slider", { name: /^budget ε/i }).fill("0.08");
    await panel(page, "Attack").getByRole("combobox", { name: "Target" }).selectOption("8");
    await panel(page, "Input")
      .getByRole("spinbutton", { name: /^Index/ })
      .fill("4");
    await panel(page, "Input")
      .getByRole("spinbutton", { name: /^Index/ })
      .press("Enter");
    await expect.poll(() => page.url()).toMatch(/#sample=4&attack=pgd&epsilon=0\.08&target=8$/);
    await settled(page);
    await panel(page, "Save and share").getByRole("button", { name: "Link" }).click();
    const link = (await page.getByRole("region", { name: /^Link to this page/ }).textContent())!.trim();
    expect(link).toBe(page.url());
    const said = await verdict(page).textContent();
    const again = await playground.open({ address: link });
    await settled(again.page);
    await expect.poll(() => verdict(again.page).textContent()).toBe(said);
    expect(await panel(again.page, "Attack").getByRole("combobox", { name: "Attack" }).inputValue()).toBe("pgd");
    expect(await panel(again.page, "Attack").getByRole("combobox", { name: "Target" }).inputValue()).toBe("8");
    await page.context().close();
    await again.page.context().close();
  });

  it("takes lengths as the command line does, says their units, and shows the families", async () => {
    const { page, complaints } = await playground.open({ hash: "attack=pgd&set=stepSize%3D0.25eps&epsilon=0.1" });
    await settled(page);
    const attack = panel(page, "Attack");
    const size = attack.getByRole("textbox", { name: "step size" });
    expect(await size.inputValue()).toBe("0.25eps");
    expect(await attack.textContent()).toContain(
      "Length of a step: absolute, such as 2/255, or relative to ε, such as 0.25eps.",
    );
    expect(await attack.textContent()).toContain("Gradient steps of each restart.");
    await size.fill("2/255");
    await expect.poll(() => page.url()).toContain(`set=stepSize%3D${2 / 255}`);
    await size.fill("2 pixels");
    await attack.getByRole("alert").waitFor();
    await settled(page);
    expect(page.url()).toContain(`set=stepSize%3D${2 / 255}`);
    const groups = await attack
      .locator("optgroup")
      .evaluateAll((all) => all.map((group) => (group as HTMLOptGroupElement).label));
    expect(groups).toEqual(Object.keys(families));
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("saves files that hold what they say", async () => {
    const { page } = await playground.open();
    await settled(page);
    const away = panel(page, "Save and share");
    const files = new Map<string, { name: string; bytes: Uint8Array }>();
    for (const kind of ["PNG", "NPZ", "JSON", "SVG"])
      files.set(kind, await saved(page, () => away.getByRole("button", { name: kind, exact: true }).click()));
    expect([...files.values()].map(({ name }) => name)).toEqual(
      ["png", "npz", "json", "svg"].map((kind) => `adversarial-18-3-5.${kind}`),
    );

    // Exactly what the command line writes for the same sample.
    const words = (await away.getByRole("region", { name: "Command line of this attack" }).textContent())!.trim();
    expect(words).toBe("perturb attack --eps 0.1 --limit 1 --offset 18 --out adversarial/ --png");
    await perturb([...words.split(" ").slice(1), "--quiet"], place.path);
    const theirs = readNpz(
      new Uint8Array(await readFile(join(place.path, "adversarial", "adversarial.npz"))),
      "theirs",
    );
    const ours = readNpz(files.get("NPZ")!.bytes, "ours");
    for (const name of ["x", "x_adv", "label", "prediction", "success", "index", "epsilon"])
      expect(Array.from(ours.get(name)!.data as Float32Array), name).toEqual(
        Array.from(theirs.get(name)!.data as Float32Array),
      );
    const { data, info } = await sharp(files.get("PNG")!.bytes).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([28, 28]);
    const pixels = Array.from(ours.get("x_adv")!.data as Float32Array, (v) => Math.round(255 * v));
    expect(Array.from({ length: 784 }, (_, i) => data[i * info.channels])).toEqual(pixels);

    const json = JSON.parse(new TextDecoder().decode(files.get("JSON")!.bytes)) as {
      success: boolean;
      distances: { linf: number };
      after: { prediction: number };
    };
    expect(json).toMatchObject({ success: true, sample: { index: 18, label: 3 }, after: { prediction: 5 } });
    expect(json.distances.linf).toBeCloseTo(0.1, 6);
    expect(new TextDecoder().decode(files.get("SVG")!.bytes)).toMatch(/^<svg .*3 → 5.*<\/svg>\s*$/s);
    await page.context().close();
  });

  it("can be used by keyboard alone", async () => {
    const { page } = await playground.open();
    await settled(page);
    const focused = () =>
      page.evaluate(() => {
        const at = document.activeElement as HTMLElement;
        const label =
          at.getAttribute("aria-label") ?? (at as HTMLInputElement).labels?.[0]?.textContent ?? at.textContent;
        return `${at.tagName.toLowerCase()} ${label ?? ""}`;
      });
    const tabTo = async (wanted: RegExp) => {
      for (let i = 0; i < 80; i++) {
        await page.keyboard.press("Tab");
        if (wanted.test(await focused())) return;
      }
      throw new Error(`Tab does not reach ${wanted}`);
    };
    await tabTo(/^input Budget ε/);
    for (let i = 0; i < 3; i++) await page.keyboard.press("PageUp");
    await tabTo(/^button Test image 18/);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await expect.poll(() => verdict(page).textContent()).toMatch(/^4 → /);
    await tabTo(/^select Attack/);
    await page.keyboard.type("bim");
    await tabTo(/^button Start/);
    await page.keyboard.press("Enter");
    await panel(page, "Experiment").getByRole("button", { name: "report.json" }).waitFor();
    await page.context().close();
  });

  it.each([1280, 360])("has nothing for axe to find, empty or full, at %i pixels", async (width) => {
    const { page } = await playground.open({
      viewport: { width, height: 800 },
      hash: "limit=100&second=conv-mnist-robust",
    });
    await settled(page);
    await accessible(page, "empty");
    await panel(page, "Experiment").getByRole("button", { name: "Start", exact: true }).click();
    await page
      .getByRole("button", { name: /report\.json/ })
      .first()
      .waitFor();
    await accessible(page, "after an experiment");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await page.context().close();
  });

  it("runs on WebGPU where the browser has it, an experiment too", async () => {
    const withGpu = await servePlayground(executablePath!, SOFTWARE_WEBGPU);
    const { page, complaints } = await withGpu.open({ hash: "device=webgpu&limit=8&epsilons=0.1" });
    await settled(page);
    expect(await verdict(page).textContent()).toBe("3 → 5");
    expect(await panel(page, "Model").getByRole("combobox", { name: "Runs on" }).inputValue()).toBe("webgpu");
    const experiment = panel(page, "Experiment");
    await experiment.getByRole("button", { name: "Start", exact: true }).click();
    const report = await saved(page, () => experiment.getByRole("button", { name: "report.json" }).click());
    const { clean, options } = await readReport(new TextDecoder().decode(report.bytes), report.name);
    // A card is one worker, whatever the cores: two batches keep it busy.
    expect([clean.total, options.batch]).toEqual([8, 4]);
    expect(complaints).toEqual([]);
    await withGpu.close();
  });

  it("works under any path of any host, and says what a host without isolation costs", async () => {
    const types: Readonly<Record<string, string>> = {
      ".html": "text/html",
      ".js": "text/javascript",
      ".css": "text/css",
      ".wasm": "application/wasm",
    };
    const host = createServer(({ url = "/" }, response) => {
      const path = join(BUILT, url.replace(/^\/some\/where\//, "").replace(/[?#].*/, "") || "index.html");
      const isThere = url.startsWith("/some/where/") && existsSync(path);
      response.writeHead(isThere ? 200 : 404, { "content-type": types[extname(path)] ?? "application/octet-stream" });
      response.end(isThere ? readFileSync(path) : undefined);
    });
    await new Promise<void>((ready) => host.listen(0, "127.0.0.1", ready));
    const address = `http://127.0.0.1:${(host.address() as AddressInfo).port}/some/where/`;
    const { page, complaints } = await playground.open({ address });
    await settled(page);
    expect(await verdict(page).textContent()).toBe("3 → 5");
    expect(await page.getByRole("contentinfo").textContent()).toContain("does not isolate the page");
    expect(complaints).toEqual([]);
    await page.context().close();
    host.closeAllConnections();
    host.close();
  });
});

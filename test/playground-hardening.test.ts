import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { datasetOf } from "../src/datasets/in-memory.ts";
import { readNpz, writeNpz } from "../src/datasets/npz.ts";
import { harden } from "../src/harden/harden.ts";
import { readOnnx } from "../src/onnx/file.ts";
import { nodeRuntime } from "../src/runtime/ort.node.ts";
import { tensor } from "../src/tensor.ts";
import { NO_CHROMIUM, requireChromium } from "./support/browser.ts";
import { accessible, dropBytes, PATIENCE, panel, playgroundHere, saved, settled } from "./support/playground.ts";

const executablePath = requireChromium("Training on the playground");
const title = `training on the playground in Chromium${executablePath ? "" : NO_CHROMIUM}`;
const MODEL = new Uint8Array(readFileSync(new URL("../models/lenet-mnist.onnx", import.meta.url)));

/** 200 images: the page learns from the last hundred, of which it holds 50 out. */
const images = readNpz(new Uint8Array(readFileSync(new URL("fixtures/pytorch/first100.npz", import.meta.url))), "npz");
const hundred = images.get("x")!.data as Float32Array;
const labels = Int32Array.from(images.get("y")!.data as ArrayLike<number | bigint>, Number);
const x = new Float32Array(2 * hundred.length);
x.set(hundred, hundred.length);
const y = new Int32Array(200);
y.set(labels, 100);
const file = writeNpz({ x: tensor("float32", [200, 1, 28, 28], x), y: tensor("int32", [200], y) });

describe.skipIf(!executablePath)(title, { timeout: 2 * PATIENCE }, () => {
  const { playground } = playgroundHere(executablePath);
  const openWithData = async () => {
    const opened = await playground.open();
    await settled(opened.page);
    await dropBytes(opened.page, [{ name: "mine.npz", base64: Buffer.from(file).toString("base64") }]);
    await panel(opened.page, "Input").getByText("mine.npz").first().waitFor();
    return { ...opened, training: panel(opened.page, "Make it more robust") };
  };

  it("gives the same file with other weights, measured as the library measures it, and attacks it", async () => {
    const { page, training, complaints } = await openWithData();
    await training.getByLabel("Epochs").fill("3");
    await training.getByLabel("Epochs").blur();
    await training.getByRole("button", { name: "Train" }).click();
    const save = training.getByRole("button", { name: "Save .onnx" });
    await save.waitFor();
    const data = datasetOf({ x: hundred, shape: [1, 28, 28], labels, classes: 10 });
    const runtimes = [nodeRuntime("cpu", 1)] as const;
    const { history } = await harden(MODEL, data, { epsilon: 0.1, epochs: 0, batch: 50, validation: 50, runtimes });
    const { pgd, clean, total } = history[0]!.validation;
    const share = (count: number): string => `${((100 * count) / total).toFixed(2)}%`;
    await expect
      .poll(() => training.textContent())
      .toMatch(
        new RegExp(`Of 50 images held out, ${share(pgd)} withstand PGD-10 at ε = 0.1 before .* from ${share(clean)}`),
      );
    const { name, bytes } = await saved(page, () => save.click());
    expect(name).toBe("lenet-mnist-hardened.onnx");
    const [before, after] = [readOnnx(MODEL), readOnnx(bytes)];
    expect(bytes).toHaveLength(MODEL.length);
    expect(Buffer.from(bytes).equals(Buffer.from(MODEL))).toBe(false);
    const shapes = (graph: typeof before) => [...graph.initializers].map(([key, { dims }]) => [key, dims]);
    expect(after.nodes).toEqual(before.nodes);
    expect(shapes(after)).toEqual(shapes(before));
    await accessible(page, "a training that is done");
    await training.getByRole("button", { name: "Attack the new network" }).click();
    await panel(page, "Model").getByRole("option", { name }).waitFor({ state: "attached" });
    await settled(page);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("is stopped, and lives on", async () => {
    const { page, training } = await openWithData();
    await training.getByLabel("Epochs").fill("5000");
    await training.getByLabel("Epochs").blur();
    await training.getByRole("button", { name: "Train" }).click();
    await expect.poll(() => training.textContent(), { timeout: PATIENCE }).toMatch(/after epoch \d+/);
    await training.getByRole("button", { name: "Stop" }).click();
    await training.getByRole("button", { name: "Train" }).waitFor();
    expect(await training.textContent()).toMatch(/after it \(epoch \d+\)|No epoch was better/);
    // A training that cannot be says why in one line.
    await training.getByLabel("ε to train for").fill("1");
    await training.getByLabel("ε to train for").blur();
    await training.getByRole("button", { name: "Train" }).click();
    await training.getByRole("alert").waitFor();
    expect(await training.getByRole("alert").textContent()).toMatch(/ε is 1, and the input reaches from 0 to 1/);
    await page.context().close();
  });
});

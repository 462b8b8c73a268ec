import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { predict } from "../src/attack.ts";
import { readImage } from "../src/datasets/image.node.ts";
import { writeNpy } from "../src/datasets/npy.ts";
import { readNpz } from "../src/datasets/npz.ts";
import { openModel } from "../src/models/open.node.ts";
import { gradientMap, integratedGradients, smoothGrad } from "../src/saliency.ts";
import { tensor } from "../src/tensor.ts";
import { listing, perturb, scratch } from "./support/cli.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SEVEN = at("fixtures/images/seven.png");
const DENSENET = at("fixtures/onnx/densenet.onnx");
const bytesOf = (path: string) => new Uint8Array(readFileSync(path));

const space = scratch();
afterAll(space.remove);
let folders = 0;
function place(): string {
  const path = join(space.path, String(folders++));
  mkdirSync(path);
  return path;
}
const saliency = (cwd: string, ...args: string[]) => perturb(["saliency", ...args], cwd);

describe("saliency", () => {
  it("draws the class that the model predicts, and saves the maps of the library", async () => {
    const cwd = place();
    const outcome = await saliency(cwd, "lenet-mnist", "--image", SEVEN, "--values", "maps.npz");
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stdout).toMatch(
      /^class 7 of lenet-mnist on seven\.png: predicted, logit \d+\.\d+, probability 100\.0 %\n/,
    );
    expect(listing(cwd)).toEqual(["maps.npz", "saliency.png"]);
    const { width, height, format } = await sharp(join(cwd, "saliency.png")).metadata();
    // At twice their size: four columns of 196 with three gaps, two rows below a heading.
    expect({ width, height, format }).toEqual({ width: 2 * (4 * 196 + 3 * 22 + 48), height: 2 * 552, format: "png" });

    const arrays = readNpz(bytesOf(join(cwd, "maps.npz")), "maps.npz");
    expect([...arrays].map(([name, { type, dims }]) => `${name} ${type} ${dims}`)).toEqual([
      "x float32 1,1,28,28",
      "class int32 1",
      "gradient float32 1,1,28,28",
      "smoothgrad float32 1,1,28,28",
      "integrated_gradients float32 1,1,28,28",
    ]);
    const model = await openModel("lenet-mnist");
    const { x } = await readImage(SEVEN, model.inputShape);
    const task = { model, x, classes: predict(await model.logits(x)) };
    expect(arrays.get("class")!.data).toEqual(task.classes);
    const expected = { gradient: gradientMap, smoothgrad: smoothGrad, integrated_gradients: integratedGradients };
    for (const [name, map] of Object.entries(expected)) {
      const { data } = await map(task);
      const saved = arrays.get(name)!.data as Float32Array;
      expect(Math.max(...saved.map((v, i) => Math.abs(v - data[i]!)))).toBeLessThanOrEqual(1e-5);
    }
    await model.release();
  });

  it("says what integrated gradients add up to, and warns where steps are few", async () => {
    const run = (steps: string) =>
      saliency(
        place(),
        "lenet-mnist",
        "--image",
        SEVEN,
        "--method",
        "integrated-gradients",
        "--steps",
        steps,
        "--quiet",
      );
    const fine = await run("400");
    const [, sum, rise] = /add up to (\S+) of (\S+),/.exec(fine.stdout)!.map(Number);
    expect(Math.abs(sum! - rise!)).toBeLessThan(0.01 * rise!);
    expect(fine.stderr).toBe("");
    expect((await run("1")).stderr).toMatch(/^warning: That is \d+ % off\. Raise --steps .*\n$/);
  });

  it("explains a class of choice by methods of choice, as SVG, the same every time", async () => {
    const cwd = place();
    const run = (out: string, ...more: string[]) =>
      saliency(
        cwd,
        "lenet-mnist",
        "--image",
        SEVEN,
        "--class",
        "2",
        "--method",
        "smoothgrad,gradient-x-input",
        "--out",
        out,
        ...more,
      );
    const first = await run("a.svg", "--quiet");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(/^class 2 .*; predicted is 7\n/);
    const svg = readFileSync(join(cwd, "a.svg"), "utf8");
    expect(svg.indexOf(">SmoothGrad<")).toBeGreaterThan(0);
    expect(svg.indexOf(">gradient × input<")).toBeGreaterThan(svg.indexOf(">SmoothGrad<"));
    await run("b.svg", "--quiet");
    await run("c.svg", "--quiet", "--seed", "1");
    expect(readFileSync(join(cwd, "b.svg"), "utf8")).toBe(svg);
    expect(readFileSync(join(cwd, "c.svg"), "utf8")).not.toBe(svg);
  });

  it("stretches an image to the model's size and colours, and says so", async () => {
    const cwd = place();
    const outcome = await saliency(
      cwd,
      DENSENET,
      "--image",
      SEVEN,
      "--samples",
      "2",
      "--steps",
      "2",
      "--values",
      "m.npz",
    );
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toContain("seven.png is 28 × 28 pixels: stretched to the model's [3, 64, 64].\n");
    expect(readNpz(bytesOf(join(cwd, "m.npz")), "m.npz").get("gradient")!.dims).toEqual([1, 3, 64, 64]);
  });

  it("takes .npy, and normalization", async () => {
    const cwd = place();
    writeFileSync(join(cwd, "x.npy"), writeNpy(tensor("uint8", [1, 28, 28], new Uint8Array(784).fill(90))));
    const lenet = [at("fixtures/pytorch/lenet_zip.pth"), "--arch", "lenet", "--mean", "0.1307", "--std", "0.3081"];
    expect(await saliency(cwd, ...lenet, "--image", "x.npy", "--method", "gradient")).toMatchObject({ code: 0 });
  });

  it.each([
    [["lenet-mnist"], /required option '--image <file>' not specified/],
    [["lenet-mnist", "--image", "none.png"], /none\.png/],
    [["lenet-mnist", "--image", "broken.png"], /broken\.png is no readable image/],
    [["lenet-mnist", "--image", "."], /\. is not a regular file/],
    [["lenet-mnist", "--image", "wild.npy"], /holds the value 3, .*--mean/],
    [["lenet-mnist", "--image", "flat.npy"], /\[784\].*\[1, 28, 28\]/],
    [["lenet-mnist", "--image", SEVEN, "--class", "10"], /label 10 is no class/],
    [["lenet-mnist", "--image", SEVEN, "--method", "smoothgard"], /Did you mean smoothgrad\?/],
    [["lenet-mnist", "--image", SEVEN, "--out", "map.gif"], /--out map\.gif is neither/],
    [["lenet-mnist", "--image", SEVEN, "--out", "no/map.png"], /Cannot write no\/map\.png/],
    [["none.onnx", "--image", SEVEN], /none\.onnx/],
  ])("answers %j with one line and code 2", async (args, message) => {
    const cwd = place();
    writeFileSync(join(cwd, "broken.png"), "no image");
    writeFileSync(join(cwd, "wild.npy"), writeNpy(tensor("float32", [1, 28, 28], new Float32Array(784).fill(3))));
    writeFileSync(join(cwd, "flat.npy"), writeNpy(tensor("float32", [784], new Float32Array(784))));
    const outcome = await saliency(cwd, ...args);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(/^perturb: .*\n$/);
    expect(outcome.stderr).toMatch(message);
    expect(listing(cwd)).toEqual(["broken.png", "flat.npy", "wild.npy"]);
  });
});

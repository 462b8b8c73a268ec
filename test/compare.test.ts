import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fgsm } from "../src/attacks/gradient/fgsm.ts";
import { pgd } from "../src/attacks/gradient/pgd.ts";
import type { Dataset } from "../src/dataset.ts";
import { openDataset } from "../src/datasets/locate.node.ts";
import { evaluate } from "../src/evaluate/evaluation.ts";
import { openClassifier } from "../src/models/classifier/graph-model.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { toJson } from "../src/report/files/json.ts";
import { openSamples } from "../src/report/files/samples.node.ts";
import { writeReport } from "../src/report/files/write.node.ts";
import { nodeRuntime } from "../src/runtime/ort.node.ts";
import { listing, perturb, scratch } from "./support/cli.ts";
import { run } from "./support/evaluate.ts";
import { lenetFile, twoClassGraph } from "./support/models.ts";

const LENET = fileURLToPath(new URL("fixtures/pytorch/lenet_zip.pth", import.meta.url));
const EPSILONS = [0.1, 0.2];

let place: ReturnType<typeof scratch>;
let mnist: Dataset;
beforeAll(async () => {
  place = scratch();
  mnist = await openDataset("mnist");
  await reportIn("fgsm", { attacks: [fgsm] });
  await reportIn("pgd", { attacks: [pgd] });
});
afterAll(() => place.remove());

/** A report's folder, as far as a comparison reads it. */
async function reportIn(name: string, given: Parameters<typeof run>[2]): Promise<void> {
  const folder = join(place.path, name);
  mkdirSync(folder);
  const samples = await openSamples(folder);
  const { evaluation } = await run(lenetFile(), mnist, {
    epsilons: EPSILONS,
    limit: 60,
    onRecords: samples.write,
    ...given,
  });
  await samples.finish();
  writeFileSync(join(folder, "report.json"), toJson(evaluation));
}

const compare = (...args: string[]) => perturb(["compare", ...args], place.path);

describe("compare", () => {
  it("shows two runs side by side", async () => {
    const { code, stdout, stderr } = await compare("fgsm", "pgd");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^A: fgsm \(\S+, fgsm\)\nB: pgd \(\S+, pgd\)\n60 samples of mnist, linf; /);
    expect(stdout).toMatch(/^ +ε +A +B +A - B +95% interval +only A +only B +p$/m);
    expect(stdout).toMatch(/^clean +(\d+\.\d\d%) +\1 +\+0\.00 +-\d+\.\d\d … \+\d+\.\d\d +0 +0 +1\.0000$/m);
    expect(stdout.match(/^ +0\.[12] .*$/gm)).toHaveLength(2);
    expect(stderr).toMatch(/^warning: The runs differ in attacks: fgsm and pgd\./);
  });

  it("gives the same as JSON, on stdout or in a file", async () => {
    const { code, stdout } = await compare("fgsm", "pgd", "--json", "-");
    expect(code).toBe(0);
    const comparison = JSON.parse(stdout);
    expect(Object.keys(comparison)).toEqual(["a", "b", "data", "norm", "target", "clean", "points", "warnings"]);
    expect(Object.keys(comparison.points[0])).toEqual(
      "epsilon a b difference ci95 both onlyA onlyB neither pValue".split(" "),
    );
    for (const name of ["fgsm", "pgd"]) {
      const { worst } = JSON.parse(readFileSync(join(place.path, name, "report.json"), "utf8"));
      const side = name === "fgsm" ? "a" : "b";
      for (const [k, point] of comparison.points.entries()) expect(point[side].correct).toBe(worst[k].correct);
    }
    await compare("fgsm", "pgd", "--json", "result.json");
    expect(JSON.parse(readFileSync(join(place.path, "result.json"), "utf8"))).toEqual(comparison);
  });

  it("evaluates two models, and leaves nothing behind", async () => {
    const tmp = join(place.path, "tmp");
    mkdirSync(tmp);
    const options = ["--arch", "lenet", "--limit", "60", "--eps", "0.1,0.2", "--json", "-", "--quiet"];
    const outcome = await perturb(["compare", LENET, "lenet-mnist", ...options], place.path, { TMPDIR: tmp });
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr.match(/^warning: \S+: Only 60 samples .*$/gm)).toHaveLength(2);
    const { a, clean, points } = JSON.parse(outcome.stdout);
    expect(a.name).toBe(LENET);
    const { worst } = JSON.parse(readFileSync(join(place.path, "fgsm", "report.json"), "utf8"));
    expect(points.map((p: { a: { correct: number } }) => p.a.correct)).toEqual(
      worst.map((p: { correct: number }) => p.correct),
    );
    expect(clean.both + clean.onlyA + clean.onlyB + clean.neither).toBe(60);
    // The runtime may keep files of its own there.
    expect(listing(tmp).filter((name) => name.startsWith("perturb"))).toEqual([]);
  });

  it("names options as they are typed, also in what was said of each model", async () => {
    const options = ["--limit", "20", "--eps", "0.1", "--mean", "9", "--json", "-", "--quiet"];
    const { code, stdout, stderr } = await compare("lenet-mnist", "lenet-mnist", ...options);
    expect(code).toBe(0);
    for (const text of [stdout, stderr]) {
      expect(text).toContain("Check normalization (--mean, --std)");
      expect(text).not.toContain("`normalization");
    }
  });

  it("prepares the pictures for each of two models as the file beside it says", async () => {
    const halves = Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 255);
    const raw = { width: 4, height: 2, channels: 1 } as const;
    for (const [label, pixels] of [halves.map((v) => 255 - v), halves].entries()) {
      const to = join(place.path, "halves", String(label));
      mkdirSync(to, { recursive: true });
      await sharp(pixels, { raw }).toColourspace("b-w").png().toFile(join(to, "0.png"));
    }
    // White on the right, of columns 1 and 2 or of all four.
    const graph = writeOnnx(twoClassGraph(Float32Array.of(-1, 1, -1, 1), -0.1, [1, 2, 2]));
    const files = ["cut", "whole"].map((name) => join(place.path, name, "net.onnx"));
    const plain = { do_rescale: true, do_normalize: false, resample: 0, do_center_crop: false, do_resize: true };
    const configurations = [
      { ...plain, do_resize: false, do_center_crop: true, crop_size: { height: 2, width: 2 } },
      { ...plain, size: { height: 2, width: 2 } },
    ];
    for (const [i, file] of files.entries()) {
      mkdirSync(dirname(file));
      writeFileSync(file, graph);
      writeFileSync(join(dirname(file), "preprocessor_config.json"), JSON.stringify(configurations[i]));
    }
    const given = [...files, "--data", "halves", "--eps", "0.001", "--json", "-", "--quiet"];
    const { stdout, stderr } = await compare(...given);
    expect(stderr).toContain("cut/preprocessor_config.json, beside the model");
    expect(stderr).toContain("whole/preprocessor_config.json, beside the model");
    const { clean } = JSON.parse(stdout);
    expect([clean.a.correct, clean.b.correct]).toEqual([1, 2]);
  });

  it("reads a report that the library wrote", async () => {
    const result = await evaluate(openClassifier(lenetFile(), nodeRuntime("cpu", 1)), mnist, {
      attacks: [fgsm],
      epsilons: EPSILONS,
      limit: 60,
    });
    await writeReport(result, join(place.path, "library"));
    const { code, stdout } = await compare("fgsm", "library", "--json", "-");
    expect(code).toBe(0);
    const { clean, points } = JSON.parse(stdout);
    for (const point of [clean, ...points]) expect(point).toMatchObject({ onlyA: 0, onlyB: 0, difference: 0 });
  });

  it("refuses what cannot be compared, in one line that says why", async () => {
    await reportIn("l2", { norm: "l2", limit: 5 });
    await reportIn("fewer", { limit: 5 });
    await reportIn("torn", {});
    const csv = join(place.path, "torn", "samples.csv");
    writeFileSync(csv, readFileSync(csv).subarray(0, -10));
    mkdirSync(join(place.path, "empty"));
    mkdirSync(join(place.path, "earlier"));
    const report = readFileSync(join(place.path, "fgsm", "report.json"), "utf8");
    writeFileSync(join(place.path, "earlier", "report.json"), report.replace('"schema": 2', '"schema": 1'));
    const cases: [string[], RegExp][] = [
      [["fewer", "l2"], /fewer and l2 cannot be compared: norm is linf in the one and l2 in the other/],
      [["fgsm", "fewer"], /number of samples is 60 in the one and 5 in the other/],
      [["fgsm", "torn"], /samples\.csv holds no samples of perturb: line 61 is cut off/],
      [["fgsm", "empty"], /report\.json cannot be opened/],
      [["fgsm", "earlier"], /earlier\/report\.json was written by an earlier version of perturb.*: evaluate it again/],
      [["fgsm", "lenet-mnist"], /fgsm is a folder and lenet-mnist is none/],
      [["fgsm", "pgd", "--eps", "0.1"], /eps would change nothing/],
      [["fgsm"], /missing required argument/],
      [["lenet-mnist", "nothing.onnx", "--limit", "5", "--quiet"], /nothing\.onnx/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await compare(...args);
      expect([code, stdout], `${args.join(" ")}: ${stderr}`).toEqual([2, ""]);
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd()).not.toContain("\n");
    }
  });
});

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { detectionSchema } from "../src/report/files/detection-schema.ts";
import { nodeRuntime } from "../src/runtime/ort.node.ts";
import { perturb, scratch } from "./support/cli.ts";
import { floats, numbers } from "./support/models.ts";

const space = scratch();
afterAll(space.remove);
const run = (...args: string[]) => perturb(["detect", "lenet-mnist", ...args], space.path);

describe("perturb detect", () => {
  it("shows both figures at each ε, and writes the graph with its score", { timeout: 60_000 }, async () => {
    const args = ["--attack", "pgd", "--set", "pgd.steps=10", "--eps", "0.1,0.2", "--limit", "200", "--quiet"];
    const { code, stdout } = await run(...args, "--with", "logits", "--out", "w.onnx", "--json", "w.json");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^lenet-mnist with Mahalanobis distance on logits on mnist: learned from 100 samples, measured on 100 others/,
    );
    expect(stdout).toMatch(/\n0\.1 +no +\d+ of \d+ .*\n0\.1 +yes .*\n0\.2 +no .*\n0\.2 +yes /);
    expect(stdout).toMatch(/\nThreshold: [\d.]+, above which lie 1\.00 % of the clean samples\.\n/);
    const { points, detector } = detectionSchema.parse(JSON.parse(readFileSync(join(space.path, "w.json"), "utf8")));
    expect(detector.name).toBe("logits");
    expect(points.map(({ epsilon }) => epsilon)).toEqual([0.1, 0.2]);
    const program = await nodeRuntime("cpu", 1).load(new Uint8Array(readFileSync(join(space.path, "w.onnx"))));
    const { logits, score } = await program.run({ x: floats([3, 1, 28, 28], numbers(3 * 784, 1, 0, 1)) });
    await program.release();
    expect([logits!.dims, score!.dims]).toEqual([[3, 10], [3]]);
  });

  it.each([
    [[], /Say what detects: --with squeeze or --with logits/],
    [["--with", "squeeze"], /Say how much attacks may change: --eps 0\.1/],
    [["--with", "logits", "--squeezers", "bits:1", "--eps", "0.1"], /--squeezers is for --with squeeze/],
    [
      ["--with", "squeeze", "--squeezers", "noise:0.1", "--eps", "0.1"],
      /noise draws at random.*--squeezers bits:1,median:3/,
    ],
    [["--with", "squeeze", "--squeezers", "blur", "--eps", "0.1"], /no defence named "blur"/],
    [["--with", "logits", "--eps", "0.1", "--limit", "60"], /each needs 50/],
    [["--with", "logits", "--eps", "0.1", "--attack", "apgd-dlr"], /apgd-dlr compares three classes/],
    [["--with", "mahalanobis", "--eps", "0.1"], /Allowed choices are squeeze, logits/],
  ])("refuses %j, and writes nothing", async (args, message) => {
    const { code, stdout, stderr } = await run(...args, "--out", "no.onnx", "--quiet");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(existsSync(join(space.path, "no.onnx"))).toBe(false);
  });
});

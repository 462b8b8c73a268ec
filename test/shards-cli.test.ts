import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeNpz } from "../src/datasets/npz.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { tensor } from "../src/tensor.ts";
import { listing, perturb, scratch } from "./support/cli.ts";
import { withExternalData } from "./support/external.ts";
import { floats, numbers, smallNetwork } from "./support/models.ts";

const { path: cwd, remove } = scratch();
afterAll(remove);

const RUN = ["--limit", "60", "--batch", "20", "--attack", "fgsm,pgd", "--eps", "0.1,0.2", "--set", "pgd.steps=5"];
const file = (folder: string, name: string): string => readFileSync(join(cwd, folder, name)).toString("base64");

describe("perturb evaluate --shard, perturb merge", () => {
  it("writes the report of one run, but for its times", async () => {
    const runs = [["--out", "whole"], ...[1, 2, 3].map((i) => ["--shard", `${i}/3`, "--out", `part-${i}`])];
    for (const words of runs) {
      const outcome = await perturb(["evaluate", ...RUN, "--quiet", ...words], cwd);
      expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
      if (words[0] === "--shard") expect(outcome.stdout).toContain(`is done: 20 samples, kept in ${words[3]}`);
    }
    expect(listing(join(cwd, "part-1"))).toEqual(["state.jsonl"]);
    const parts = ["part-2", "part-3", "part-1"];
    const merged = await perturb(["merge", ...parts, "--out", "merged", "--fail-under", "99%@0.1"], cwd);
    expect(merged, merged.stderr).toMatchObject({ code: 1 });
    for (const name of ["accuracy.csv", "accuracy.svg", "examples.png", "adversarial.npz"])
      expect(file("merged", name), name).toBe(file("whole", name));
    const counts = (folder: string) => {
      const { clean, points, worst, warnings } = JSON.parse(readFileSync(join(cwd, folder, "report.json"), "utf8"));
      return { clean, points, worst, warnings };
    };
    expect(counts("merged")).toEqual(counts("whole"));
    const page = readFileSync(join(cwd, "merged", "report.html"), "utf8");
    expect(page).toContain("perturb evaluate --limit 60");
    expect(page).not.toContain("--shard");
    expect(listing(join(cwd, "part-1"))).toEqual(["state.jsonl"]);
  });

  it("takes shards whose model and data had other names, and not those of other weights", async () => {
    const { onnx, data: weights } = withExternalData(writeOnnx(smallNetwork([1, 4, 4], 3)), "weights.bin");
    const otherWeights = weights.map((byte, i) => (i === 1 ? byte ^ 1 : byte));
    const x = floats([12, 1, 4, 4], numbers(12 * 16, 5, 0, 1));
    const y = tensor(
      "int32",
      [12],
      Int32Array.from({ length: 12 }, (_, i) => i % 3),
    );
    const samples = writeNpz({ x, y });
    const options = ["--shape", "1,4,4", "--eps", "0.1", "--batch", "4", "--quiet"];
    const run = async (model: string, weights: Uint8Array, data: string, ...words: string[]) => {
      for (const name of [model, data]) mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, model), onnx);
      writeFileSync(join(cwd, dirname(model), "weights.bin"), weights);
      writeFileSync(join(cwd, data), samples);
      const outcome = await perturb(["evaluate", "--model", model, "--data", data, ...options, ...words], cwd);
      expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    };
    await run("net.onnx", weights, "data.npz", "--out", "whole-2");
    await run("a/first.onnx", weights, "a/one.npz", "--shard", "1/2", "--out", "moved-1");
    await run("b/c/second.onnx", weights, "b/two.npz", "--shard", "2/2", "--out", "moved-2");
    await run("d/net.onnx", otherWeights, "d/data.npz", "--shard", "2/2", "--out", "moved-3");
    const from = ["--model", "net.onnx", "--data", "data.npz"];
    const merged = await perturb(["merge", "moved-1", "moved-2", ...from, "--out", "merged-2"], cwd);
    expect(merged, merged.stderr).toMatchObject({ code: 0 });
    for (const name of ["accuracy.csv", "accuracy.svg", "adversarial.npz"])
      expect(file("merged-2", name), name).toBe(file("whole-2", name));
    const refused = await perturb(["merge", "moved-1", "moved-3", ...from, "--out", "merged-3"], cwd);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/moved-3 is another one: SHA-256 of the model with its preprocessing was/);
  });

  it.each([
    [["merge", "part-1", "part-2", "--out", "m"], /Of 3 shards, one is missing: 3\/3/],
    [["merge", "part-1", "part-2", "part-3", "--out", "part-2"], /part-2 holds one of the shards/],
    [["merge", "part-1", "part-2", "part-3"], /Give the folder of the report, --out DIR/],
    [["merge", "whole", "part-2", "--out", "m"], /whole holds a report, and no shard/],
    [["merge", "nowhere", "part-2", "--out", "m"], /nowhere holds no shard\. Give the folders/],
    [["evaluate", ...RUN, "--shard", "0/3"], /"0\/3" is no shard\. Write I\/N/],
    [["evaluate", ...RUN, "--shard", "1/9"], /60 samples in batches of 20 cannot be split into 9 shards, only into 3/],
    [["evaluate", ...RUN, "--shard", "1/3", "--json", "-"], /cannot be used with option '--json/],
  ])("refuses %j", async (words, message) => {
    const { code, stdout, stderr } = await perturb(words, cwd);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

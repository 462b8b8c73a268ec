import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { samplesIn } from "../src/report/files/samples.node.ts";
import { evaluationSchema } from "../src/report/files/schema.ts";
import { perturb, scratch } from "./support/cli.ts";

const LENET = fileURLToPath(new URL("fixtures/pytorch/lenet_zip.pth", import.meta.url));
const space = scratch();
afterAll(space.remove);
const at = (...args: string[]) => perturb([...args, "--quiet"], space.path);
/** An ε that cheap bounds prove, and one at which an attack fools everyone: CROWN, which is slow on LeNet, has nothing to do. */
const common = ["--model", LENET, "--arch", "lenet", "--limit", "8", "--eps", "0.0005,0.4", "--no-largest"];

describe("perturb certify", () => {
  it("counts what is proven, and keeps it of each sample", async () => {
    const { code, stdout } = await at("certify", ...common, "--out", "report");
    expect(code).toBe(0);
    expect(stdout).toMatch(/certified accuracy .* 0\.0005 .* 8 \/ 8 .* 100\.00%/);
    expect(stdout).toContain("open, neither proven nor fooled: 0 at 0.0005, 0 at 0.4 of 8 samples");
    const evaluation = evaluationSchema.parse(JSON.parse(readFileSync(join(space.path, "report/report.json"), "utf8")));
    expect(evaluation.worst.map(({ correct, certified }) => [correct, certified?.correct])).toEqual([
      [8, 8],
      [0, 0],
    ]);
    expect(evaluation.options).toMatchObject({ attacks: ["pgd"] });
    expect(evaluation.options.settings).toContain("pgd.restarts=5");
    for await (const record of samplesIn(join(space.path, "report/samples.csv")))
      expect(record).toMatchObject({ outcome: "fooled", epsilon: 0.4, certifiedEpsilon: 0.0005, openReason: null });
    expect(readFileSync(join(space.path, "report/report.html"), "utf8")).toContain("are proven to stay correct");
    expect(readFileSync(join(space.path, "report/accuracy.csv"), "utf8")).toContain("certified,linf,0.0005,8,8,1,");
    // A finished run is judged anew, by its certified accuracy.
    const again = await at("certify", "--resume", "report", "--fail-under", "50%@0.4");
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("certified accuracy 0 at ε = 0.4 is under 0.5");
  });

  it("fails under a certified accuracy, in JUnit too", async () => {
    const { code, stdout, stderr } = await at("certify", ...common, "--attack", "fgsm", "--fail-under", "10%@0.4", "--junit", "-"); // biome-ignore format: one command
    expect(code).toBe(1);
    expect(stderr).toContain("certified accuracy 0 at ε = 0.4 is under 0.1");
    expect(stdout).toMatch(/name="certified accuracy, L∞ ε = 0\.4" time="0">\s*<failure/);
  });

  it.each([
    [
      ["certify", ...common, "--norm", "spatial", "--attack", "rotation-translation"],
      /not for spatial\. Certify with --norm linf/,
    ],
    [["certify", ...common, "--norm", "l2", "--splits", "10"], /--splits/],
    [["evaluate", ...common.slice(0, -1), "--certify", "--target", "3"], /Leave out --target 3/],
    [["evaluate", ...common], /--no-largest is for certificates\. Add --certify/],
    [["certify", "--model", "http://localhost:1/v2/models/m"], /Proofs need the network itself/],
  ])("refuses %s", async (args, message) => {
    const { code, stderr } = await at(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

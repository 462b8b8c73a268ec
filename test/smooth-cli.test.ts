import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { radiusOf } from "../src/certify/smoothing/plan.ts";
import { clopperPearsonLower } from "../src/probability/binomial.ts";
import { nodeRuntime } from "../src/runtime/ort.node.ts";
import type { FloatTensor } from "../src/tensor.ts";
import { perturb, scratch } from "./support/cli.ts";

const space = scratch();
afterAll(space.remove);

describe("perturb smooth", () => {
  it("writes a file that answers with a class and its radius, and says what can be reached", async () => {
    const outcome = await perturb(["smooth", "--smoothing", "0.25", "--n", "500", "--out", "s.onnx"], space.path);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toBe(
      "Smoothed classifier: s.onnx\n500 draws at α = 0.001 can certify a radius of at most 0.5513 in L2, with noise of σ = 0.25.\n",
    );
    const program = await nodeRuntime("cpu", 1).load(readFileSync(join(space.path, "s.onnx")));
    expect([program.inputs, program.outputs]).toEqual([["x"], ["class", "counts", "lower", "radius", "abstain"]]);
    const x: FloatTensor = { type: "float32", dims: [1, 1, 28, 28], data: new Float32Array(784) };
    for (let i = 0; i < 784; i++) x.data[i] = i % 28 > 12 && i % 28 < 16 && i > 112 && i < 672 ? 1 : 0;
    const { class: predicted, counts, lower, radius } = await program.run({ x });
    const count = Number((counts!.data as BigInt64Array)[1]);
    expect(Number(predicted!.data[0])).toBe(1);
    expect(lower!.data[0]).toBe(clopperPearsonLower(count, 500, 0.001));
    expect(radius!.data[0]).toBe(radiusOf(clopperPearsonLower(count, 500, 0.001), 0.25));
    await program.release();
  });

  it.each([
    [[], /^perturb: Say how much noise there is: --smoothing 0\.25/],
    [["--smoothing", "0.25", "--n", "9"], /^perturb: With --n 9 and --alpha 0\.001 nothing can be certified/],
    [["--smoothing", "-1"], /\(--smoothing\) must be a number above 0 .*, got -1/],
    [["--smoothing", "0.25", "--alpha", "2"], /\(--alpha\) lies between 0 and 1, got 2/],
    [["--smoothing", "0.25", "--noise", "input", "--noise-seed", "1"], /--noise-seed is for --noise random/],
    [["--smoothing", "0.25", "--model", "http://localhost/"], /behind an address cannot be written into a file/],
    [["--smoothing", "0.25", "--model", "lenet.onnx"], /lenet\.onnx/],
  ])("refuses %j", async (args, message) => {
    const { code, stderr, stdout } = await perturb(["smooth", "--out", "refused.onnx", ...args], space.path);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(existsSync(join(space.path, "refused.onnx"))).toBe(false);
  });
});

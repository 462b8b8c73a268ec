import { describe, expect, it } from "vitest";
import { checkGradient, DEFAULT_OPSETS, type Sample } from "../../test/support/gradient-check.ts";
import { microsoftSamples, ofMl, samples } from "../../test/support/samples/index.ts";
import { microsoftGpuLowerings } from "./lowerings/microsoft-gpu.ts";
import { lowerings } from "./lowerings.ts";
import { rules } from "./rules.ts";

const all: readonly [string, readonly Sample[]][] = [
  ...Object.entries(samples),
  ...Object.entries(ofMl).map(([op, list]): [string, readonly Sample[]] => [`ai.onnx.ml ${op}`, list]),
  ...Object.entries<readonly Sample[]>(microsoftSamples).map(([op, list]): [string, readonly Sample[]] => [
    `com.microsoft ${op}`,
    list,
  ]),
];

describe("every rule and lowering against differences of what ONNX Runtime computes", () => {
  it("has samples for each", () => {
    const standard = new Set([...Object.keys(rules), ...Object.keys(lowerings[""]!)]);
    expect(Object.keys(samples).sort()).toEqual([...standard].sort());
    expect(Object.keys(ofMl).sort()).toEqual(Object.keys(lowerings["ai.onnx.ml"]!).sort());
    // What ONNX Runtime's CPU does not run is compared elsewhere (lowerings/microsoft-gpu.test.ts).
    const ofMicrosoft = [...Object.keys(microsoftSamples), ...Object.keys(microsoftGpuLowerings)];
    expect(ofMicrosoft.sort()).toEqual(Object.keys(lowerings["com.microsoft"]!).sort());
    for (const [op, list] of all) expect(list.length, op).toBeGreaterThan(0);
  });

  for (const [op, list] of all)
    describe(op, () => {
      for (const sample of list)
        it.each(sample.opsets ?? DEFAULT_OPSETS)(`${sample.name}, opset %i`, (opset) => checkGradient(sample, opset));
    });
});

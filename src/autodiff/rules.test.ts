import { describe, expect, it } from "vitest";
import { checkGradient, DEFAULT_OPSETS } from "../../test/support/gradient-check.ts";
import { samples } from "../../test/support/samples/index.ts";
import { rules } from "./rules.ts";

describe("every rule against differences of what ONNX Runtime computes", () => {
  it("has samples for each", () => {
    expect(Object.keys(samples).sort()).toEqual(Object.keys(rules).sort());
    for (const [op, list] of Object.entries(samples)) expect(list.length, op).toBeGreaterThan(0);
  });

  for (const [op, list] of Object.entries(samples))
    describe(op, () => {
      for (const sample of list)
        it.each(sample.opsets ?? DEFAULT_OPSETS)(`${sample.name}, opset %i`, (opset) => checkGradient(sample, opset));
    });
});

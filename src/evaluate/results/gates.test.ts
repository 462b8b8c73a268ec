import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { fixture } from "../../../test/support/report.ts";
import { checkGates, withGates } from "./gates.ts";

// The robust accuracies of these attacks: 0.7541 at ε = 0.05 and 0.0695 at ε = 0.3.
const { evaluation } = fixture({ attacks: ["fgsm", "pgd"] });

describe("withGates", () => {
  it("compares robust accuracy with what is asked", () => {
    const gatesOf = (atLeast: number, epsilon: number) => withGates(evaluation, [{ epsilon, atLeast }]).gates;
    expect(gatesOf(0.7541, 0.05)).toEqual([{ epsilon: 0.05, atLeast: 0.7541, accuracy: 0.7541, met: true }]);
    expect(gatesOf(0.75411, 0.05)).toEqual([{ epsilon: 0.05, atLeast: 0.75411, accuracy: 0.7541, met: false }]);
    // FGSM alone leaves 0.0869.
    expect(gatesOf(0.08, 0.3)).toMatchObject([{ accuracy: 0.0695, met: false }]);
    expect(gatesOf(0.1, 0.05 + 0.05 + 0.05)).toMatchObject([{ met: true }]);
  });

  it("puts them in the place of those before", () => {
    const first = withGates(evaluation, [{ epsilon: 0.3, atLeast: 1 }]);
    expect(withGates(first, [{ epsilon: 0.05, atLeast: 0 }]).gates).toEqual([
      { epsilon: 0.05, atLeast: 0, accuracy: 0.7541, met: true },
    ]);
  });
});

describe("checkGates", () => {
  it("refuses an accuracy that cannot be, and an ε that is not evaluated", async () => {
    const refusal = (epsilon: number, atLeast: number) =>
      failure("usage", async () => checkGates([{ epsilon, atLeast }], [0.05, 0.1]));
    for (const atLeast of [-0.1, 1.1, Number.NaN, 50]) await refusal(0.1, atLeast);
    expect((await refusal(0.2, 0.5)).message).toMatch(/ε = 0\.2, which is not evaluated\. .*0\.05, 0\.1/);
    expect(() => checkGates([{ epsilon: 0.1, atLeast: 0.5 }], [0.05, 0.1])).not.toThrow();
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { contradictionOf, fooledWords, provenWords } from "./withstanding-words.ts";

const proof = { epsilon: 0.011, method: "crown", seconds: 1, isWhole: true };
const found = { held: 0.05, fooled: 0.0531, by: "fgsm", isSearched: true };

it("says what is proven, that more is looked for, or why nothing is", () => {
  const made = { proof, failure: null };
  expect(provenWords(made, false)).toBe("Proven: no perturbation up to ε = 0.011 changes the class.");
  expect(provenWords({ ...made, proof: { ...proof, isWhole: false } }, false)).toMatch(/Looking for more\.$/);
  expect(provenWords(null, false)).toBe("Looking for a proof.");
  expect(provenWords({ ...made, proof: { ...proof, epsilon: 0 } }, false)).toMatch(/^Nothing is proven/);
  const failure = { code: "unsupported", message: "Bounds are known for Norm linf." };
  expect(provenWords({ proof: null, failure }, false)).toBe("No proof. Bounds are known for Norm linf.");
});

it("says where attacks fool, rounded up", () => {
  expect(fooledWords(found)).toBe("Fooled from ε = 0.0531 on, by fgsm.");
  expect(fooledWords(null)).toBe("Not fooled so far.");
  expect(fooledWords({ ...found, by: null, fooled: Number.POSITIVE_INFINITY, held: 0.5 })).toBe(
    "Not fooled up to ε = 0.5.",
  );
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 300, noNaN: true }), (fooled) => {
      const said = Number(/ε = (\S+) on/.exec(fooledWords({ ...found, fooled }))![1]);
      expect(said).toBeGreaterThanOrEqual(fooled);
      expect(said).toBeLessThan(fooled * 1.0101);
    }),
  );
});

it("raises the alarm where an attack fools inside what is proven, and only there", () => {
  expect(contradictionOf(proof, found)).toBeNull();
  expect(contradictionOf(proof, { ...found, fooled: 0.01100001 })).toBeNull();
  for (const fooled of [0.011, 0.0109, 0])
    expect(contradictionOf(proof, { ...found, fooled })).toMatchObject({ code: "proof-contradicted" });
  expect(contradictionOf({ ...proof, epsilon: 0 }, { ...found, fooled: 0 })).toBeNull();
  expect(contradictionOf(proof, null)).toBeNull();
  expect(provenWords({ proof, failure: null }, true)).toBe("Nothing counts as proven.");
});

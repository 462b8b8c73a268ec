import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type BoundFinding, examineBounds } from "../../../test/support/conformance-bounds.ts";
import { isInstalled } from "../../../test/support/conformance-data.ts";

const note = isInstalled() ? "" : " (skipped: Debian's package libonnx-testdata is not installed)";
const gradients: Readonly<Record<string, { readonly outcome: string }>> = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/conformance.json", import.meta.url), "utf8"),
);
/** Its slope would have more elements than one sample, which the standard does not allow. */
const BEYOND = "node/test_prelu_example";
const models = Object.entries(gradients).flatMap(([name, { outcome }]) =>
  outcome === "passed" && name.startsWith("node/") && name !== BEYOND ? [name] : [],
);
/** All of them by hand: EVERY=1 npm test -- src/certify/bounds/conformance.test.ts */
const EVERY = Number(process.env["EVERY"] ?? 8);

it.skipIf(!isInstalled())(
  `models of the ONNX standard's own tests that have a gradient have bounds that hold, or are refused by name${note}`,
  async () => {
    const found: [string, BoundFinding][] = [];
    for (const name of models.filter((_, i) => i % EVERY === 0)) found.push([name, await examineBounds(name)]);
    const count = (outcome: BoundFinding["outcome"]) => found.filter(([, f]) => f.outcome === outcome).length;
    expect(found.filter(([, { outcome }]) => outcome === "failed")).toEqual([]);
    // The others have no axis for samples, or are refused.
    expect(count("holds")).toBeGreaterThan(found.length / 3);
    for (const [name, { outcome, because }] of found)
      if (outcome === "refused") expect(because, name).toMatch(/bounds|row for each sample|rounding|several|gradient/);
  },
  600_000,
);

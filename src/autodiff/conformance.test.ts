import { expect, it } from "vitest";
import { examine, type Finding } from "../../test/support/conformance.ts";
import { conformanceModels, isInstalled } from "../../test/support/conformance-data.ts";

const note = isInstalled() ? "" : " (skipped: Debian's package libonnx-testdata is not installed)";

// `npm test -- src/autodiff/conformance.test.ts -u` writes the outcomes anew.
it.skipIf(!isInstalled())(
  `the models of the ONNX standard's own tests: none fails, and each ends as in test/fixtures/conformance.json${note}`,
  async () => {
    const found: [string, Finding][] = [];
    for (const name of conformanceModels()) found.push([name, await examine(name)]);
    expect(found.filter(([, { outcome }]) => outcome === "failed")).toEqual([]);
    const lines = found.map(([name, finding]) => `${JSON.stringify(name)}: ${JSON.stringify(finding)}`);
    await expect(`{\n${lines.join(",\n")}\n}\n`).toMatchFileSnapshot("../../test/fixtures/conformance.json");
  },
  300_000,
);

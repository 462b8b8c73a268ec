import { describe, expect, it } from "vitest";
import { conformanceModels, examine, type Finding, isInstalled } from "../../test/support/conformance.ts";

const note = isInstalled() ? "" : " (skipped: Debian's package libonnx-testdata is not installed)";

describe.skipIf(!isInstalled())(`the models of the ONNX standard's own tests${note}`, () => {
  it("differentiated, each ends as it did before, and none fails", async () => {
    const found: [string, Finding][] = [];
    for (const name of conformanceModels()) found.push([name, await examine(name)]);
    const lines = found.map(([name, finding]) => `${JSON.stringify(name)}: ${JSON.stringify(finding)}`);
    expect(found.filter(([, { outcome }]) => outcome === "failed")).toEqual([]);
    await expect(`{\n${lines.join(",\n")}\n}\n`).toMatchFileSnapshot("../../test/fixtures/conformance.json");
  }, 300_000);
});

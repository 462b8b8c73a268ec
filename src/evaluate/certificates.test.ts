import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkCertificate } from "../certify/certificate/check.ts";
import { readCertificate, readHeading } from "../certify/certificate/format.ts";
import { openDataset } from "../datasets/locate.node.ts";
import { openModel } from "../models/open.node.ts";
import { certificateLines, certifiedModel, provenOf } from "./certificates.ts";
import type { SampleRecord } from "./results/record.ts";

const FC = fileURLToPath(new URL("../../../shared/reference/certify/auto_lirpa/fc.onnx", import.meta.url));
const note = existsSync(FC) ? "" : " (skipped: there is no ../shared/reference/certify)";

describe.skipIf(note !== "")(`certificates of samples${note}`, () => {
  it("are written at the ε that is proven, by parts of the box where they have to be, or at a smaller ε", async () => {
    const [model, data] = await Promise.all([openModel(FC), openDataset("mnist")]);
    const certified = await certifiedModel(model, { norm: "linf", target: null });
    // Lines prove image 0, and branch and bound image 7; image 18 has a counterexample.
    const proven = [0, 7, 18].map((index) => ({ index, epsilon: 0.02 }));
    const lines: (string | undefined)[] = [];
    for await (const line of certificateLines(certified, data, { proven, epsilons: [0.001, 0.02], splits: 50 }))
      lines.push(line);
    await model.release();
    expect(readHeading(lines[0]!)).toEqual(certified.heading);
    const certificates = lines.slice(1).map((line, i) => readCertificate(line!, i + 2, certified.network));
    expect(certificates.map(({ sample }) => sample)).toEqual([0, 7, 18]);
    expect(certificates.map(({ leaves }) => leaves?.some((of) => of.length > 1) ?? false)).toEqual([
      false,
      true,
      false,
    ]);
    for (const certificate of certificates) expect(checkCertificate(certified.network, certificate).holds).toBe(true);
    const width = certificates.map(({ lower, upper }) => Math.max(...upper.map((u, i) => u - lower[i]!)));
    expect(width[0]).toBeCloseTo(0.04, 6);
    expect(width[1]).toBeCloseTo(0.04, 6);
    expect(width[2]).toBeCloseTo(0.002, 6);
  });
});

it("are for samples of which something is proven", () => {
  const records = [0.1, 0, null, undefined].map((certifiedEpsilon, index) => ({ index, certifiedEpsilon }));
  expect(provenOf(records as SampleRecord[])).toEqual([{ index: 0, epsilon: 0.1 }]);
});

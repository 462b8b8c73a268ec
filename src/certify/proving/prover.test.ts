import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { firstBatch } from "../../../test/support/datasets.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { openModel } from "../../models/open.node.ts";
import { openProver } from "./prover.ts";

const folder = new URL("../../../../shared/reference/certify/auto_lirpa/", import.meta.url);
const note = existsSync(folder) ? "" : " (skipped: there is no ../shared/reference/certify)";
const IMAGES = 8;
/** What is allowed for the rounding of float32, as a share of a bound. */
const ROUNDING = 0.03;

it.skipIf(note !== "")(`CROWN proves the MNIST images that auto_LiRPA's CROWN proves${note}`, async () => {
  const reference = JSON.parse(readFileSync(new URL("bounds_kw.json", folder), "utf8")) as {
    readonly epsilon: number;
    readonly CROWN: readonly (readonly number[])[];
  };
  const { x, labels } = await firstBatch(await openDataset("mnist"), IMAGES);
  const model = await openModel(fileURLToPath(new URL("kw.onnx", folder)));
  const prover = await openProver(model);
  const crown = prover.methods.find(({ name }) => name === "crown")!;
  const question = { x, labels: Int32Array.from(labels), epsilons: new Array<number>(IMAGES).fill(reference.epsilon) };
  const answers = await crown.decide(question);
  for (const [i, { kind, margin }] of answers.entries()) {
    const theirs = Math.min(...reference.CROWN[i]!);
    expect(kind).toBe(theirs > 0 ? "proven" : "open");
    expect(Math.abs(margin - theirs)).toBeLessThan(ROUNDING * Math.max(1, Math.abs(theirs)));
  }
  await prover.release();
  await model.release();
});

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { firstBatch } from "../../../test/support/datasets.ts";
import type { Batch, Dataset } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { openModel } from "../../models/open.node.ts";
import { argmax, tensor } from "../../tensor.ts";
import { openProver } from "./prover.ts";

const folder = new URL("../../../../shared/reference/certify/auto_lirpa/", import.meta.url);
const note = existsSync(folder) ? "" : " (skipped: there is no ../shared/reference/certify)";
const IMAGES = 8;

/** One sample of a data set. */
async function sampleAt(data: Dataset, index: number): Promise<Batch> {
  for await (const batch of data.batches({ batch: 1, offset: index })) return batch;
  throw new Error(`There is no sample ${index}.`);
}
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

it.skipIf(note !== "")(`an image that is of another class at few points of its box is refuted${note}`, async () => {
  const [image, label] = [3384, 2];
  const { x } = await sampleAt(await openDataset("mnist"), image);
  const model = await openModel(fileURLToPath(new URL("kw.onnx", folder)));
  const prover = await openProver(model, { splits: 100 });
  const question = { x, labels: Int32Array.of(label), epsilons: [0.1] };
  const [decision] = await prover.methods.at(-1)!.decide(question);
  expect(decision!.kind).toBe("refuted");
  const { input } = decision as Extract<typeof decision, { kind: "refuted" }>;
  const inside = [...input].every((v, i) => Math.abs(v - x.data[i]!) <= 0.1 + 2 ** -24 && v >= 0 && v <= 1);
  expect(inside).toBe(true);
  const logits = await model.logits(tensor("float32", x.dims, input));
  expect(argmax(logits.data, 0, 10)).not.toBe(label);
  await prover.release();
  await model.release();
});

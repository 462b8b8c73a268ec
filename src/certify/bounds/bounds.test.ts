import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { firstBatch } from "../../../test/support/datasets.ts";
import { runtime } from "../../../test/support/gradient-check.ts";
import { asClassifier } from "../../autodiff/differentiate.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import { readOnnx } from "../../onnx/file.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";
import { ball } from "./box.ts";
import type { Arithmetic } from "./enclose.ts";
import type { Method } from "./ends.ts";

const folder = new URL("../../../../shared/reference/certify/auto_lirpa/", import.meta.url);
const note = existsSync(folder) ? "" : " (skipped: there is no ../shared/reference/certify)";
/** Of the 20 images. */
const IMAGES = 10;

interface Reference {
  readonly epsilon: number;
  readonly labels: readonly number[];
  readonly IBP: readonly (readonly number[])[];
  readonly CROWN: readonly (readonly number[])[];
}
const reference = (name: string): Reference =>
  JSON.parse(readFileSync(new URL(`bounds_${name}.json`, folder), "utf8")) as Reference;

/** Lower bounds of the margins of each label to the nine other classes, in order. */
async function margins(name: string, method: Method, arithmetic: Arithmetic): Promise<Float64Array> {
  const { epsilon, labels } = reference(name);
  const { graph } = asClassifier(readOnnx(readFileSync(new URL(`${name}.onnx`, folder))));
  const { x } = await firstBatch(await openDataset("mnist"), IMAGES);
  const others = labels
    .slice(0, IMAGES)
    .flatMap((label, i) => [...Array(10).keys()].filter((k) => k !== label).map((k) => ({ i, label, k })));
  const seed = tensor("float32", [others.length, 10], new Float32Array(10 * others.length));
  for (const [row, { label, k }] of others.entries()) {
    seed.data[row * 10 + label] = 1;
    seed.data[row * 10 + k] = -1;
  }
  const bounds = await openBounds(graph, runtime, arithmetic);
  const box = ball(x as FloatTensor, epsilon, { lower: 0, upper: 1 });
  const lower = await bounds.lower(box, { seed, samples: Int32Array.from(others, ({ i }) => i) }, method);
  await bounds.release();
  return lower;
}

describe.skipIf(note !== "")(`bounds of MNIST images are those of auto_LiRPA 0.7.1${note}`, () => {
  it.each([
    ["fc", "ibp"],
    ["fc", "crown"],
    ["kw", "ibp"],
    ["kw", "crown"],
  ] as const)("%s, %s", async (name, method) => {
    const theirs = reference(name)[method === "ibp" ? "IBP" : "CROWN"].slice(0, IMAGES).flat();
    const relative = Array.from(
      await margins(name, method, "real"),
      (bound, i) => (bound - theirs[i]!) / Math.max(1, Math.abs(theirs[i]!)),
    );
    expect(Math.min(...relative)).toBeGreaterThan(-1e-4);
    // Better where intervals know more of a neuron than lines do, which auto_LiRPA does not combine.
    expect(Math.max(...relative)).toBeLessThan(method === "ibp" ? 1e-4 : 2e-3);
  });

  it("what is allowed for float32 makes them less by at most 3 % of a margin, and proves the same", async () => {
    for (const name of ["fc", "kw"]) {
      const [real, float32] = [await margins(name, "crown", "real"), await margins(name, "crown", "float32")];
      const loss = Array.from(real, (bound, i) => (bound - float32[i]!) / Math.max(1, Math.abs(bound)));
      expect(Math.min(...loss)).toBeGreaterThan(0);
      expect(Math.max(...loss)).toBeLessThan(0.03);
      expect([...float32].map((bound) => bound > 0)).toEqual([...real].map((bound) => bound > 0));
    }
  });
});

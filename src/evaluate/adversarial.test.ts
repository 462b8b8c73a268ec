import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fgsm } from "../attacks/gradient/fgsm.ts";
import type { Dataset } from "../dataset.ts";
import { openDataset } from "../datasets/locate.node.ts";
import type { GraphModel } from "../models/classifier/graph-model.ts";
import { openModel } from "../models/open.node.ts";
import { type AdversarialBatch, adversarialExamples } from "./adversarial.ts";
import { evaluate } from "./evaluation.ts";

const LENET = fileURLToPath(new URL("../../test/fixtures/pytorch/lenet_zip.pth", import.meta.url));
const wanted = { attacks: [fgsm], epsilons: [0, 0.1, 0.3] };

let model: GraphModel;
let data: Dataset;
beforeAll(async () => {
  [model, data] = await Promise.all([openModel(LENET, { arch: "lenet" }), openDataset("mnist")]);
});
afterAll(() => model.release());

async function collect(options: { target?: number; batch: number }): Promise<AdversarialBatch[]> {
  const all: AdversarialBatch[] = [];
  for await (const results of await adversarialExamples(model, data, { ...wanted, ...options, limit: 90 }))
    all.push(...results);
  return all;
}
const count = (
  batches: readonly AdversarialBatch[],
  epsilon: number,
  of: (b: AdversarialBatch, i: number) => boolean,
) =>
  batches
    .filter((b) => b.epsilon === epsilon)
    .reduce((sum, b) => sum + [...b.success.keys()].filter((i) => of(b, i)).length, 0);

describe("adversarialExamples", () => {
  it.each([undefined, 3])("agrees with the evaluation, target %s", async (target) => {
    const batches = await collect({ batch: 40, ...(target !== undefined && { target }) });
    const { evaluation } = await evaluate(model, data, { ...wanted, target: target ?? null, limit: 90 });
    expect(batches).toHaveLength(9);
    for (const { epsilon, correct, fooled } of evaluation.points) {
      expect(count(batches, epsilon, (b, i) => b.predictions[i] === b.batch.labels[i])).toBe(correct);
      expect(count(batches, epsilon, (b, i) => b.success[i] === 1)).toBe(fooled);
    }
  });

  it("moves only what was correct, by ε at most, inside the bounds", async () => {
    for (const { epsilon, batch, adversarial, success, distances } of await collect({ batch: 90 })) {
      let moved = 0;
      for (let i = 0; i < success.length; i++) {
        let most = 0;
        for (let j = 784 * i; j < 784 * (i + 1); j++) {
          most = Math.max(most, Math.abs(adversarial.data[j]! - batch.x.data[j]!));
          expect(adversarial.data[j]! >= 0 && adversarial.data[j]! <= 1).toBe(true);
        }
        expect(distances[i]).toBe(most);
        expect(most).toBeLessThanOrEqual(Math.fround(epsilon) + 1e-7);
        moved += Number(most > 0);
      }
      expect(moved).toBe(epsilon === 0 ? 0 : success.length - (90 - moved));
      if (epsilon === 0) expect(adversarial.data).toEqual(batch.x.data);
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { floats, lenetFile, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { type AnyAttack, judge } from "../../attack.ts";
import type { Batch } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { type GraphModel, openClassifier } from "../../models/classifier/graph-model.ts";
import { metered } from "../../models/wrapped/metered.ts";
import { l1, linf, type Norm } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { sparseL1 } from "../gradient/sparse-l1.ts";
import { cwLinf } from "./cw-linf.ts";
import { ead } from "./ead.ts";
import { fmn } from "./fmn.ts";

const FAR = 1e3;

/** Distances, Infinity where the goal was not reached; gradients asked about each sample. */
async function attacked(
  model: DifferentiableModel,
  attack: AnyAttack<DifferentiableModel>,
  { x, labels }: Pick<Batch, "x" | "labels">,
  norm: Norm,
  { epsilon = FAR, options = {} } = {},
): Promise<{ distances: number[]; gradients: number[] }> {
  const goal: Goal = { kind: "untargeted", labels };
  const indices = Int32Array.from(labels.keys());
  const meter = metered(model, Number.POSITIVE_INFINITY);
  const task = { model: meter.model, x, goal, norm, epsilons: [epsilon], indices, seed: 0 };
  const [candidates] = await attack.propose(task, options as never);
  const { success, distances } = await judge(model, x, candidates!, goal, norm, epsilon);
  return {
    distances: Array.from(distances, (distance, i) => (success[i] ? distance : Number.POSITIVE_INFINITY)),
    gradients: Array.from(indices, (index) => meter.of(index).gradients),
  };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe("on the fixture LeNet", () => {
  let lenet: GraphModel;
  let batch: Batch;
  beforeAll(async () => {
    lenet = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
    const data = await openDataset("mnist");
    for await (const first of data.batches({ batch: 100, limit: 100 })) batch = first;
  });
  afterAll(() => lenet.release());
  const first = (count: number) => ({
    x: floats([count, ...batch.x.dims.slice(1)], batch.x.data.subarray(0, count * 784)),
    labels: batch.labels.slice(0, count),
  });

  it("cw-linf comes within 5 % of FMN, and ends", async () => {
    const some = first(4);
    const ours = await attacked(lenet, cwLinf, some, linf);
    const { distances } = await attacked(lenet, fmn, some, linf, { options: { steps: 300 } });
    expect(mean(ours.distances) / mean(distances)).toBeLessThan(1.05);
    expect(Math.max(...ours.gradients)).toBeLessThanOrEqual(cwLinf.defaults.gradients);
    expect(Math.min(...ours.gradients)).toBeLessThan(cwLinf.defaults.gradients);
  });

  it("EAD is no farther than FMN in L1", async () => {
    const some = first(16);
    const [ours, theirs] = [await attacked(lenet, ead, some, l1), await attacked(lenet, fmn, some, l1)];
    expect(mean(ours.distances)).toBeLessThan(mean(theirs.distances));
  });

  it("sparse-l1 fools all but a third at most at ε = 10", async () => {
    const { distances } = await attacked(lenet, sparseL1, batch, l1, { epsilon: 10 });
    expect(mean(distances.map((distance) => Number(distance === Number.POSITIVE_INFINITY)))).toBeLessThan(0.34);
  });
});

describe("cw-linf", () => {
  it("finds distances far smaller than its first step", async () =>
    using(open(twoClassGraph(Float32Array.of(1, -1, 2), -0.502)), async (model) => {
      // The margin at .25, .25, .25 is -.002, and ‖w‖₁ = 4.
      const x = floats([1, 3], [0.25, 0.25, 0.25]);
      const { distances } = await attacked(model, cwLinf, { x, labels: Int32Array.of(0) }, linf);
      expect(distances[0]).toBeGreaterThan(0.0005 - 1e-6);
      expect(distances[0]).toBeLessThan(1.05 * 0.0005);
    }));

  it("moves elements that are 0 or 1", async () =>
    using(open(twoClassGraph(Float32Array.of(1, -1, 2), 0.7)), async (model) => {
      const x = floats([1, 3], [0, 1, 0]);
      const { distances } = await attacked(model, cwLinf, { x, labels: Int32Array.of(0) }, linf);
      expect(distances[0]).toBeGreaterThan(0.3 / 4 - 1e-6);
      expect(distances[0]).toBeLessThan((1.05 * 0.3) / 4);
    }));

  it("gives up at once where the gradient is dead", async () =>
    using(open(twoClassGraph(new Float32Array(2), -1)), async (model) => {
      const x = floats([1, 2], [0.2, 0.8]);
      const { distances, gradients } = await attacked(model, cwLinf, { x, labels: Int32Array.of(0) }, linf);
      expect(distances).toEqual([Number.POSITIVE_INFINITY]);
      expect(gradients).toEqual([1]);
    }));

  it("refuses options that make no sense", async () =>
    using(open(twoClassGraph(new Float32Array(2))), async (model) => {
      const sample = { x: floats([1, 2], [0.2, 0.8]), labels: Int32Array.of(0) };
      for (const options of [
        { steps: 0 },
        { gradients: 1.5 },
        { shrinkage: 1 },
        { constantFactor: 1 },
        { constant: 0 },
      ])
        await expect(attacked(model, cwLinf, sample, linf, { options })).rejects.toThrow(Object.keys(options)[0]);
    }));
});

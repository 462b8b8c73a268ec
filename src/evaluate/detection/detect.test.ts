import { describe, expect, it } from "vitest";
import {
  arrayDataset,
  floats,
  graphOf,
  linearGraph,
  numbers,
  open,
  smallNetwork,
  using,
} from "../../../test/support/models.ts";
import { apgdDlr } from "../../attacks/gradient/apgd.ts";
import { pgd } from "../../attacks/gradient/pgd.ts";
import { callbackModel } from "../../models/callback.ts";
import { defend } from "../../models/defences/front.ts";
import { logitDistance } from "../../models/detectors/logit-distance.ts";
import { squeeze } from "../../models/detectors/squeeze.ts";
import { openModel } from "../../models/open.node.ts";
import { openDataset } from "../../node.ts";
import { detect } from "./detect.ts";

const data = await openDataset("mnist");
const attacks = [pgd.with({ steps: 10, stopAtSuccess: false })];

describe("detect", () => {
  it("finds LeNet's adversarial digits, until attacks know the detector", { timeout: 60_000 }, async () => {
    const model = await openModel("lenet-mnist");
    const options = { detector: logitDistance, epsilons: [0.15, 0.25], limit: 200, attacks };
    const passes: string[] = [];
    const found = await detect(model, data, {
      ...options,
      onProgress: (pass, done, total) => passes.push(`${pass} ${done}/${total}`),
    });
    expect(found.data).toEqual({ name: "mnist", fit: 100, measured: 100, seed: 0 });
    expect(found.clean.falsePositives).toBe(0.01);
    expect(new Set(passes)).toEqual(
      new Set(["fitting 100/100", "measuring 100/100", "attacking 100/100", "adapting 100/200", "adapting 200/200"]),
    );
    for (const { unaware, adaptive } of found.points) {
      expect(adaptive.fooled).toBeGreaterThanOrEqual(unaware.fooled);
      expect(adaptive.undetected).toBeGreaterThan(unaware.undetected);
      expect(adaptive.auroc!).toBeLessThan(unaware.auroc!);
    }
    expect(found.warnings.map(({ code }) => code)).not.toContain("detector-stands");
    const { graph: _, ...again } = await detect(model, data, { ...options, batch: 37 });
    const { graph: __, ...first } = found;
    expect(again).toEqual(first);
    await model.release();
  });

  it("warns of a detector that stands", async () => {
    const model = await openModel("lenet-mnist");
    const { points, warnings } = await detect(model, data, {
      detector: squeeze(["bits:1"]),
      epsilons: [0.1],
      limit: 100,
      attacks: [pgd.with({ steps: 5 })],
    });
    await model.release();
    expect(points[0]!.adaptive.tpr).toBeGreaterThan(0.5);
    expect(warnings.find(({ code }) => code === "detector-stands")!.message).toMatch(
      /still detects .* % of the \d+ samples .* they are too weak/,
    );
  });

  it("says nothing of attacks that fool no sample", async () => {
    const x = floats([100, 2], numbers(200, 3, 0, 1));
    const labels = Array.from({ length: 100 }, (_, i) => Number(x.data[2 * i]! > x.data[2 * i + 1]!));
    const graph = linearGraph([2], Float32Array.of(-5, 5, 5, -5), [0, 0]);
    await using(open(graph), async (model) => {
      const found = await detect(model, arrayDataset(x, labels), { detector: logitDistance, epsilons: [0], attacks });
      const none = { fooled: 0, auroc: null, tpr: null, undetected: 0 };
      expect(found.points).toEqual([{ epsilon: 0, unaware: none, adaptive: none }]);
    });
  });

  it("refuses models that it cannot watch, and attacks that need more classes", async () => {
    const x = floats([100, 1, 8, 8], numbers(6400, 3, 0, 1));
    const some = arrayDataset(
      x,
      Array.from({ length: 100 }, (_, i) => i % 3),
    );
    const options = { detector: squeeze(), epsilons: [0.1], attacks };
    const network = smallNetwork([1, 8, 8], 3);
    const sigmoid = graphOf([1, 8, 8], (b, v) =>
      b.add("Sigmoid", [b.slice(b.add("Flatten", [v], { axis: 1 }), [1], [0], [3])]),
    );
    const refused = (graph: typeof network, more: Partial<Parameters<typeof detect>[2]> = {}) =>
      using(open(graph), (model) =>
        detect(model, some, { ...options, ...more }).then(
          () => "",
          (error: Error) => error.message,
        ),
      );
    expect(await refused(sigmoid)).toMatch(/head of the kind sigmoid/);
    expect(await refused(defend(network, { defences: ["noise"] }))).toMatch(/draws at random/);
    const noisy = graphOf([1, 8, 8], (b, v) => {
      const flat = b.add("Flatten", [v], { axis: 1 });
      return b.slice(b.plus(flat, b.add("RandomNormalLike", [flat], { dtype: 1 })), [1], [0], [3]);
    });
    expect(await refused(noisy)).toMatch(/draws at random or trains, .*RandomNormalLike/);
    expect(await refused(network, { detector: undefined as never })).toMatch(/detector of detect must be a detector/);
    expect(await refused(network, { epsilons: undefined as never })).toMatch(/epsilons of detect must be a list/);
    expect(() => squeeze([])).toThrow(/squeezers must be a list of at least one/);
    expect(() => squeeze("bits:1" as never)).toThrow(/squeezers must be a list of at least one/);
    expect(await refused(network, { attacks: [apgdDlr] })).toMatch(/apgd-dlr compares three classes or more/);
    expect(await refused(network, { attacks: [pgd.with({ loss: "dlr" })] })).toMatch(/pgd compares .*its loss is dlr/);
    expect(await refused(network, { limit: 99 })).toMatch(/each needs 50/);
    expect(await refused(network, { detector: squeeze(["median:7"]), fit: 2 })).toMatch(/between 0 and 1/);
    const ask = async () => floats([1, 3], [0, 0, 0]);
    const callback = callbackModel({ name: "f", inputShape: [1, 8, 8], classes: 3, ask });
    await expect(detect(callback, some, options)).rejects.toThrow(/f is no graph/);
    await using(open(linearGraph([4], numbers(12, 1), [0, 0, 0])), async (model) => {
      const flat = arrayDataset(
        floats([100, 4], numbers(400, 3, 0, 1)),
        Array.from({ length: 100 }, (_, i) => i % 3),
      );
      await expect(detect(model, flat, options)).rejects.toThrow(/median is for pictures/);
    });
  });
});

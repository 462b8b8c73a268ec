import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { openDataset } from "../datasets/locate.node.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { schedules } from "../train/schedule.ts";
import { harden } from "./harden.ts";
import { nFgsm } from "./methods/n-fgsm.ts";

it("catastrophic overfitting to FGSM without a random start happens, and is noticed and taken back", async () => {
  // A network that withstands ε = 0.3, trained on with few samples and a high rate.
  const robust = new Uint8Array(readFileSync(new URL("../../models/conv-mnist-robust.onnx", import.meta.url)));
  const { history, best, model, last } = await harden(robust, await openDataset("mnist", { split: "train" }), {
    method: nFgsm.with({ noise: 0 }),
    epsilon: 0.3,
    rate: 0.01,
    schedule: schedules.constant,
    epochs: 1,
    batch: 32,
    limit: 400,
    validation: 60,
    runtimes: [nodeRuntime("cpu", 1)],
  });
  const [before, after] = history.map(({ validation }) => validation);
  expect(before!.pgd).toBeGreaterThan(45);
  // It withstands FGSM and is right without attack, and PGD fools it.
  expect(after!.clean).toBeGreaterThan(45);
  expect(after!.fgsm).toBeGreaterThan(30);
  expect(after!.pgd).toBeLessThan(15);
  expect(history[1]!.rolledBackTo).toBe(0);
  expect(best).toBe(0);
  // The weights that were taken back are those of the file.
  for (const bytes of [model, last]) expect(Buffer.compare(bytes, robust)).toBe(0);
});

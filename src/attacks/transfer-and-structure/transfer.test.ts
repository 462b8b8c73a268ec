import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { floats, lenetFile, numbers, open, smallNetwork } from "../../../test/support/models.ts";
import { type AttackTask, judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { DifferentiableModel, Goal, Model } from "../../model.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { readModel } from "../../models/formats/read.ts";
import { norms } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { apgdCe } from "../gradient/apgd.ts";
import { miFgsm } from "../gradient/mi-fgsm.ts";
import { transfer } from "./transfer.ts";

describe("transfer", () => {
  const [n, shape, classes] = [4, [6], 3];
  const surrogate = open(smallNetwork(shape, classes, 11));
  afterAll(() => surrogate.release());
  const unasked: Model = {
    name: "target",
    inputShape: shape,
    classes,
    bounds: surrogate.bounds,
    head: "logits",
    logits: () => Promise.reject(new Error("The target was asked.")),
  };
  const x = floats([n, ...shape], numbers(n * 6, 1, 0, 1));
  const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0, 1, 2, 0) };
  const indices = Int32Array.of(3, 4, 5, 6);
  const task: AttackTask<Model> = {
    model: unasked,
    x,
    goal,
    norm: norms.linf,
    epsilons: [0.05, 0.3],
    indices,
    seed: 0,
    surrogate,
  };
  const there: AttackTask<DifferentiableModel> = { ...task, model: surrogate };

  it("gives the points of MI-FGSM on the surrogate, which goes on past success, and asks the target nothing", async () => {
    const start = { logits: x, loss: x, gradient: { ...x, data: x.data.map(() => 1) } };
    expect(await transfer.propose({ ...task, start })).toEqual(
      await miFgsm.propose(there, { ...miFgsm.defaults, stopAtSuccess: false }),
    );
  });

  it("gives what another method finds at each ε by itself", async () => {
    const alone = await Promise.all(task.epsilons.map((epsilon) => apgdCe.propose({ ...there, epsilons: [epsilon] })));
    expect(await transfer.propose(task, { method: "apgd-ce" })).toEqual(alone.flat());
  });

  it.each([
    ["usage", "`surrogate`", { surrogate: undefined }, {}],
    ["usage", "cw", {}, { method: "cw" as "pgd" }],
    ["usage", "l2", { norm: norms.l2 }, { method: "ni-fgsm" }],
    ["usage", "gradients", { surrogate: unasked as DifferentiableModel }, {}],
    ["mismatch", "classes", { surrogate: { ...surrogate, classes: 4 } }, {}],
    ["mismatch", "inputShape", { surrogate: { ...surrogate, inputShape: [7] } }, {}],
    ["mismatch", "bounds", { surrogate: { ...surrogate, bounds: { lower: -1, upper: 1 } } }, {}],
  ] as const)("throws %s that names %s", async (code, part, given, options) => {
    await expect(transfer.propose({ ...task, ...given }, options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(part),
    });
  });
});

it("carries over from one LeNet to another of other weights", async () => {
  const runtime = nodeRuntime("cpu", 1);
  const model = openClassifier(lenetFile(), runtime);
  const bundled = new Uint8Array(readFileSync(new URL("../../../models/lenet-mnist.onnx", import.meta.url)));
  const surrogate = openClassifier(
    classifierFile(readModel(bundled, "lenet-mnist.onnx"), { name: "lenet-mnist" }),
    runtime,
  );
  const mnist = await openDataset("mnist");
  for await (const { x, labels, indices } of mnist.batches({ batch: 200, limit: 200 })) {
    const goal: Goal = { kind: "untargeted", labels };
    const epsilons = [0.1, 0.2, 0.3];
    const task = { model, x, goal, norm: norms.linf, epsilons, indices, seed: 0, surrogate };
    const candidates = await transfer.propose(task);
    const fooled: number[] = [];
    for (const [k, epsilon] of epsilons.entries()) {
      const { success } = await judge(model, x, candidates[k]!, goal, norms.linf, epsilon);
      fooled.push(success.filter((done) => done === 1).length);
    }
    // FGSM on the surrogate: 8, 30 and 74.
    expect(fooled[0]).toBeGreaterThanOrEqual(7);
    expect(fooled[1]).toBeGreaterThanOrEqual(40);
    expect(fooled[2]).toBeGreaterThanOrEqual(105);
  }
  await Promise.all([model.release(), surrogate.release()]);
});

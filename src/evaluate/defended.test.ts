import { afterAll, describe, expect, it } from "vitest";
import { scratch } from "../../test/support/cli.ts";
import { arrayDataset, floats, numbers, open, twoClassGraph, using } from "../../test/support/models.ts";
import { fgsm } from "../attacks/gradient/fgsm.ts";
import { pgd } from "../attacks/gradient/pgd.ts";
import { defend } from "../models/defences/front.ts";
import { openModelGraph } from "../models/open.node.ts";
import { folderState, openDataset } from "../node.ts";
import { evaluate, openEvaluation } from "./evaluation.ts";

const space = scratch();
afterAll(space.remove);

const lenet = (await openModelGraph("lenet-mnist")).graph;
const mnist = await openDataset("mnist");

describe("an evaluation of a model with a defence", () => {
  it("attacks JPEG adaptively: what is left is that of the network alone, far below what JPEG claims (Athalye et al. 2018)", async () => {
    const options = { attacks: [pgd.with({ steps: 20 })], epsilons: [0.2, 0.3], limit: 60, followUp: false };
    const of = (graph: typeof lenet) => using(open(graph), (model) => evaluate(model, mnist, options));
    const bare = await of(lenet);
    const { evaluation } = await of(defend(lenet, { defences: ["jpeg:75"] }));
    expect(bare.evaluation.defence).toBeUndefined();
    expect(evaluation.defence!.names).toEqual(["jpeg:75"]);
    expect(evaluation.defence!.undefended).toEqual({ ...bare.evaluation.clean, confusion: undefined });
    for (const [k, { accuracy }] of evaluation.worst.entries()) {
      expect(Math.abs(accuracy - bare.evaluation.worst[k]!.accuracy)).toBeLessThan(0.05);
    }
    expect(evaluation.defence!.unadapted[0]!.accuracy).toBeGreaterThan(evaluation.worst[0]!.accuracy + 0.3);
    const told = evaluation.warnings.find(({ code }) => code === "defence")!.message;
    expect(told).toMatch(
      /^The model has a defence in front of its network: jpeg:75\. Attacks know it: .* 6 of its nodes/,
    );
    expect(evaluation.warnings.map(({ code }) => code)).not.toContain("straight-through");
  });

  it("claims exactly what is left where the gradients with and without the defence are the same", async () => {
    const [n, size] = [40, 12];
    const graph = twoClassGraph(numbers(size, 1), 0.1);
    const x = floats([n, size], numbers(n * size, 2, 0, 1));
    await using(open(graph), async (bare) => {
      const labels = [...(await bare.logits(x)).data].flatMap((_, i, z) => (i % 2 ? [Number(z[i]! > z[i - 1]!)] : []));
      const data = arrayDataset(x, labels, 2);
      const options = { attacks: [fgsm], epsilons: [0.05, 0.1, 0.2], followUp: false };
      await using(open(defend(graph, { defences: ["bits:5"] })), async (model) => {
        for (const batch of [7, 40]) {
          const { evaluation } = await evaluate(model, data, { ...options, batch });
          expect(evaluation.defence!.undefended.correct).toBe(n);
          expect(evaluation.defence!.unadapted.map(({ correct }) => correct)).toEqual(
            evaluation.worst.map(({ correct }) => correct),
          );
          expect(evaluation.cost.gradients).toBe(n + evaluation.clean.correct);
        }
      });
    });
  });

  it("goes on where it was left, with the same claims", async () => {
    const options = { attacks: [fgsm], epsilons: [0.1, 0.2], limit: 40, batch: 10, followUp: false };
    await using(open(defend(lenet, { defences: ["median:3"] })), async (model) => {
      const whole = await evaluate(model, mnist, options);
      const state = () => folderState(`${space.path}/parts`, { resume: true });
      const begun = await openEvaluation(model, mnist, { ...options, state: state() });
      for await (const { done } of begun) if (done >= 20) break;
      await begun.close();
      const rest = await openEvaluation(model, mnist, { ...options, state: state() });
      const { evaluation } = await rest.finish();
      expect(rest.resumed).toBe(20);
      await rest.close();
      expect(evaluation.defence).toEqual(whole.evaluation.defence);
    });
  });
});

it("no more is claimed at one ε because smaller ones were asked, too", async () => {
  await using(open(defend(lenet, { defences: ["median:3"] })), async (model) => {
    const options = { attacks: [pgd.with({ steps: 10 })], limit: 60, followUp: false };
    const of = (epsilons: readonly number[]) => evaluate(model, mnist, { ...options, epsilons });
    const [{ evaluation: alone }, { evaluation: several }] = [await of([0.2]), await of([0.05, 0.1, 0.2])];
    expect(several.worst[2]!.correct).toBeLessThanOrEqual(alone.worst[0]!.correct);
    expect(several.defence!.unadapted[2]!.correct).toBeLessThanOrEqual(alone.defence!.unadapted[0]!.correct);
  });
});

it.each([
  ["jpeg:75", /test begins with jpeg:75, which rounds, and of that no bounds are known/],
  ["noise:0.1", /test begins with noise:0\.1, which draws at random/],
])("nothing is proven of a model that begins with %s", async (text, message) => {
  await using(open(defend(lenet, { defences: [text] })), async (model) => {
    const options = { attacks: [fgsm], epsilons: [0.1], limit: 2, certify: true };
    await expect(evaluate(model, mnist, options)).rejects.toThrow(message);
  });
});

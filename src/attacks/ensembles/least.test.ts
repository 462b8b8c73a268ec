import { expect, it } from "vitest";
import { floats, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { judge } from "../../attack.ts";
import type { DifferentiableModel, Goal } from "../../model.ts";
import { norms } from "../../norm.ts";
import { least } from "./least.ts";

it.each(["l2", "linf", "l1"] as const)("finds points by decisions where gradients are 0, in %s", async (name) =>
  using(open(twoClassGraph(Float32Array.of(1, -1, 2), 0.7)), async (model) => {
    const blind: DifferentiableModel = {
      ...model,
      logits: (x, samples) => model.logits(x, samples),
      gradient: async (...given) => {
        const answer = await model.gradient(...given);
        return { ...answer, gradient: { ...answer.gradient, data: answer.gradient.data.map(() => 0) } };
      },
    };
    // The margin is -0.3: the nearest point lies at 0.3 / ‖w‖ in the dual norm.
    const x = floats([1, 3], [0, 1, 0]);
    const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0) };
    const norm = norms[name];
    const task = { model: blind, x, goal, norm, epsilons: [9], indices: Int32Array.of(0), seed: 0 };
    const [candidates] = await least.propose(task, { effort: 0.1, queries: 2000 });
    const { success, distances } = await judge(model, x, candidates!, goal, norm, 9);
    const nearest = 0.3 / norms[norm.dual].length(Float32Array.of(1, -1, 2));
    expect(success[0]).toBe(1);
    expect(distances[0]).toBeGreaterThan(nearest * (1 - 1e-4));
    // In L1 it looks in L2: all three elements move.
    expect(distances[0]).toBeLessThan(nearest * (name === "l1" ? 2 : 1.1));
  }),
);

import { expect, it } from "vitest";
import { classifierFile } from "../../../src/models/classifier/classifier.ts";
import { openClassifier } from "../../../src/models/classifier/graph-model.ts";
import { nodeRuntime } from "../../../src/runtime/ort.node.ts";
import { numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import type { AttackRequest } from "../engine.ts";
import { batchOf } from "./answer.ts";
import { attackOne } from "./one.ts";

const SHAPE = [1, 4, 4];
const x = numbers(16, 3, 0, 1);
const graph = smallNetwork(SHAPE, 3);
const context = { surrogate: undefined, data: undefined, signal: new AbortController().signal, progress: undefined };

/** An attack on x, labelled as the model predicts it. */
async function request(attack: string, model = open(graph)): Promise<AttackRequest> {
  const { prediction } = await using(model, async () => {
    const { data } = await model.logits(batchOf(model, x));
    return { prediction: data.indexOf(Math.max(...data)) };
  });
  return {
    model: "test",
    x,
    label: prediction,
    index: 5,
    epsilon: 0.3,
    attack,
    options: {},
    norm: "linf",
    target: null,
    seed: 0,
    levels: null,
    surrogate: null,
  };
}

it("does not count the time in which graphs are loaded", async () => {
  const LOADING = 400;
  const runtime = nodeRuntime("cpu", 1);
  const slow = openClassifier(classifierFile(graph, { name: "test" }), {
    ...runtime,
    async load(bytes, folder) {
      await new Promise((resolve) => setTimeout(resolve, LOADING));
      return runtime.load(bytes, folder);
    },
  });
  const { attacked, gradients, seconds } = await attackOne(slow, await request("fgsm"), context);
  expect([attacked, gradients > 0]).toEqual([true, true]);
  expect(1000 * seconds).toBeLessThan(LOADING);
  await slow.release();
});

it("does not let an attack learn from the sample that it attacks", async () => {
  const model = open(graph);
  await expect(attackOne(model, await request("universal"), context)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringMatching(/universal learns from samples.*Open a \.npz file/),
  });
  await model.release();
});

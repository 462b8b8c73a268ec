import { expect, it } from "vitest";
import { floats, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { attacks } from "../../attacks/index.ts";
import { datasetOf } from "../../datasets/in-memory.ts";
import { evaluate } from "../../evaluate/evaluation.ts";
import { callbackModel } from "../callback.ts";
import { inPieces } from "./in-pieces.ts";

const x = floats([10, 6], numbers(60, 1, 0, 1));

it("gives what the model gives, samples and goals in their places", async () => {
  await using(open(smallNetwork([6], 3)), async (model) => {
    const pieces = inPieces(model, 4);
    expect(await pieces.logits(x)).toEqual(await model.logits(x));
    const labels = Int32Array.from({ length: 10 }, (_, i) => i % 3);
    const targets = labels.map((k) => (k + 1) % 3);
    for (const goal of [{ kind: "untargeted", labels } as const, { kind: "targeted", labels, targets } as const]) {
      const [whole, cut] = [await model.gradient(x, goal), await pieces.gradient(x, goal)];
      for (const key of ["logits", "loss", "gradient"] as const) expect(cut[key]).toEqual(whole[key]);
    }
  });
});

it("an evaluation and the checks that follow it never ask about more samples than a batch has", async () => {
  let most = 0;
  const model = callbackModel({
    name: "f",
    inputShape: [6],
    classes: 2,
    ask: async ({ data, dims: [n = 0] }) => {
      most = Math.max(most, n);
      return floats([n, 2], Array.from({ length: n }, (_, i) => [data[6 * i]!, 0.5]).flat());
    },
  });
  // Half of the labels are wrong, so that a cause is looked for.
  const data = datasetOf({
    x: floats([60, 6], numbers(360, 2, 0, 1)),
    shape: [6],
    labels: Array.from({ length: 60 }, (_, i) => i % 2),
  });
  await evaluate(model, data, { attacks: [attacks.square.with({ queries: 20 })], epsilons: [0.1], batch: 7 });
  expect(most).toBe(7);
});

import { expect, it } from "vitest";
import { using } from "../../test/support/models.ts";
import { predict } from "../attack.ts";
import { openDataset } from "../datasets/locate.node.ts";
import type { BundledModel } from "./bundled.ts";
import { openModel } from "./open.node.ts";

/** How many of the first 1,000 test images PyTorch classifies rightly with the same weights. */
const CORRECT = { "conv-mnist-robust": 993 } satisfies Partial<Record<BundledModel, number>>;

it.each(Object.entries(CORRECT))("%s classifies as it does in PyTorch", async (name, expected) => {
  const mnist = await openDataset("mnist");
  await using(await openModel(name), async (model) => {
    expect([model.inputShape, model.classes, model.head]).toEqual([[1, 28, 28], 10, "logits"]);
    let correct = 0;
    for await (const { x, labels, indices } of mnist.batches({ batch: 250, limit: 1000 }))
      correct += predict(await model.logits(x, indices)).filter((label, i) => label === labels[i]).length;
    expect(correct).toBe(expected);
  });
});

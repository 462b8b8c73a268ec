import { expect, it } from "vitest";
import { smallNetwork } from "../../../test/support/models.ts";
import { detectionDocument } from "./detection.ts";
import { detectionJsonSchema, detectionSchema } from "./detection-schema.ts";

// After a change on purpose: npx vitest run src/report/files/detection-schema.test.ts -u
it("schema/detection.schema.json is what is written", async () => {
  await expect(`${JSON.stringify(detectionJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    "../../../schema/detection.schema.json",
  );
});

it("the schema takes what is written", () => {
  const about = { name: "net.onnx", sha256: null, inputShape: [3], classes: 2, head: "logits" as const };
  const document = detectionDocument({
    model: { ...about, parameters: null, bounds: { lower: 0, upper: 1 }, preprocessing: null },
    data: { name: "points", fit: 50, measured: 60, seed: 0 },
    detector: { name: "squeeze", settings: ["bits:1"], paper: "https://arxiv.org/abs/1704.01155" },
    attacks: ["pgd"],
    norm: "linf",
    threshold: 0.5,
    clean: { correct: 55, falsePositives: 0 },
    points: [
      {
        epsilon: 0.1,
        unaware: { fooled: 0, auroc: null, tpr: null, undetected: 0 },
        adaptive: { fooled: 4, auroc: 0.75, tpr: 0.5, undetected: 2 },
      },
    ],
    warnings: [],
    graph: smallNetwork([3], 2),
  });
  expect(detectionSchema.parse(JSON.parse(JSON.stringify(document)))).toEqual(document);
});

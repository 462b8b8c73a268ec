import { expect, it } from "vitest";
import { calibrationFigures } from "../../evaluate/calibration/figures.ts";
import { tensor } from "../../tensor.ts";
import { calibrationDocument } from "./calibration.ts";
import { calibrationJsonSchema, calibrationSchema } from "./calibration-schema.ts";

// After a change on purpose: npx vitest run src/report/files/calibration-schema.test.ts -u
it("schema/calibration.schema.json is what is written", async () => {
  await expect(`${JSON.stringify(calibrationJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    "../../../schema/calibration.schema.json",
  );
});

it("the schema takes what is written", () => {
  const figures = (t: number) =>
    calibrationFigures(tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 0)), Int32Array.of(0, 0), t);
  const both = { before: figures(1), after: figures(2) };
  const about = { name: "net.onnx", sha256: null, inputShape: [3], classes: 2, head: "logits" as const };
  const document = calibrationDocument({
    model: { ...about, parameters: null, bounds: { lower: 0, upper: 1 }, preprocessing: null },
    data: { name: "points", fit: 50, measured: 2, seed: 0 },
    temperature: 2,
    clean: both,
    attacked: [{ attacks: ["pgd"], norm: "linf", epsilon: 0.1, ...both }],
    warnings: [],
  });
  const parsed = calibrationSchema.parse(JSON.parse(JSON.stringify(document)));
  expect(parsed).toEqual(document);
  expect(parsed.clean.after.bins).toHaveLength(15);
});

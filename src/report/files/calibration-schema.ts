import { z } from "zod";
import type { CalibrationDocument } from "./calibration.ts";

const count = z.int().min(0);
const share = z.number().min(0).max(1);

const figures = z.strictObject({
  samples: count,
  accuracy: share,
  confidence: share.describe("Mean probability of the class that is predicted."),
  ece: share.describe("Expected calibration error, 15 bins of equal width."),
  adaptiveEce: share.describe("The same, 15 bins of as many samples each."),
  brier: z.number().min(0).max(2),
  nll: z.number().min(0).describe("Mean of -log p of the label, in nats."),
  bins: z
    .array(z.strictObject({ from: share, to: share, samples: count, confidence: share, accuracy: share }))
    .describe("Of ece: samples with a confidence above from, and at most at to."),
});
const beforeAfter = { before: figures.describe("T = 1."), after: figures.describe("With the temperature.") };

/** What `perturb calibrate` writes as JSON. */
export const calibrationSchema = z.strictObject({
  schema: z.literal(1),
  perturb: z.string().describe("The version that wrote it."),
  model: z.strictObject({
    name: z.string(),
    sha256: z.string().nullable().describe("Of its file; null of a model that is no file."),
    classes: count,
    inputShape: z.array(count),
    head: z.string(),
  }),
  data: z.strictObject({
    name: z.string(),
    fit: count.describe("Samples that gave the temperature."),
    measured: count.describe("The others: all figures are theirs."),
    seed: count,
  }),
  temperature: z.number().positive().describe("T: probabilities are softmax(logits / T)."),
  clean: z.strictObject(beforeAfter),
  attacked: z.array(
    z.strictObject({ attacks: z.array(z.string()), norm: z.string(), epsilon: z.number().min(0), ...beforeAfter }),
  ),
  warnings: z.array(z.strictObject({ code: z.string(), message: z.string() })),
}) satisfies z.ZodType<CalibrationDocument>;

/** The JSON Schema of that document: schema/calibration.schema.json. */
export function calibrationJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(calibrationSchema, { target: "draft-2020-12" });
  return { $schema, $id: "urn:perturb:calibration:1", title: "perturb calibration", ...schema };
}

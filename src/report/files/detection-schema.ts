import { z } from "zod";
import type { DetectionDocument } from "./detection.ts";

const count = z.int().min(0);
const share = z.number().min(0).max(1);

const figures = z.strictObject({
  fooled: count.describe("Samples that are correct when clean, and of another class now."),
  auroc: share.nullable().describe("Of the fooled against all clean samples; null where none is fooled."),
  tpr: share.nullable().describe("The share of the fooled with a score above the threshold."),
  undetected: count.describe("Fooled, with a score that is not."),
});

/** What `perturb detect` writes as JSON. */
export const detectionSchema = z.strictObject({
  schema: z.literal(1),
  perturb: z.string().describe("The version that wrote it."),
  model: z.strictObject({
    name: z.string(),
    sha256: z.string().nullable().describe("Of its file."),
    classes: count,
    inputShape: z.array(count),
  }),
  data: z.strictObject({
    name: z.string(),
    fit: count.describe("Clean samples that the detector learned from."),
    measured: count.describe("The others: all figures are theirs."),
    seed: count,
  }),
  detector: z.strictObject({ name: z.string(), settings: z.array(z.string()), paper: z.string() }),
  attacks: z.array(z.string()),
  norm: z.string(),
  threshold: z.number().describe("Above it, a sample is taken for adversarial."),
  clean: z.strictObject({
    correct: count.describe("Samples that are attacked."),
    falsePositives: share.describe("Of the measured samples, clean."),
  }),
  points: z.array(
    z.strictObject({
      epsilon: z.number().min(0),
      unaware: figures.describe("Attacks that do not know of the detector."),
      adaptive: figures.describe("Attacks with the detector in their loss."),
    }),
  ),
  warnings: z.array(z.strictObject({ code: z.string(), message: z.string() })),
}) satisfies z.ZodType<DetectionDocument>;

/** The JSON Schema of that document: schema/detection.schema.json. */
export function detectionJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(detectionSchema, { target: "draft-2020-12" });
  return { $schema, $id: "urn:perturb:detection:1", title: "perturb detection", ...schema };
}

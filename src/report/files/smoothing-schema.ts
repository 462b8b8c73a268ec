import { z } from "zod";
import type { SmoothingDocument } from "./smoothing.ts";

const count = z.int().min(0);
const share = z.number().min(0).max(1);
const radius = z.number().min(0).describe("In L2, in units of the input.");

/** What `perturb certify --smoothing` writes as JSON. */
export const smoothingSchema = z.strictObject({
  schema: z.literal(1),
  perturb: z.string().describe("The version that wrote it."),
  meaning: z.string().describe("What a certificate says, and what not."),
  model: z.strictObject({
    name: z.string(),
    sha256: z.string().nullable().describe("Of its file; null of a model that is no file."),
    classes: count,
    inputShape: z.array(count),
  }),
  data: z.strictObject({ name: z.string(), offset: count, total: count }),
  smoothing: z.strictObject({
    norm: z.literal("l2"),
    sigma: z.number().positive().describe("The standard deviation of the noise, rounded to float32."),
    selection: count.describe("n0: draws that choose the class."),
    draws: count.describe("n: draws that bound its probability."),
    alpha: z.number().describe("The probability at which a certificate may be wrong."),
    seed: count,
    largestRadius: radius,
  }),
  figures: z.strictObject({
    samples: count,
    abstained: count,
    averageRadius: radius.describe("The average certified radius (ACR): 0 counts where the class is not the label."),
    certified: z.array(z.strictObject({ radius, correct: count, accuracy: share })),
  }),
  samples: z.array(
    z.strictObject({
      index: count.describe("In the data set."),
      label: count,
      class: z.int().min(-1).describe("Of the smoothed classifier; -1 where it abstains."),
      correct: z.boolean(),
      radius,
      abstained: z.boolean(),
      lower: share.describe("Lower bound of the probability of the class chosen."),
      count: count.describe("Of the n draws, those that gave the class chosen."),
      seconds: z.number().min(0),
    }),
  ),
  warnings: z.array(z.strictObject({ code: z.string(), message: z.string() })),
}) satisfies z.ZodType<SmoothingDocument>;

/** The JSON Schema of that document: schema/smoothing.schema.json. */
export function smoothingJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(smoothingSchema, { target: "draft-2020-12" });
  return { $schema, $id: "urn:perturb:smoothing:1", title: "perturb certificates by smoothing", ...schema };
}

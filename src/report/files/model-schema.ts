import { z } from "zod";

const count = z.int().min(0);
const side = z.union([count, z.tuple([count, count])]);

/** What a report says of a model, and of what stands in front of it. */
export const model = z.strictObject({
  name: z.string(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .describe("SHA-256 of the file's bytes, hex; null for a model that is no file."),
  inputShape: z.array(count).describe("Shape of one sample; of pictures at their own size, that of the largest."),
  classes: count,
  head: z
    .enum([
      "logits",
      "softmax",
      "log-softmax",
      "sigmoid",
      "monotone",
      "binary",
      "binary-sigmoid",
      "hidden",
      "labels",
      "multi-label",
    ])
    .describe(
      "What the model gives. sigmoid: a probability for each class by itself; monotone: scores behind another function that keeps their order; binary, binary-sigmoid: one score, that of class 1; hidden: probabilities without visible logits; labels: 1 for the class predicted, 0 for all others; multi-label: a score for each label by itself, read as class 0 for a set of labels that is right as a whole, and class k for the k-th label of `labels` being the one farthest wrong.",
    ),
  parameters: count.nullable(),
  bounds: z
    .strictObject({ lower: z.number(), upper: z.number() })
    .describe(
      "The values that an input element may take, in the unit of ε; the widest, where elements have bounds of their own.",
    ),
  elements: z
    .exactOptional(z.strictObject({ lower: z.array(z.number()), upper: z.array(z.number()) }))
    .describe(
      "Bounds in the units of the data, where each element has its own or ε is a share of them: one value for all, or one for each in row-major order; empty for more than 4,096.",
    ),
  preprocessing: z
    .strictObject({
      mean: z.array(z.number()),
      std: z.array(z.number()),
      scale: z.exactOptional(z.number()),
      channels: z.exactOptional(z.enum(["rgb", "bgr"])),
    })
    .nullable()
    .describe(
      "What is computed in front of the model's graph: (scale * x - mean) / std, one value each, or one a channel, of channels in this order; null: nothing.",
    ),
  pictures: z
    .exactOptional(
      z.strictObject({
        perturbed: z.boolean(),
        resize: z.exactOptional(side).describe("The shorter side, or [height, width]."),
        interpolation: z.exactOptional(z.enum(["nearest", "bilinear", "bicubic", "lanczos"])),
        antialias: z.exactOptional(z.boolean()),
        crop: z.exactOptional(side).describe("The side of a square from the middle, or [height, width]."),
        cropRounding: z
          .exactOptional(z.literal("down"))
          .describe(
            "Where the middle begins if it lies between two pixels: at the one before. Else as torchvision rounds.",
          ),
      }),
    )
    .describe(
      "How a picture in a file becomes what the network gets. perturbed: the picture at its own size is what is attacked, measured and bounded; else it is what the network gets.",
    ),
});

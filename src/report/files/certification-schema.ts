import { z } from "zod";

const count = z.int().min(0);
const positive = z.number().min(0);

/** How samples were certified, as report.json holds it. */
export const certification = z.strictObject({
  methods: z
    .array(
      z.strictObject({
        method: z.string(),
        tried: count.describe("Samples that it tried at the ε of the run."),
        proven: count.describe("Those of which it proved more than the methods before it."),
        fooled: count.describe("Those for which it found an input of another class, which no attack had fooled."),
        seconds: positive.describe("Summed over threads, with the search for the largest certified ε."),
      }),
    )
    .describe("What each method did, from the cheapest to the strongest: each gets what those before it left open."),
  digits: count
    .nullable()
    .describe("Significant digits of the largest certified ε of each sample; null where it was not looked for."),
  averageRadius: positive
    .nullable()
    .describe(
      "Mean over all samples of the largest certified ε, 0 for those without; null where it was not looked for.",
    ),
  losses: z
    .exactOptional(
      z.strictObject({
        samples: count.min(1).describe("How many samples are open, neither proven nor fooled at some ε."),
        margin: z.number().describe("Margin of the sample as it is."),
        linear: z
          .number()
          .describe("What the linear part loses: the bound's slopes, times as far as the input may move."),
        rounding: z.number().describe("What is allowed for the rounding of float32."),
        bound: z.number().describe("CROWN's bound: margin - linear - rounding - the sum over the layers."),
        layers: z
          .array(
            z.strictObject({
              op: z.string().describe("Operator."),
              node: z
                .string()
                .nullable()
                .describe(
                  "Name of the node, or of its first output where it has none; null for one that is not in the file.",
                ),
              loss: z.number(),
            }),
          )
          .describe("What each layer that is not linear loses, in the order of the network."),
      }),
    )
    .describe(
      "Where samples are open: why. Means over them, each at its least open ε, for the class to which the margin is least.",
    ),
});

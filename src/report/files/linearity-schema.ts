import { z } from "zod";

const count = z.int().min(0);
const positive = z.number().min(0);

const rise = { predicted: z.number(), measured: z.number() };
/** The linear view of the loss, as report.json holds it. */
export const linearity = z.strictObject({
  samples: count,
  points: z.array(
    z.strictObject({
      epsilon: positive,
      predicted: rise.predicted.describe("ε times the dual norm of the gradient: the rise if the loss were linear."),
      predictedClipped: z
        .number()
        .describe("⟨∇J, x' - x⟩ with the perturbation applied, after clipping to the bounds."),
      measured: rise.measured.describe("J(x') - J(x)."),
    }),
  ),
  dimensions: z
    .array(
      z.strictObject({
        dimensions: count.describe("Free dimensions of the perturbation."),
        epsilon: positive,
        ...rise,
        random: z.number().describe("The rise by a random perturbation of the same norm."),
      }),
    )
    .describe("The same network, perturbed in blocks of pixels only."),
});

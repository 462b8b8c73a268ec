import type { ShapeContext, ShapeRule } from "../facts.ts";

/** One number, or one a label. */
const loss = ({ node, input }: ShapeContext) => ({
  type: input(0).type,
  dims: node.attributes.string("reduction", "mean") === "none" ? input(1).dims : [],
});

export const lossShapes: Readonly<Record<string, ShapeRule>> = {
  NegativeLogLikelihoodLoss: loss,
  SoftmaxCrossEntropyLoss: (context) => [loss(context), context.input(0)],
};

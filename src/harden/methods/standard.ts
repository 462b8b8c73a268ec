import { defineMethod, type TrainingNorm } from "../../harden.ts";
import { labelSmoothing, type Smoothing, smoothedCrossEntropy } from "./losses.ts";

/** The cross-entropy at the samples themselves: no attack. What the other methods are compared with. */
export const standard = defineMethod<Smoothing, TrainingNorm>({
  name: "standard",
  title: "training without an attack",
  passes: "1",
  paper: "https://doi.org/10.1109/5.726791",
  norms: ["linf", "l2", "l1"],
  defaults: { labelSmoothing: 0 },
  about: { labelSmoothing },
  asks: ["clean"],
  loss: ({ b, clean, labels }, options) => smoothedCrossEntropy(b, clean, labels, options.labelSmoothing),
});

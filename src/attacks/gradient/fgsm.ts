import { defineAttack } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";

/**
 * The fast gradient sign method (Goodfellow, Shlens and Szegedy 2015, §4): x' = x + ε·sign(∇x J), clipped to the
 * bounds. It is the exact maximiser of the linearised loss over the ball and the bounds; for L2 and L1 that same
 * maximiser is taken, which differs from "x + ε·g/‖g‖, then clip" in that it spends what clipping would waste.
 * One gradient serves every ε; ε = 0 gives x itself.
 */
export const fgsm = defineAttack<DifferentiableModel, object>({
  name: "fgsm",
  title: "fast gradient sign method",
  paper: "https://arxiv.org/abs/1412.6572",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "gradient",
  defaults: {},
  about: {},
  async propose({ model, x, goal, norm, epsilons, indices, start }) {
    const { gradient } = start ?? (await model.gradient(x, goal, undefined, indices));
    const size = sampleSize(x);
    return epsilons.map((epsilon): FloatTensor => {
      const data = new Float32Array(x.data.length);
      for (let at = 0; at < data.length; at += size) {
        const part = (values: Float32Array) => values.subarray(at, at + size);
        norm.ascend(part(data), part(x.data), part(gradient.data), epsilon, model.bounds);
      }
      return { type: "float32", dims: x.dims, data };
    });
  },
});

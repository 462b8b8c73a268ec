import type { Norm } from "./contract.ts";
import { byMagnitude, clampInto, room } from "./elements.ts";

/** The number of elements that differ; ε counts elements. Its ball has no gradient step of finite size without a box. */
export const l0: Norm = {
  name: "l0",
  dual: "linf",
  distance(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += Math.abs(Math.sign(a[i]! - b[i]!));
    return sum;
  },
  length: (v) => v.reduce((sum, d) => sum + Math.abs(Math.sign(d)), 0),
  project(out, x, epsilon, box) {
    clampInto(out, box);
    const order = byMagnitude(Float64Array.from(out, (v, i) => v - x[i]!));
    for (const i of order.subarray(Math.floor(epsilon))) out[i] = x[i]!;
  },
  ascend(out, x, g, epsilon, box) {
    out.set(x);
    const gains = Float64Array.from(g, (v, i) => Math.abs(v) * room(x[i]!, v, box));
    for (const i of byMagnitude(gains).subarray(0, Math.floor(epsilon)))
      if (gains[i]! > 0) out[i] = g[i]! > 0 ? box.upper : box.lower;
  },
  uniform(out, x, epsilon, random) {
    out.set(x);
    const order = Uint32Array.from({ length: out.length }, (_, i) => i);
    for (let k = 0; k < Math.min(Math.floor(epsilon), out.length); k++) {
      const other = k + random.integer(out.length - k);
      [order[k], order[other]] = [order[other]!, order[k]!];
      out[order[k]!] = random.uniform();
    }
  },
};

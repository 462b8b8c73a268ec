import type { Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";

export const remainderRules = {
  // x - d·trunc(x/d): the quotient is constant between its steps, as torch.fmod.
  Mod: ({ node, x: [x, d], y, g, b, wants }) => {
    // The standard has floats with fmod = 1 only, and ONNX Runtime runs no others.
    if (node.attributes.int("fmod", 0) !== 1) throw unsupported(node, "fmod = 0");
    return [g, wants(1) ? b.mul(g, b.div(b.sub(y, x!), d!)) : null];
  },
} satisfies Rules;

import type { Ops } from "../../onnx/ops.ts";
import type { Lowerings } from "../lowering.ts";

/** x·Φ(x) (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415), spelled out so that its gradient finds Φ(x) there. */
export function gelu(b: Ops, x: string): string {
  const half = b.scalar(0.5, x);
  const cumulative = b.plus(b.mul(half, b.add("Erf", [b.mul(x, b.scalar(Math.SQRT1_2, x))])), half);
  return b.mul(x, cumulative);
}

/** The same with tanh in the place of erf (there, §2). */
function fastGelu(b: Ops, x: string): string {
  const [c, half] = [Math.sqrt(2 / Math.PI), b.scalar(0.5, x)];
  const inner = b.mul(x, b.plus(b.scalar(c, x), b.mul(b.scalar(c * 0.044715, x), b.mul(x, x))));
  return b.mul(x, b.plus(b.mul(half, b.add("Tanh", [inner])), half));
}

export const microsoftActivationLowerings = {
  Gelu: ({ x: [a], b }) => [gelu(b, a!)],
  BiasGelu: ({ x: [a, bias], b }) => [gelu(b, b.plus(a!, bias!))],
  FastGelu: ({ x: [a, bias], b }) => [fastGelu(b, bias ? b.plus(a!, bias) : a!)],
  QuickGelu: ({ node, x: [a], b }) => {
    const scaled = b.mul(a!, b.scalar(node.attributes.float("alpha", 1.702), a!));
    return [b.mul(a!, b.add("Sigmoid", [scaled]))];
  },
} satisfies Lowerings;

import { resolveWindow } from "../../onnx/window.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { fixWindow, transposeAttributes } from "./window.ts";

function convGradient(context: RuleContext): (string | null)[] {
  const { g, b, wants } = context;
  return [
    wants(0) ? byInput(context) : null,
    wants(1) ? byWeights(context) : null,
    wants(2) ? b.reduceSum(g, [0, ...b.axesFrom(g, 2)], false) : null,
  ];
}

function byInput({ node, x: [x, w], y, g, b }: RuleContext): string {
  const window = fixWindow(b, resolveWindow(node, b.sizes(w!, 2), b.sizes(x!, 2)), x!, y);
  return b.add("ConvTranspose", [g, w!], { ...transposeAttributes(window), group: node.attributes.int("group", 1) });
}

/**
 * ∂/∂W is itself a convolution: of x by g, with samples as channels, strides and dilations exchanged. With G groups,
 * x becomes [C/G, G·n, …] and g [M, n, …], so that group convolution pairs each group's channels with its own gradients.
 */
function byWeights({ node, x: [x, w], y, g, b }: RuleContext): string {
  const window = fixWindow(b, resolveWindow(node, b.sizes(w!, 2), b.sizes(x!, 2)), x!, y);
  const groups = node.attributes.int("group", 1);
  const [channels, ...spatial] = b.sizes(x!, 1);
  const axes = spatial.map((_, i) => i);
  const split = b.reshape(x!, [-1, groups, channels! / groups, ...spatial]);
  const samplesInside = b.transpose(split, [2, 1, 0, ...axes.map((i) => i + 3)]);
  const image = b.reshape(samplesInside, [channels! / groups, -1, ...spatial]);
  const kernel = b.transpose(g, [1, 0, ...axes.map((i) => i + 2)]);
  const convolved = b.add("Conv", [image, kernel], {
    kernel_shape: window.output,
    strides: window.dilations,
    dilations: window.strides,
    group: groups,
    pads: [...window.before, ...(window.after as readonly number[])],
  });
  // Rows of x that no window reached may lead to more than the kernel's size.
  const cut = b.slice(convolved, axes.map((i) => i + 2), axes.map(() => 0), window.kernel);
  return b.transpose(cut, [1, 0, ...axes.map((i) => i + 2)]);
}

export const convolutionRules = { Conv: convGradient } satisfies Rules;

import type { Ops } from "../../onnx/ops.ts";
import { resolveTransposed, resolveWindow } from "../../onnx/window.ts";
import { product } from "../../tensor.ts";
import type { RuleContext, Rules } from "../rule.ts";
import { byInput } from "./convolution-input.ts";
import { type FixedWindow, fixWindow, positions } from "./window.ts";

function convGradient(context: RuleContext): (string | null)[] {
  const { node, x, g, b, wants } = context;
  return [
    wants(0) ? byInput(b, g, x[1]!, windowOf(context), node.attributes.int("group", 1)) : null,
    wants(1) ? byWeights(context) : null,
    wants(2) ? b.reduceSum(g, [0, ...b.axesFrom(g, 2)], false) : null,
  ];
}

const windowOf = ({ node, x: [x, w], y, b }: RuleContext): FixedWindow =>
  fixWindow(b, resolveWindow(node, b.sizes(w!, 2), b.sizes(x!, 2)), x!, y);

/** Elements a sample up to which patches are spelled out: small ones stay in cache, large ones would fill the memory. */
const MAX_PATCHES = 2 ** 16;

function byWeights(context: RuleContext): string {
  const { node, g, b } = context;
  const [x, w] = context.x;
  const window = windowOf(context);
  const groups = node.attributes.int("group", 1);
  const patches = b.sizes(x!, 1)[0]! * product(window.kernel) * product(window.output);
  return groups === 1 && patches <= MAX_PATCHES
    ? byPatches(b, x!, w!, g, window)
    : byConvolution(b, x!, g, window, groups);
}

/**
 * ∂/∂W is a matrix product [M, O·n]·[O·n, C·K] of g by the patches of x that each weight met, over all O places of the
 * window and all n samples. The batch goes last, so that gathering a pixel copies a whole row.
 */
function byPatches(b: Ops, x: string, w: string, g: string, window: FixedWindow): string {
  const { before, after, input, output, kernel, strides, dilations } = window;
  const [filters, channels, ...rest] = b.sizes(w);
  const batchLast = (value: string) => b.transpose(value, [...b.axesFrom(value, 1), 0]);
  const sizes = input.map((size, i) => before[i]! + size + after[i]!);
  const pixels = b.reshape(batchLast(b.pad(x, [0, 0, ...before], [0, 0, ...after])), [channels!, product(sizes), -1]);
  const at = positions(kernel).flatMap((k) =>
    positions(output).map((o) =>
      sizes.reduce((flat, size, i) => flat * size + o[i]! * strides[i]! + k[i]! * dilations[i]!, 0),
    ),
  );
  const patches = b.reshape(b.add("Gather", [pixels, b.int64(at)], { axis: 1 }), [channels! * product(kernel), -1]);
  return b.reshape(b.matmul(b.reshape(batchLast(g), [filters!, -1]), b.swap(patches)), [filters!, channels!, ...rest]);
}

/**
 * ∂/∂W is itself a convolution: of x by g, with samples as channels, strides and dilations exchanged. With G groups,
 * x becomes [C/G, G·n, …] and g [M, n, …], so that group convolution pairs each group's channels with its own gradients.
 */
function byConvolution(b: Ops, x: string, g: string, window: FixedWindow, groups: number): string {
  const [channels, ...spatial] = b.sizes(x, 1);
  const axes = spatial.map((_, i) => i);
  const split = b.reshape(x, [-1, groups, channels! / groups, ...spatial]);
  const samplesInside = b.transpose(split, [2, 1, 0, ...axes.map((i) => i + 3)]);
  const image = b.reshape(samplesInside, [channels! / groups, -1, ...spatial]);
  const kernel = b.transpose(g, [1, 0, ...axes.map((i) => i + 2)]);
  const convolved = b.add("Conv", [image, kernel], {
    kernel_shape: window.output,
    strides: window.dilations,
    dilations: window.strides,
    group: groups,
    pads: [...window.before, ...window.after],
  });
  // Rows of x that no window reached may lead to more than the kernel's size.
  const cut = b.slice(
    convolved,
    axes.map((i) => i + 2),
    axes.map(() => 0),
    window.kernel,
  );
  return b.transpose(cut, [1, 0, ...axes.map((i) => i + 2)]);
}

/** The transpose of a transpose: a convolution of g by the same weights, of which x has the place of the output. */
function convTransposeGradient({ node, x: [x, w], y, g, b, wants }: RuleContext): (string | null)[] {
  const [weights, sizes, image] = [b.sizes(w!, 2), b.sizes(x!, 2), b.sizes(y, 2)];
  const resolved = resolveTransposed(node, weights, sizes);
  // What the window reaches beyond the output, so that it stops as often as x has elements.
  const reach = (n: number, i: number) =>
    (n - 1) * resolved.strides[i]! + (weights[i]! - 1) * resolved.dilations[i]! + 1 - image[i]!;
  const ends = sizes.map((n, i) => Math.max(0, reach(n, i) - (resolved.before[i] as number)));
  const window = fixWindow(b, { ...resolved, kernel: weights, after: ends, ceil: false }, y, x!);
  const group = node.attributes.int("group", 1);
  const { kernel, strides, dilations, before, after } = window;
  const pads = [...before, ...after];
  const byInput = () => b.add("Conv", [g, w!], { kernel_shape: kernel, strides, dilations, pads, group });
  return [
    wants(0) ? byInput() : null,
    wants(1) ? byConvolution(b, g, x!, window, group) : null,
    wants(2) ? b.reduceSum(g, [0, ...b.axesFrom(g, 2)], false) : null,
  ];
}

export const convolutionRules = { Conv: convGradient, ConvTranspose: convTransposeGradient } satisfies Rules;

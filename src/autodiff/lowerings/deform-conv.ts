import type { Ops } from "../../onnx/ops.ts";
import { resolveWindow } from "../../onnx/window.ts";
import { product, tensor } from "../../tensor.ts";
import type { Lowering } from "../lowering.ts";
import { constants, unsupported } from "../rules/constants.ts";
import { asTypeOf } from "../rules/selection.ts";

/**
 * Deformable convolution (https://arxiv.org/abs/1703.06211, https://arxiv.org/abs/1811.11168): each weight reads the image
 * between pixels, where its offset says, which is GridSample; then all are summed by a product.
 */
export const deformConv: Lowering = ({ node, x: [x, weights, offsets, bias, mask], b }) => {
  const [outputs, perGroup, ...kernel] = b.sizes(weights!, 0);
  const [channels, ...sizes] = b.sizes(x!, 1);
  if (kernel.length !== 2) throw unsupported(node, `a kernel of ${kernel.length} axes`);
  // ONNX Runtime's GridSample before opset 20 is for float32 only.
  if (b.opset < 20 && b.fact(x!).type === "float64") throw unsupported(node, "float64 before opset 20");
  const output = b.sizes(offsets!, 2);
  const [group, parts] = [node.attributes.int("group", 1), node.attributes.int("offset_group", 1)];
  const [taps, points] = [product(kernel), product(output)];
  const { strides, dilations, before } = resolveWindow(node, kernel, sizes);
  const start = constants(node, "pads", before);
  const at = (axis: number, tap: number, point: number) =>
    point * strides[axis]! - start[axis]! + tap * dilations[axis]!;
  b.room(taps * 2 * points, offsets!);
  const undeformed = Float64Array.from({ length: taps * 2 * points }, (_, i) => {
    const [tap, axis, point] = [Math.floor(i / (2 * points)), 1 - (Math.floor(i / points) % 2), i % points];
    return axis === 0
      ? at(0, Math.floor(tap / kernel[1]!), Math.floor(point / output[1]!))
      : at(1, tap % kernel[1]!, point % output[1]!);
  });
  // Offsets are [y, x], points of a grid [x, y].
  const swapped = b.add("Gather", [b.reshape(offsets!, [-1, taps, 2, points]), b.int64([1, 0])], { axis: 2 });
  const grid = normalized(b, b.plus(swapped, like(b, x!, [taps, 2, points], undeformed)), sizes);
  const images = b.reshape(x!, [-1, channels! / parts, ...sizes]);
  const mode = b.opset >= 20 ? "linear" : "bilinear";
  const read = b.add("GridSample", [images, grid], { mode, padding_mode: "zeros" });
  const masked = mask ? b.mul(read, b.reshape(mask, [-1, 1, taps, points])) : read;
  const columns = b.reshape(masked, [-1, group, perGroup! * taps, points]);
  const rows = b.reshape(weights!, [group, outputs! / group, perGroup! * taps]);
  const sums = b.reshape(b.matmul(rows, columns), [-1, outputs!, ...output]);
  return [bias ? b.plus(sums, b.reshape(bias, [outputs!, 1, 1])) : sums];
};

/** Positions in pixels [N, taps, (x, y), points] as the points of a grid [N, taps, points, (x, y)] in [-1, 1]. */
function normalized(b: Ops, positions: string, [height, width]: readonly number[]): string {
  const sizes = like(b, positions, [2, 1], Float64Array.of(width!, height!));
  const scaled = b.div(b.plus(b.mul(positions, b.scalar(2, positions)), b.scalar(1, positions)), sizes);
  return b.transpose(b.sub(scaled, b.scalar(1, positions)), [0, 1, 3, 2]);
}

const like = (b: Ops, a: string, dims: readonly number[], values: Float64Array): string =>
  asTypeOf(b, b.constant(tensor("float64", dims, values)), a);

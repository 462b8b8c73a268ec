import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { Lowering } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { asTypeOf } from "../rules/selection.ts";

/** Less than every pixel. */
const LOWEST = -3.4028234663852886e38;
/** Bins along one axis beyond which a file is taken to be broken. */
const MAX_BINS = 4096;

/** The largest pixel of each bin of a region (https://arxiv.org/abs/1504.08083): of each row first, then of these. */
export const maxRoiPool: Lowering = ({ node, x: [x, regions], b }) => {
  const bins = node.attributes.ints("pooled_shape", []);
  if (bins.length !== 2 || bins.some((n) => n < 1 || n > MAX_BINS))
    throw unsupported(node, `${bins.join(" by ")} bins`);
  const column = (i: number) => b.slice(regions!, [1], [i], [i + 1]);
  const scale = b.scalar(node.attributes.float("spatial_scale", 1), regions!);
  const edge = (i: number) => nearest(b, b.mul(column(i), scale));
  const known = b.fact(regions!).floats?.filter((_, i) => i % 5 === 0);
  const images = b.add("Gather", [x!, known ? b.int64(known) : b.cast(b.squeeze(column(0), [1]), "int64")], {
    axis: 0,
  });
  const rows = within(b, edge(2), edge(4), bins[0]!, b.size(x!, 2));
  const columns = within(b, edge(1), edge(3), bins[1]!, b.size(x!, 3));
  const largest = (values: string, inside: string, axis: number): string =>
    b.reduceMax(b.where(inside, values, b.scalar(LOWEST, values)), [axis], false);
  const ofRows = largest(b.unsqueeze(images, [2]), b.unsqueeze(rows, [1, 4]), 3);
  const y = largest(b.unsqueeze(ofRows, [3]), b.unsqueeze(columns, [1, 2]), 4);
  // A bin without pixels is 0.
  const some = (inside: string) => b.reduceMax(asTypeOf(b, inside, y), [2], false);
  const filled = b.mul(b.unsqueeze(some(rows), [1, 3]), b.unsqueeze(some(columns), [1, 2]));
  return [b.where(b.equal(filled, b.scalar(0, y)), b.scalar(0, y), y)];
};

/** The nearest whole number, halves away from zero. */
const nearest = (b: Ops, a: string): string =>
  b.mul(b.add("Sign", [a]), b.add("Floor", [b.plus(b.add("Abs", [a]), b.scalar(0.5, a))]));

/** Which pixels of an axis lie in which bins of the regions from one pixel to another: [regions, bins, length]. */
function within(b: Ops, first: string, last: string, bins: number, length: number): string {
  const range = (size: number, from: number) =>
    asTypeOf(
      b,
      b.constant(
        tensor(
          "float64",
          [size],
          Float64Array.from({ length: size }, (_, i) => i + from),
        ),
      ),
      first,
    );
  const size = b.add("Max", [b.plus(b.sub(last, first), b.scalar(1, first)), b.scalar(1, first)]);
  const each = b.div(size, b.scalar(bins, size));
  const from = b.plus(first, b.add("Floor", [b.mul(each, range(bins, 0))]));
  const to = b.plus(first, b.add("Ceil", [b.mul(each, range(bins, 1))]));
  const pixels = range(length, 0);
  const tooLow = b.add("Less", [pixels, b.unsqueeze(from, [2])]);
  return b.add("And", [b.add("Not", [tooLow]), b.add("Less", [pixels, b.unsqueeze(to, [2])])]);
}

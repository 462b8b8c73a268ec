import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { Defence } from "../defence.ts";
import { drawn } from "./draws.ts";

/**
 * Random resizing and padding (Xie et al. 2018): each picture is resized (bilinear, as torch's interpolate does without antialias) to a size drawn
 * uniformly, and zeros around it bring it back to its own size, with it at a place drawn uniformly. The paper enlarges the network's input
 * instead; a file keeps the size it has. Both are linear in the picture, so the gradient of a draw is exact.
 */
export const resizePad: Defence = {
  name: "resize-pad",
  title: "random resizing and padding",
  paper: "https://arxiv.org/abs/1711.01991",
  number: { about: "the smallest size, in percent of the picture's", byDefault: 90, least: 10, most: 99 },
  isOfPictures: true,
  isRandom: true,
  apply: ({ b, x, size: { channels, height, width } }, percent) => {
    // Three numbers for each sample: how large, how far down, and how far across.
    const count = Math.ceil(3 / (height * width * channels));
    const flat = b.reshape(x, [0, -1]);
    const three = b.slice(count > 1 ? b.add("Concat", Array(3).fill(flat), { axis: 1 }) : flat, [1], [0], [3]);
    const draws = drawn(b, "uniform", three);
    const [scale, down, across] = [0, 1, 2].map((i) => b.reshape(b.slice(draws, [1], [i], [i + 1]), [0, 1, 1, 1]));
    const least = Math.max(1, Math.round((height * percent) / 100));
    const rows = floor(b, b.plus(b.mul(scale!, num(b, height - least + 1)), num(b, least)));
    const columns = floor(b, b.plus(b.mul(rows, num(b, width / height)), num(b, 0.5)));
    const vertical = resizing(b, height, rows, place(b, down!, height, rows));
    const horizontal = resizing(b, width, columns, place(b, across!, width, columns));
    return b.matmul(b.matmul(vertical, x), b.transpose(horizontal, [0, 1, 3, 2]));
  },
};

const num = (b: Ops, value: number): string => b.constant(tensor("float32", [], Float32Array.of(value)));
const floor = (b: Ops, x: string): string => b.add("Floor", [x]);

/** floor(u · (size - length + 1)) */
const place = (b: Ops, u: string, size: number, length: string): string =>
  floor(b, b.mul(u, b.sub(num(b, size + 1), length)));

/** [N, 1, size, size]: the line of `length` pixels that a line of `size` becomes, from `start` on, and zeros around it. */
function resizing(b: Ops, size: number, length: string, start: string): string {
  const line = (dims: readonly number[]): string =>
    b.constant(
      tensor(
        "float32",
        dims,
        Float32Array.from({ length: size }, (_, i) => i),
      ),
    );
  const at = b.sub(line([1, 1, size, 1]), start);
  const source = b.sub(b.mul(b.plus(at, num(b, 0.5)), b.div(num(b, size), length)), num(b, 0.5));
  const inside = b.add("And", [b.add("Less", [at, length]), b.add("Greater", [at, num(b, -0.5)])]);
  const clamped = b.add("Clip", [source, num(b, 0), num(b, size - 1)]);
  const apart = b.add("Abs", [b.sub(clamped, line([1, 1, 1, size]))]);
  const weights = b.add("Relu", [b.sub(num(b, 1), apart)]);
  return b.mul(weights, b.cast(inside, "float32"));
}

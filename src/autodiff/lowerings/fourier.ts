import { normalizeAxis } from "../../onnx/dims.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { Lowering, Lowerings } from "../lowering.ts";
import { constants, unsupported } from "../rules/constants.ts";

/** Elements beyond which the matrix of a transform is too large to stand in a graph. */
const LARGEST = 2 ** 22;

/** cos or sin of 2πjk/length: rows j < length, columns k < count. */
function wave(b: Ops, f: (angle: number) => number, length: number, count: number, like: string): string {
  const at = (i: number) => f((2 * Math.PI * ((Math.floor(i / count) * (i % count)) % length)) / length);
  const elements = { length: length * count };
  const matrix =
    b.fact(like).type === "float64"
      ? tensor(
          "float64",
          [length, count],
          Float64Array.from(elements, (_, i) => at(i)),
        )
      : tensor(
          "float32",
          [length, count],
          Float32Array.from(elements, (_, i) => at(i)),
        );
  return b.constant(matrix);
}

interface Transform {
  readonly length: number;
  readonly inverse?: boolean;
  readonly onesided: boolean;
}

/** Σ_j x_j·e^(∓2πijk/length) over the last axis but one; the last one holds the real and the imaginary part, or the first. */
function transform(b: Ops, x: string, { length, inverse = false, onesided }: Transform): string {
  const last = b.dims(x).length - 1;
  const count = onesided ? Math.floor(length / 2) + 1 : length;
  const [cos, sin] = [wave(b, Math.cos, length, count, x), wave(b, Math.sin, length, count, x)];
  const part = (i: number) => b.squeeze(b.slice(x, [last], [i], [i + 1]), [last]);
  const real = part(0);
  const imaginary = b.size(x, last) === 2 ? part(1) : undefined;
  const turned = b.matmul(real, sin);
  const parts = [
    imaginary ? b[inverse ? "sub" : "plus"](b.matmul(real, cos), b.matmul(imaginary, sin)) : b.matmul(real, cos),
    inverse ? turned : b.neg(turned),
  ];
  if (imaginary) parts[1] = b.plus(parts[1]!, b.matmul(imaginary, cos));
  const both = b.add(
    "Concat",
    parts.map((value) => b.unsqueeze(value, [last])),
    { axis: last },
  );
  return inverse ? b.div(both, b.scalar(length, x)) : both;
}

/** https://onnx.ai/onnx/operators/onnx__DFT.html, as a product with its matrix. */
const dft: Lowering = ({ node, x: [x, given, axisInput], b }) => {
  const rank = b.dims(x!).length;
  const told = axisInput ? constants(node, "an axis", b.fact(axisInput).values)[0]! : -2;
  const axis = normalizeAxis(b.opset < 20 ? node.attributes.int("axis", 1) : told, rank);
  const size = b.size(x!, axis);
  const length = given ? constants(node, "a length", b.fact(given).values)[0]! : size;
  if (length * length > LARGEST) throw unsupported(node, `a length of ${length}`);
  const padded = b.pad(
    x!,
    Array<number>(rank).fill(0),
    Array.from({ length: rank }, (_, i) => (i === axis ? length - size : 0)),
  );
  const swap = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 2 : i === rank - 2 ? axis : i));
  const options = { length, inverse: node.attributes.int("inverse", 0) === 1 };
  const onesided = node.attributes.int("onesided", 0) === 1;
  if (onesided && options.inverse) throw unsupported(node, "onesided 1 and inverse 1");
  return [b.transpose(transform(b, b.transpose(padded, swap), { ...options, onesided }), swap)];
};

/** https://onnx.ai/onnx/operators/onnx__STFT.html: the transforms of windows along a signal [N, length, 1 or 2]. */
const stft: Lowering = ({ node, x: [signal, step, window, frame], b }) => {
  const stride = constants(node, "a step", b.fact(step!).values)[0]!;
  const size = b.size(signal!, 1);
  const length = frame ? constants(node, "a length", b.fact(frame).values)[0]! : b.size(window!, 0);
  const count = Math.floor((size - length) / stride) + 1;
  if (length * Math.max(length, count) > LARGEST) throw unsupported(node, `frames of ${length}`);
  const places = Array.from({ length: count * length }, (_, i) => Math.floor(i / length) * stride + (i % length));
  const indices = b.constant(tensor("int64", [count, length], BigInt64Array.from(places, BigInt)));
  const frames = b.add("Gather", [signal!, indices], { axis: 1 });
  const seen = window ? b.mul(frames, b.reshape(window, [length, 1])) : frames;
  return [transform(b, seen, { length, onesided: node.attributes.int("onesided", 1) === 1 })];
};

export const fourierLowerings = { DFT: dft, STFT: stft } satisfies Lowerings;

import { type FloatTensor, sampleSize } from "../../tensor.ts";

/** Several points of each sample, those of one sample after another: [n·m, ...] of m times [n, ...]. */
export function joined(points: readonly FloatTensor[]): FloatTensor {
  const [first] = points as [FloatTensor, ...FloatTensor[]];
  const [count, size, many] = [first.dims[0]!, sampleSize(first), points.length];
  const data = new Float32Array(count * many * size);
  for (const [k, { data: from }] of points.entries())
    for (let i = 0; i < count; i++) data.set(from.subarray(i * size, (i + 1) * size), (i * many + k) * size);
  return { type: "float32", dims: [count * many, ...first.dims.slice(1)], data };
}

/** Each label as often as its sample has points. */
export const repeated = (labels: Int32Array, times: number): Int32Array =>
  times === 1 ? labels : Int32Array.from({ length: labels.length * times }, (_, j) => labels[Math.floor(j / times)]!);

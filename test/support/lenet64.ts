import type { Tensor } from "../../src/tensor.ts";

type Weights = ReadonlyMap<string, Tensor>;
const numbersOf = (t: Tensor | undefined): Float64Array => Float64Array.from(t!.data as ArrayLike<number>);

/**
 * The gradient of sample i's nll by its 784 pixels, for LeNet, written out by hand in float64: no graph, no rule, no
 * runtime.
 */
export function lenetGradient(weights: Weights): (x: Tensor, y: Tensor, i: number) => Float64Array {
  const w = (name: string) => numbersOf(weights.get(name));
  const layers = {
    conv1: conv(1, 10, 28, w("conv1.weight"), w("conv1.bias")),
    conv2: conv(10, 20, 12, w("conv2.weight"), w("conv2.bias")),
    fc1: dense(320, 50, w("fc1.weight"), w("fc1.bias")),
    fc2: dense(50, 10, w("fc2.weight"), w("fc2.bias")),
  };
  return (x, y, i) => sampleGradient(layers, numbersOf(x).subarray(i * 784, (i + 1) * 784), Number(y.data[i]));
}

interface Layer {
  forward(x: Float64Array): Float64Array;
  backward(g: Float64Array): Float64Array;
}

function sampleGradient(
  { conv1, conv2, fc1, fc2 }: Record<"conv1" | "conv2" | "fc1" | "fc2", Layer>,
  x: Float64Array,
  label: number,
): Float64Array {
  const p1 = pool(conv1.forward(x), 10, 24);
  const p2 = pool(conv2.forward(relu(p1.y)), 20, 8);
  const h3 = fc1.forward(relu(p2.y));
  const z = fc2.forward(relu(h3));
  const most = Math.max(...z);
  const total = z.reduce((sum, v) => sum + Math.exp(v - most), 0);
  const gz = z.map((v, j) => Math.exp(v - most) / total - Number(j === label));
  const g3 = reluBackward(fc2.backward(gz), h3);
  const g2 = p2.backward(reluBackward(fc1.backward(g3), p2.y));
  return conv1.backward(p1.backward(reluBackward(conv2.backward(g2), p1.y)));
}

const relu = (x: Float64Array): Float64Array => x.map((v) => Math.max(v, 0));
const reluBackward = (g: Float64Array, x: Float64Array): Float64Array => g.map((v, i) => (x[i]! > 0 ? v : 0));

function dense(inputs: number, outputs: number, w: Float64Array, bias: Float64Array): Layer {
  return {
    forward: (x) => bias.map((b, o) => x.reduce((sum, v, i) => sum + v * w[o * inputs + i]!, b)),
    backward(g) {
      const result = new Float64Array(inputs);
      for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) result[i]! += g[o]! * w[o * inputs + i]!;
      return result;
    },
  };
}

/** 5 by 5, stride 1, no padding. */
function conv(inputs: number, outputs: number, size: number, w: Float64Array, bias: Float64Array): Layer {
  const out = size - 4;
  /** Every row of the output with the row of the input that a weight takes it from. */
  const rows = (each: (to: number, from: number, weight: number) => void): void => {
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < inputs; c++)
        for (let k = 0; k < 25; k++)
          for (let r = 0; r < out; r++)
            each(
              (o * out + r) * out,
              (c * size + r + Math.floor(k / 5)) * size + (k % 5),
              w[(o * inputs + c) * 25 + k]!,
            );
  };
  return {
    forward(x) {
      const y = new Float64Array(outputs * out * out).map((_, i) => bias[Math.floor(i / (out * out))]!);
      rows((to, from, weight) => {
        for (let q = 0; q < out; q++) y[to + q]! += x[from + q]! * weight;
      });
      return y;
    },
    backward(g) {
      const result = new Float64Array(inputs * size * size);
      rows((to, from, weight) => {
        for (let q = 0; q < out; q++) result[from + q]! += g[to + q]! * weight;
      });
      return result;
    },
  };
}

/** 2 by 2, stride 2; the gradient to the first maximum. */
function pool(
  x: Float64Array,
  channels: number,
  size: number,
): { y: Float64Array; backward(g: Float64Array): Float64Array } {
  const half = size / 2;
  const at = Array.from({ length: channels * half * half }, (_, i) => {
    const corner = Math.floor(i / half) * 2 * size + (i % half) * 2;
    return [0, 1, size, size + 1].map((d) => corner + d).reduce((best, j) => (x[j]! > x[best]! ? j : best));
  });
  return {
    y: Float64Array.from(at, (j) => x[j]!),
    backward(g) {
      const result = new Float64Array(x.length);
      at.forEach((j, i) => {
        result[j]! += g[i]!;
      });
      return result;
    },
  };
}

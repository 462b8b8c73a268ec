import type { FloatTensor } from "../../../tensor.ts";
import type { Layer } from "./layers.ts";

/** The outputs [n, outputs] of inputs [n, ...], as float64 comes to them. */
export function outputsOf(layers: readonly Layer[], x: ArrayLike<number>): Float32Array {
  const n = x.length / layers[0]!.inputs;
  const made = new Float32Array(n * layers.at(-1)!.outputs);
  for (let i = 0; i < n; i++) made.set(forwards(layers, x, i).at(-1)!, (i * made.length) / n);
  return made;
}

/** The gradients by the input of Σ seed·y of each sample. */
export function gradientsOf(layers: readonly Layer[], { data: x }: FloatTensor, seed: Float32Array): Float32Array {
  const n = x.length / layers[0]!.inputs;
  const made = new Float32Array(x.length);
  const width = layers.at(-1)!.outputs;
  for (let i = 0; i < n; i++) {
    const values = forwards(layers, x, i);
    let g = Float64Array.from(seed.subarray(i * width, (i + 1) * width));
    for (let at = layers.length - 1; at >= 0; at--) {
      const { inputs, outputs, weights, isRelu } = layers[at]!;
      const y = values[at + 1]!;
      const before = new Float64Array(inputs);
      for (let j = 0; j < outputs; j++) {
        const by = g[j]!;
        if (by === 0 || (isRelu && !(y[j]! > 0))) continue;
        for (let k = 0, from = j * inputs; k < inputs; k++) before[k]! += by * weights[from + k]!;
      }
      g = before;
    }
    made.set(g, i * g.length);
  }
  return made;
}

/** The input of one sample, and what each layer gives. */
function forwards(layers: readonly Layer[], x: ArrayLike<number>, i: number): Float64Array[] {
  const size = layers[0]!.inputs;
  let value = Float64Array.from({ length: size }, (_, k) => x[i * size + k]!);
  const values = [value];
  for (const { inputs, outputs, weights, bias, isRelu } of layers) {
    const next = new Float64Array(outputs);
    for (let j = 0, from = 0; j < outputs; j++, from += inputs) {
      let sum = bias[j]!;
      for (let k = 0; k < inputs; k++) sum += weights[from + k]! * value[k]!;
      next[j] = isRelu && sum < 0 ? 0 : sum;
    }
    values.push(next);
    value = next;
  }
  return values;
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { type Dataset, datasetOf } from "../../src/index.ts";
import { numbers } from "./models.ts";

/** The path of a file of test/fixtures/findings. */
export const found = (file: string): string => fileURLToPath(new URL(`../fixtures/findings/${file}`, import.meta.url));

/** The numbers of a float32 initializer, as the file has them. */
export function weightsIn(file: string, name: string): Float32Array {
  const { graph } = fromBinary(ModelProtoSchema, new Uint8Array(readFileSync(found(file))));
  const bytes = graph?.initializer.find((one) => one.name === name)?.rawData;
  if (!bytes) throw new Error(`${file} has no ${name}`);
  return new Float32Array(bytes.slice().buffer);
}

/** z = xW + b in float64, with W [inputs, classes]. */
export interface Linear {
  readonly weights: ArrayLike<number>;
  readonly bias: readonly number[];
}

export const scores = ({ weights, bias }: Linear, x: ArrayLike<number>): number[] =>
  bias.map((b, c) => Array.from(x).reduce((sum, v, k) => sum + v * weights[k * bias.length + c]!, b));

/** The class of the largest score, the first of several. */
export const largest = (z: readonly number[]): number => z.indexOf(Math.max(...z));

/** Samples in memory, their values in [low, high), with the class that a function gives each. */
export function labelledBy(
  shape: readonly number[],
  count: number,
  classOf: (x: Float32Array) => number,
  { seed = 5, low = 0, high = 1, classes = 0 } = {},
): Dataset & { readonly samples: readonly Float32Array[] } {
  const size = shape.reduce((a, b) => a * b, 1);
  const x = numbers(count * size, seed, low, high);
  const samples = Array.from({ length: count }, (_, i) => x.subarray(i * size, (i + 1) * size));
  const labels = samples.map(classOf);
  return { ...datasetOf({ x, shape, labels, ...(classes > 0 && { classes }) }), samples };
}

/** The slope of the cross-entropy with respect to each score: p, less 1 at the label, where p - 1 is minus all others. */
export function slopesOf(z: readonly number[], label: number): number[] {
  const top = Math.max(...z);
  const e = z.map((v) => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b);
  const others = e.reduce((a, v, c) => (c === label ? a : a + v), 0);
  return e.map((v, c) => (c === label ? -others : v) / sum);
}

/** The gradient of the cross-entropy of a linear model. */
export const gradientOf = (model: Linear, x: ArrayLike<number>, label: number): number[] => {
  const slopes = slopesOf(scores(model, x), label);
  return Array.from(x, (_, k) => slopes.reduce((total, s, c) => total + s * model.weights[k * slopes.length + c]!, 0));
};

/** One step of ε along the signs of a gradient, inside the box. */
export const stepped = (x: ArrayLike<number>, gradient: readonly number[], epsilon: number, box = [0, 1]): number[] =>
  Array.from(x, (v, k) => Math.min(Math.max(v + epsilon * Math.sign(gradient[k]!), box[0]!), box[1]!));

/** What FGSM makes of a sample of a linear model. */
export const fgsmStep = (model: Linear, x: ArrayLike<number>, label: number, epsilon: number): number[] =>
  stepped(x, gradientOf(model, x, label), epsilon);

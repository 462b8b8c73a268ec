import { expect } from "vitest";
import { backward } from "../../src/autodiff/engine.ts";
import { lower } from "../../src/autodiff/lower.ts";
import { Attributes, type AttributeValue } from "../../src/onnx/attributes.ts";
import { emptyGraph } from "../../src/onnx/builder.ts";
import { writeOnnx } from "../../src/onnx/file.ts";
import { type Dim, describeNode, type Graph } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";
import { type Random, randomFor } from "../../src/random.ts";
import { nodeRuntime } from "../../src/runtime/ort.node.ts";
import type { Program } from "../../src/runtime.ts";
import { type ElementType, product, type Tensor, tensor } from "../../src/tensor.ts";

/**
 * How the elements of an input are drawn: `any` in [-2, 2]; `positive` in [0.5, 2.5]; `away` from 0, in ±[0.5, 2];
 * `spaced`: whole numbers, all different, in random order, so that no step changes which one is the largest.
 */
export type Fill = "any" | "positive" | "away" | "spaced";

export interface SampleInput {
  readonly dims: readonly number[];
  /** The shape as the graph declares it, where that is not `dims`. */
  readonly declared?: readonly Dim[] | null;
  readonly values?: Fill | readonly number[];
  /** Other than the sample's own type. Inputs of integers are not differentiated. */
  readonly type?: ElementType;
}

/** A small graph around one operator. Its gradient is checked with respect to every float input. */
export interface Sample {
  readonly name: string;
  /** Versions of the standard operators to check at; by default 9, 11, 13 and 17. */
  readonly opsets?: readonly number[];
  /** float64 by default; float32 where ONNX Runtime's CPU kernels have nothing else. */
  readonly type?: "float32" | "float64";
  readonly inputs: Readonly<Record<string, SampleInput>>;
  /** Appends the nodes; gives the name of the output. */
  build(b: Ops, x: Readonly<Record<string, string>>): string;
  /** For what rounds: the smooth function whose differences its gradient is compared with; its values are that near. */
  readonly surrogate?: { build: Sample["build"]; readonly rounding: number };
}

export const DEFAULT_OPSETS = [9, 11, 13, 17];
export const runtime = nodeRuntime("cpu", 1);

/**
 * The step of the differences, and how far they may be from the gradient, relative to the sum of the terms' sizes. All
 * random numbers are multiples of 1/64, so that in float32 whatever is linear is nearly exact at any step; the five-point
 * stencil leaves an error of step⁴ where it is not.
 */
const ACCURACY = { float32: { step: 2 ** -5, tolerance: 2e-5 }, float64: { step: 2 ** -10, tolerance: 2e-9 } };

/** Loads a graph in ONNX Runtime for as long as `use` takes. */
export async function withProgram<T>(graph: Graph, use: (program: Program) => Promise<T>): Promise<T> {
  const program = await runtime.load(writeOnnx(graph));
  try {
    return await use(program);
  } finally {
    await program.release();
  }
}

const rounded = (value: number): number => Math.round(value * 64) / 64;
const symmetric = (random: Random): number => rounded(4 * random.uniform() - 2);

function fill(kind: Fill, count: number, random: Random): number[] {
  if (kind === "spaced") return shuffledIntegers(count, random);
  return Array.from({ length: count }, () => {
    if (kind === "any") return symmetric(random);
    const size = rounded(0.5 + (kind === "positive" ? 2 : 1.5) * random.uniform());
    return kind === "away" && random.uniform() < 0.5 ? -size : size;
  });
}

function shuffledIntegers(count: number, random: Random): number[] {
  const values = Array.from({ length: count }, (_, i) => i - Math.floor(count / 2));
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

/** A tensor of these numbers. */
export function numbers(type: ElementType, dims: readonly number[], values: readonly number[]): Tensor {
  if (type === "float32") return tensor(type, dims, Float32Array.from(values));
  if (type === "float64") return tensor(type, dims, Float64Array.from(values));
  if (type === "bool") return tensor(type, dims, Uint8Array.from(values));
  if (type === "int32") return tensor(type, dims, Int32Array.from(values));
  return tensor("int64", dims, BigInt64Array.from(values, BigInt));
}

export const isFloat = (t: Tensor): boolean => t.type === "float32" || t.type === "float64";
const elements = (t: Tensor): ArrayLike<number> => t.data as ArrayLike<number>;
const dot = (a: Tensor, b: Tensor): number => {
  let total = 0;
  for (let i = 0; i < a.data.length; i++) total += elements(a)[i]! * elements(b)[i]!;
  return total;
};

export function drawInputs(sample: Sample, random: Random): Record<string, Tensor> {
  const draw = ({ dims, values = "any", type = sample.type ?? "float64" }: SampleInput) =>
    numbers(type, dims, typeof values === "string" ? fill(values, product(dims), random) : values);
  return Object.fromEntries(Object.entries(sample.inputs).map(([name, input]) => [name, draw(input)]));
}

/** The sample's graph, being built: its inputs declared and its operator applied. */
export function start(sample: Sample, opset: number): { b: Ops; y: string } {
  const empty = emptyGraph("sample", opset);
  const b = new Ops({ ...empty, opsets: new Map([...empty.opsets, ["com.microsoft", 1], ["ai.onnx.ml", 3]]) });
  const names = Object.entries(sample.inputs).map(
    ([name, { dims, declared = dims, type = sample.type ?? "float64" }]) => [
      name,
      b.input({ name, type, dims: declared }),
    ],
  );
  return { b, y: sample.build(b, Object.fromEntries(names) as Record<string, string>) };
}

/** Checks the gradient of one sample at one opset against differences of its values. */
export async function checkGradient(sample: Sample, opset: number): Promise<void> {
  const random = randomFor(1, opset);
  const feeds = drawInputs(sample, random);
  const { surrogate } = sample;
  const forward = start(surrogate ? { ...sample, build: surrogate.build } : sample, opset);
  await withProgram(forward.b.finish([forward.y]), async (program) => {
    const value = async (changed: Record<string, Tensor>) => (await program.run({ ...feeds, ...changed }))[forward.y]!;
    const y = await value({});
    expect(elements(y), "values of the sample").toSatisfy((v: ArrayLike<number>) =>
      Array.from(v).every(Number.isFinite),
    );
    const seed = numbers(y.type, y.dims, fill("any", product(y.dims), random));
    const values = surrogate ? await roundedValues(sample, opset, feeds, y) : y;
    const gradients = await gradientsOf(sample, opset, feeds, seed, values);
    for (const [name, gradient] of Object.entries(gradients))
      await compare(name, feeds[name]!, gradient, async (x) => dot(await value({ [name]: x }), seed), random);
  });
}

/** The values of a sample that rounds: as near to the smooth ones as it says. */
async function roundedValues(sample: Sample, opset: number, feeds: Record<string, Tensor>, smooth: Tensor) {
  const { b, y } = start(sample, opset);
  const values = await withProgram(b.finish([y]), async (program) => (await program.run(feeds))[y]!);
  expect(values.dims, "shape of the rounded values").toEqual(smooth.dims);
  const distances = Array.from(elements(values), (v, i) => Math.abs(v - elements(smooth)[i]!));
  expect(Math.max(...distances), "distance of the rounded values").toBeLessThanOrEqual(sample.surrogate!.rounding);
  return values;
}

/** A graph of one output with the gradients of ⟨seed, output⟩, where `seed` is another input, being built; and their names. */
export function withGradients(graph: Graph, wrt: readonly string[], type: ElementType): { b: Ops; names: string[] } {
  const b = new Ops(lower(graph, wrt), "gradient");
  const y = graph.outputs[0]!.name;
  const seed = b.input({ name: "seed", type, dims: b.fact(y).dims });
  return { b, names: backward(b, y, seed, wrt) };
}

/** ∂⟨seed, y⟩ of every float input; every value on the way must be as inferred, and every operator a standard one. */
async function gradientsOf(sample: Sample, opset: number, feeds: Record<string, Tensor>, seed: Tensor, values: Tensor) {
  const wrt = Object.keys(feeds).filter((name) => isFloat(feeds[name]!));
  const { b: original, y } = start(sample, opset);
  const { b, names } = withGradients(original.finish([y]), wrt, seed.type);
  for (const node of b.nodes) expect(node.domain, describeNode(node)).toBe("");
  const made = b.nodes.flatMap((node) => node.outputs).filter((name) => name !== "" && b.fact(name).type !== null);
  const graph = b.finish([...new Set([...made, ...names])]);
  const results = await withProgram(graph, (program) => program.run({ ...feeds, seed }));
  for (const name of made) expectAsInferred(name, b.fact(name).dims, b.fact(name).type, results[name]!);
  expectSameValues(results[y], values);
  return Object.fromEntries(wrt.map((name, i) => [name, results[names[i]!] ?? seed]));
}

/** What an operator is lowered to must give its values, where these are known to be there. */
function expectSameValues(lowered: Tensor | undefined, original: Tensor): void {
  if (!lowered || !isFloat(original)) return;
  expect(lowered.dims, "shape of the lowered operator's values").toEqual(original.dims);
  const largest = Array.from(elements(original), Math.abs).reduce((p, q) => Math.max(p, q), 1);
  const tolerance = original.type === "float32" ? 1e-6 : 1e-13;
  for (let i = 0; i < original.data.length; i++)
    expect(
      Math.abs(elements(lowered)[i]! - elements(original)[i]!) / largest,
      `value ${i} of the lowered operator`,
    ).toBeLessThan(tolerance);
}

/** Inferred sizes that are numbers must be the real ones. */
export function expectAsInferred(
  name: string,
  dims: readonly Dim[] | null,
  type: ElementType | null,
  actual: Tensor,
): void {
  expect(actual.type, `type of ${name}`).toBe(type);
  if (!dims) return;
  const real = dims.map((d, i) => (typeof d === "number" ? actual.dims[i] : d));
  expect({ dims, rank: dims.length }, `shape of ${name}`).toEqual({ dims: real, rank: actual.dims.length });
}

async function compare(
  name: string,
  x: Tensor,
  gradient: Tensor,
  along: (x: Tensor) => Promise<number>,
  random: Random,
) {
  expect(gradient.dims, `shape of the gradient of ${name}`).toEqual(x.dims);
  expect(gradient.type, `type of the gradient of ${name}`).toBe(x.type);
  const { step, tolerance } = ACCURACY[x.type as "float32" | "float64"];
  const direction = numbers(
    x.type,
    x.dims,
    Array.from({ length: x.data.length }, () => symmetric(random) / 2),
  );
  const at = (t: number) =>
    along(
      numbers(
        x.type,
        x.dims,
        Array.from(elements(x), (v, i) => v + t * elements(direction)[i]!),
      ),
    );
  const [a, b, c, d] = [await at(-2 * step), await at(-step), await at(step), await at(2 * step)];
  const expected = (8 * (c - b) - (d - a)) / (12 * step);
  const terms = Array.from(elements(gradient), (v, i) => Math.abs(v * elements(direction)[i]!));
  const scale = Math.max(
    1,
    terms.reduce((p, q) => p + q, 0),
  );
  const got = dot(gradient, direction);
  expect(
    Math.abs(got - expected) / scale,
    `${name}: ⟨gradient, direction⟩ is ${got}, differences give ${expected}`,
  ).toBeLessThan(tolerance);
}

/** An operator of another domain, with one output or more. */
export function contrib(
  b: Ops,
  op: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  outputs = 1,
): string[] {
  const names = Array.from({ length: outputs }, () => b.fresh(op));
  b.append({ op, domain: "com.microsoft", name: "", inputs, outputs: names, attributes: Attributes.from(attributes) });
  return names;
}

/** Output i of a node beside its first one, in one vector: the other outputs need not depend on every input. */
export const withFirst = (b: Ops, outputs: readonly string[], i: number): string =>
  i === 0 ? outputs[0]! : b.add("Concat", [b.reshape(outputs[0]!, [-1]), b.reshape(outputs[i]!, [-1])], { axis: 0 });

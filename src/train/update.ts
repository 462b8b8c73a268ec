import type { Program } from "../runtime.ts";
import type { FloatTensor } from "../tensor.ts";
import type { Optimizer } from "../train.ts";

type Vectors = Readonly<Record<string, Float32Array>>;

/** The vectors after one update: `program` runs the graph of `updateGraph`. `step` counts from 1. */
export async function updated(
  program: Program,
  optimizer: Optimizer,
  vectors: Vectors,
  gradient: Float32Array,
  { step, rate }: { readonly step: number; readonly rate: number },
): Promise<Vectors> {
  const vector = (data: Float32Array): FloatTensor => ({ type: "float32", dims: [data.length], data });
  const scalar = (value: number): FloatTensor => ({ type: "float32", dims: [], data: Float32Array.of(value) });
  const scalars = Object.entries(optimizer.scalars(step, rate));
  const next = await program.run({
    gradient: vector(gradient),
    parameters: vector(vectors["parameters"]!),
    ...Object.fromEntries(optimizer.state.map((name) => [`state/${name}`, vector(vectors[name]!)])),
    ...Object.fromEntries(scalars.map(([name, value]) => [`step/${name}`, scalar(value)])),
  });
  return Object.fromEntries(Object.keys(vectors).map((name) => [name, next[`next/${name}`]!.data as Float32Array]));
}

import { openBounds } from "../../src/certify/bounds/bounds.ts";
import { asNetwork, type Network } from "../../src/certify/bounds/network.ts";
import { messageOf, PerturbError } from "../../src/errors.ts";
import { readOnnx } from "../../src/onnx/file.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { inferShapes } from "../../src/onnx/shapes.ts";
import { writeTensor } from "../../src/onnx/tensor-proto.ts";
import { type Random, randomFor } from "../../src/random.ts";
import { type FloatTensor, product, tensor } from "../../src/tensor.ts";
import { filled, modelBytes, type Tensors, valuesOf } from "./conformance-data.ts";
import { runtime, withProgram } from "./gradient-check.ts";
import { isReal } from "./slopes.ts";

/**
 * - `holds`: no sample of any box is below its bounds.
 * - `no rows`: the output has no row for each sample of an input, or samples change each other's.
 * - `refused`: an operator has no bounds; it says which.
 */
export interface BoundFinding {
  readonly outcome: "holds" | "no rows" | "refused" | "failed";
  readonly because?: string;
}

const POINTS = 200;
/** Outputs whose bounds are compared. */
const MOST_OUTPUTS = 8;
/** Of inputs and outputs: larger ones take long, and have the same operators. */
const MOST_ELEMENTS = 4000;
const RADII = [0, 0.01, 0.5];
const METHODS = ["ibp", "crown-ibp"] as const;

/** Bounds of one model by each of its float inputs, with the other inputs as constants. */
export async function examineBounds(name: string): Promise<BoundFinding> {
  const file = readOnnx(modelBytes(name), name);
  const feeds = filled(valuesOf(name, "input", file.inputs));
  const found: BoundFinding[] = [];
  for (const [input, t] of Object.entries(feeds))
    if (isReal(t) && t.type === "float32" && t.data.length > 0)
      found.push(await boundsOf(file, feeds, input, randomFor(5, 5)));
  const first = (outcome: BoundFinding["outcome"]) => found.find((f) => f.outcome === outcome);
  return first("failed") ?? first("holds") ?? first("refused") ?? first("no rows") ?? { outcome: "no rows" };
}

/** A graph of one input and its first output. */
function alone(file: Graph, feeds: Tensors, input: string, dims: readonly number[]): Graph {
  const others = Object.entries(feeds).filter(([name]) => name !== input);
  const initializers = new Map([...file.initializers, ...others.map(([k, t]) => [k, writeTensor(k, t)] as const)]);
  const inputs = file.inputs.filter((v) => v.name === input).map((v) => ({ ...v, type: "float32" as const, dims }));
  return { ...file, inputs, initializers, outputs: file.outputs.slice(0, 1) };
}

/** One sample is the whole input, or its first row. */
function opened(file: Graph, feeds: Tensors, input: string): Network | string {
  const dims = feeds[input]!.dims;
  let why = "";
  for (const shape of [[1, ...dims.slice(1)], dims]) {
    const graph = alone(file, feeds, input, shape);
    const out = inferShapes(graph).get(graph.outputs[0]!.name)?.dims;
    if (!out?.every((d): d is number => typeof d === "number")) continue;
    try {
      return asNetwork(graph, { inputs: product(shape), outputs: product(out) });
    } catch (error) {
      if (!(error instanceof PerturbError)) throw error;
      why = messageOf(error);
    }
  }
  return why || "its shape is not known";
}

async function boundsOf(file: Graph, feeds: Tensors, input: string, random: Random): Promise<BoundFinding> {
  let network: Network | string;
  try {
    network = opened(file, feeds, input);
  } catch (error) {
    return { outcome: "failed", because: messageOf(error) };
  }
  if (typeof network === "string") return { outcome: "no rows", because: network };
  const { graph, sample, outputs } = network;
  if (product(sample) > MOST_ELEMENTS || outputs > MOST_ELEMENTS) return { outcome: "no rows", because: "it is large" };
  if (inferShapes(file).get(file.outputs[0]!.name)?.type !== "float32")
    return { outcome: "no rows", because: "its output is not float32" };
  const given = Float32Array.from(feeds[input]!.data as Float32Array).slice(0, product(sample));
  let runs = false;
  try {
    return await withProgram(graph, async (program) => {
      const run = async (x: Float32Array): Promise<Float32Array> => {
        const dims = [x.length / given.length, ...sample];
        return (await program.run({ x: tensor("float32", dims, x) }))["y"]!.data as Float32Array;
      };
      if (await isMixed(run, given, outputs).catch(() => true)) return { outcome: "no rows" };
      runs = true;
      const bounds = await openBounds(graph, runtime);
      try {
        for (const radius of RADII) {
          const wrong = await compare({ bounds, run, given, radius, sample, outputs, random });
          if (wrong) return { outcome: "failed", because: wrong };
        }
      } finally {
        await bounds.release();
      }
      return { outcome: "holds" };
    });
  } catch (error) {
    if (error instanceof PerturbError && (error.code === "unsupported" || error.code === "no-gradient"))
      return { outcome: "refused", because: messageOf(error) };
    // A graph whose shapes do not fit several samples.
    return { outcome: runs ? "failed" : "no rows", because: messageOf(error) };
  }
}

type Run = (x: Float32Array) => Promise<Float32Array>;

/** Whether a sample's outputs are others beside another sample. */
async function isMixed(run: Run, given: Float32Array, outputs: number): Promise<boolean> {
  const other = given.map((v) => v + 0.37);
  const [together, alone] = [await run(Float32Array.from([...other, ...given])), await run(given)];
  const near = (v: number, i: number): boolean => {
    const beside = together[outputs + i]!;
    return Object.is(v, beside) || Math.abs(v - beside) <= 1e-5 * (1 + Math.abs(v));
  };
  return together.length !== 2 * outputs || !alone.every(near);
}

interface Compared {
  readonly bounds: Awaited<ReturnType<typeof openBounds>>;
  readonly run: Run;
  readonly given: Float32Array;
  readonly radius: number;
  readonly sample: readonly number[];
  readonly outputs: number;
  readonly random: Random;
}

/** Says which bound is above a sample. */
async function compare({ bounds, run, given, radius, sample, outputs, random }: Compared) {
  const size = given.length;
  const [lower, upper] = [
    given.map((v) => v - radius * random.uniform()),
    given.map((v) => v + radius * random.uniform()),
  ];
  const points = Float32Array.from({ length: POINTS * size }, (_, k) => {
    const share = Math.floor(k / size) % 2 === 0 ? random.integer(2) : random.uniform();
    const [l, u] = [lower[k % size]!, upper[k % size]!];
    return Math.min(u, Math.max(l, l + (u - l) * share));
  });
  const y = await run(points);
  const rows = 2 * Math.min(MOST_OUTPUTS, outputs);
  const seed = tensor("float32", [rows, outputs], new Float32Array(rows * outputs));
  for (let row = 0; row < rows; row++) seed.data[row * outputs + (row >> 1)] = row % 2 === 0 ? 1 : -1;
  const one = (data: Float32Array): FloatTensor => tensor("float32", [1, ...sample], data);
  const box = { centre: one(given), lower: one(lower), upper: one(upper) };
  for (const method of METHODS) {
    const found = await bounds.lower(box, { seed, samples: new Int32Array(rows) }, method);
    for (let row = 0; row < rows; row++) {
      const sign = row % 2 === 0 ? 1 : -1;
      for (let p = 0; p < POINTS; p++)
        if (found[row]! > sign * y[p * outputs + (row >> 1)]!)
          return `radius ${radius}, ${method}: ${found[row]} of output ${row >> 1}, which is ${sign * y[p * outputs + (row >> 1)]!}`;
    }
  }
  return undefined;
}

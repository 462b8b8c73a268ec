import { beforeAll, describe, expect, it } from "vitest";
import { open, twoClassGraph } from "../../../test/support/models.ts";
import type { ClassifierFile } from "../../models/classifier/classifier.ts";
import { type GraphModel, openClassifier } from "../../models/classifier/graph-model.ts";
import { openModel } from "../../models/open.node.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { readNode, writeNode } from "../../onnx/node-proto.ts";
import { altered, renameNode } from "../../onnx/subgraphs.ts";
import { normalQuantile } from "../../probability/normal.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor, Tensor } from "../../tensor.ts";
import { certifySample } from "./certify.ts";
import { counterOf, standardNoise } from "./counter.ts";
import { smoothedGraph } from "./graph.ts";
import { smoothingPlan } from "./plan.ts";

const runtime = nodeRuntime("cpu", 1);
const PLAN = smoothingPlan({ sigma: 0.5, selection: 30, draws: 250, seed: 4 });
const SIZE = 28 * 28;

let model: GraphModel;
beforeAll(async () => {
  model = await openModel("lenet-mnist");
});

/** Strokes and rings, of which the network is sure, and not. */
const sample = (k: number): Float32Array =>
  Float32Array.from({ length: SIZE }, (_, i) => {
    const [row, column] = [Math.floor(i / 28), i % 28];
    if (k === 0) return Math.abs(column - 14) < 2 && row > 4 && row < 24 ? 1 : 0;
    if (k === 1) return Math.abs(Math.hypot(row - 14, column - 14) - 7) < 1.5 ? 1 : 0;
    return ((i * 7919 * k) % 97) / 97;
  });

const noiseOf = (index: number): FloatTensor => {
  const { seed, selection, draws } = PLAN;
  const part = (stream: "selection" | "estimation", to: number) =>
    standardNoise(SIZE, { seed, sample: index, stream, from: 0, to });
  const data = new Float32Array((selection + draws) * SIZE);
  data.set(part("selection", selection));
  data.set(part("estimation", draws), selection * SIZE);
  return {
    type: "float32",
    dims: [selection + draws, 1, 28, 28],
    data,
  };
};

async function run(file: ClassifierFile, options: Partial<Parameters<typeof smoothedGraph>[1]>, feeds: Tensor[]) {
  const bytes = writeOnnx(smoothedGraph(file, { ...PLAN, ...options }));
  const program = await runtime.load(bytes);
  const results: Record<string, Tensor>[] = [];
  for (const x of feeds)
    results.push(await program.run(options.noise === "input" ? { x, noise: noiseOf(results.length) } : { x }));
  await program.release();
  return results;
}

const inputs = [0, 1, 2, 3].map((k): FloatTensor => ({ type: "float32", dims: [1, 1, 28, 28], data: sample(k) }));

describe("the smoothed classifier as a graph", () => {
  it.each([100, 64, 1000])(
    "answers as certifySample does for the same noise, bit for bit, %d draws at a time",
    async (batch) => {
      const results = await run(model.file, { noise: "input", batch }, inputs);
      const count = counterOf(model, { ...PLAN, batch });
      for (const [index, result] of results.entries()) {
        const expected = await certifySample(count, { x: sample(index), sample: index }, PLAN);
        expect(result["radius"]!.data).toEqual(Float64Array.of(expected.radius));
        expect(result["lower"]!.data).toEqual(Float64Array.of(expected.lower));
        expect(result["class"]!.data).toEqual(BigInt64Array.of(BigInt(expected.class)));
        expect(result["abstain"]!.data).toEqual(Uint8Array.of(Number(expected.abstained)));
        const counts = await count({ x: sample(index), sample: index, stream: "estimation", from: 0, to: PLAN.draws });
        expect(result["counts"]!.data).toEqual(BigInt64Array.from(counts, BigInt));
      }
      // Otherwise nothing was compared.
      expect(new Set(results.map((result) => Number(result["abstain"]!.data[0]))).size).toBe(2);
    },
  );

  it.each([1, 7])("takes a network whose batch is fixed at %d", async (batch) => {
    const graph = readOnnx(model.file.onnx);
    const fixed = { ...graph, inputs: graph.inputs.map((v) => ({ ...v, dims: [batch, 1, 28, 28] })) };
    const file = { ...model.file, onnx: writeOnnx(fixed), batch };
    const [free] = await run(model.file, { noise: "input" }, inputs.slice(0, 1));
    const [result] = await run(file, { noise: "input" }, inputs.slice(0, 1));
    expect(result).toEqual(free);
    await openClassifier(file, runtime).release();
  });

  it("draws its own noise, anew in each run: as it likes, or from a seed", async () => {
    const twice = [inputs[2]!, inputs[2]!];
    const countsOf = async (options: { noiseSeed?: number }) =>
      (await run(model.file, options, twice)).map((result) => String(result["counts"]!.data));
    const seeded = await countsOf({ noiseSeed: 3 });
    expect(await countsOf({ noiseSeed: 3 })).toEqual(seeded);
    expect(await countsOf({ noiseSeed: 4 })).not.toEqual(seeded);
    for (const [first, second] of [seeded, await countsOf({})]) expect(first).not.toBe(second);
    for (const counts of seeded) expect(counts.split(",").reduce((sum, c) => sum + Number(c), 0)).toBe(250);
  });

  it("draws noise of the deviation asked: as many draws fall beyond a plane as the normal distribution says", async () => {
    const w = Float32Array.of(0.6, -1.2, 0.4);
    const plane = open(twoClassGraph(w, -0.3));
    const draws = 20_000;
    const x: FloatTensor = { type: "float32", dims: [1, 3], data: Float32Array.of(0.9, 0.1, 0.2) };
    const [result] = await run(plane.file, { noiseSeed: 1, sigma: 0.25, draws }, [x]);
    const share = Number((result!["counts"]!.data as BigInt64Array)[1]) / draws;
    const scores = (await plane.logits(x)).data;
    const expected = (scores[1]! - scores[0]!) / Math.hypot(...w) / 0.25;
    expect(Math.abs(normalQuantile(share) - expected)).toBeLessThan(0.04);
    await plane.release();
  });

  it("counts NaN for no class", async () => {
    const broken: FloatTensor = { ...inputs[0]!, data: new Float32Array(SIZE).fill(Number.NaN) };
    const [result] = await run(model.file, {}, [broken]);
    expect([...(result!["counts"]!.data as BigInt64Array)]).toEqual(Array(10).fill(0n));
    expect(Number(result!["class"]!.data[0])).toBe(-1);
  });

  it("takes a network that uses its names for other values", async () => {
    const graph = readOnnx(model.file.onnx);
    const [first, second] = graph.nodes;
    const names = new Map([
      [first!.outputs[0]!, "counts"],
      [second!.outputs[0]!, "radius"],
      [[...graph.initializers.keys()][0]!, "noise"],
    ]);
    const renaming = { value: (name: string) => names.get(name) ?? name, own: (name: string) => name };
    const other = {
      ...graph,
      initializers: new Map(
        [...graph.initializers].map(([name, t]) => [renaming.value(name), altered(t, { name: renaming.value(name) })]),
      ),
      nodes: graph.nodes.map((node) => readNode(renameNode(writeNode(node), renaming))),
    };
    const file = { ...model.file, onnx: writeOnnx(other) };
    const [expected] = await run(model.file, { noise: "input" }, inputs.slice(0, 1));
    expect(await run(file, { noise: "input" }, inputs.slice(0, 1))).toEqual([expected]);
  });

  it("refuses to draw more than the generator has, and takes that as an input", () => {
    const large = { ...model.file, inputShape: [1, 224, 224] };
    expect(() => smoothedGraph(large, { sigma: 1 })).toThrow(/100100 draws of 50176 numbers .*`noise: "input"`/);
    expect(smoothedGraph(model.file, { sigma: 1, draws: 2_000, noise: "input" }).inputs).toHaveLength(2);
  });

  it("refuses what it cannot hold", () => {
    expect(() => smoothedGraph(model.file, { sigma: 1, draws: 2_000_000 })).toThrow(/at most 1000000 draws/);
    const graph = readOnnx(model.file.onnx);
    const old = { ...model.file, onnx: writeOnnx({ ...graph, opsets: new Map([["", 11]]) }) };
    expect(() => smoothedGraph(old, PLAN)).toThrow(/uses opset 11, and a loop over draws needs 13/);
    const fed = { ...model.file, rows: [] };
    expect(() => smoothedGraph(fed, PLAN)).toThrow(/an input beside x holds a row for each sample/);
  });
});

import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import type { Program, Runtime } from "../../runtime.ts";
import { product, takeRows, tensor } from "../../tensor.ts";
import type { Ends } from "./batches.ts";
import type { Box } from "./box.ts";
import { freeOf, reaching, slopesOf } from "./linearised.ts";
import { type BoundPrograms, boundPrograms, type Frontier } from "./programs.ts";

/**
 * Over one box a network of Relus is linear in its input and in what its neurons of open sign give. Dense layers of these alone, [N, inputs] to
 * [N, outputs], compute the same but for rounding: good for choosing, no proof, and much smaller.
 */
export interface Reduced {
  readonly graph: Graph;
  readonly programs: BoundPrograms;
  readonly box: Box;
  /** What is known of the neurons that it has. */
  readonly endsOf: (ends: Ends) => Ends;
  /** The layer that has open elements of a value, in their order. */
  readonly layerOf: (value: string) => Layer | undefined;
}

interface Layer {
  readonly name: string;
  readonly value: string;
  readonly elements: readonly number[];
}

/** One element as a function of the input and of what open neurons before it give. */
interface Row {
  readonly slope: Float32Array;
  readonly reaching: ReadonlyMap<string, Float32Array>;
  readonly constant: number;
}

/** Numbers in its weights: with more, the network itself is as fast. */
const MOST_WEIGHTS = 2 ** 22;
/** Numbers of one value in the rows that are sent backwards at a time. */
const MOST_NUMBERS = 2 ** 20;

/** @param box one sample  @param ends of it. Undefined where the network has other curves than Relus, or too many open neurons. */
export async function reduced(
  programs: BoundPrograms,
  box: Box,
  ends: Ends,
  { outputs, runtime }: { readonly outputs: number; readonly runtime: Runtime },
): Promise<Reduced | undefined> {
  const { linear, frontiers } = programs;
  const inputs = box.centre.data.length;
  const layers = frontiers.flatMap(({ value }, i): Layer[] => {
    const { lower, upper } = ends.get(value)!;
    const elements = [...lower.keys()].filter((e) => lower[e]! < 0 && upper[e]! > 0);
    return elements.length > 0 ? [{ name: `z${i}`, value, elements }] : [];
  });
  const open = layers.reduce((sum, { elements }) => sum + elements.length, 0);
  if (!linear || open === 0 || (open + outputs) * (inputs + open) > MOST_WEIGHTS) return undefined;
  const last = { name: "y", value: programs.output, elements: [...Array(outputs).keys()] };
  const b = new Ops(emptyGraph("reduced"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", inputs] });
  const gives = new Map<Layer, string>();
  for (const layer of [...layers, last]) {
    const shape = frontiers.find(({ value }) => value === layer.value)?.shape ?? [outputs];
    const rows = await rowsOf(await linear(layer.value), layer, shape, { box, ends, frontiers });
    const matrix = (width: number, of: (row: Row) => Float32Array) => {
      const data = new Float32Array(rows.length * width);
      for (const [i, row] of rows.entries()) data.set(of(row), i * width);
      return b.constant(tensor("float32", [rows.length, width], data));
    };
    const constants = b.constant(
      tensor(
        "float32",
        [rows.length],
        Float32Array.from(rows, ({ constant }) => constant),
      ),
    );
    let z = b.add("Gemm", [x, matrix(inputs, ({ slope }) => slope), constants], { transB: 1 });
    for (const [{ value, elements }, r] of gives) {
      if (!rows[0]!.reaching.has(value)) continue;
      const weights = matrix(elements.length, (row) => {
        const all = row.reaching.get(value)!;
        return Float32Array.from(elements, (e) => all[e]!);
      });
      z = b.plus(z, b.add("Gemm", [r, weights], { transB: 1 }));
    }
    b.alias(layer.name, z);
    if (layer !== last) gives.set(layer, b.add("Relu", [layer.name]));
  }
  const flat = (data: Float32Array) => tensor("float32", [1, inputs], data);
  const graph = b.finish([last.name]);
  return {
    graph,
    programs: await boundPrograms(graph, runtime, "real"),
    box: {
      centre: flat(box.centre.data as Float32Array),
      lower: flat(box.lower.data as Float32Array),
      upper: flat(box.upper.data as Float32Array),
    },
    endsOf: (of) =>
      new Map(
        layers.map(({ name, value, elements }) => {
          const { lower, upper } = of.get(value)!;
          const some = (data: Float32Array) => Float32Array.from(elements, (e) => data[e]!);
          return [name, { lower: some(lower), upper: some(upper) }];
        }),
      ),
    layerOf: (value) => layers.find((layer) => layer.value === value),
  };
}

interface Over {
  readonly box: Box;
  readonly ends: Ends;
  readonly frontiers: readonly Frontier[];
}

/** The elements of a layer, with neurons of known sign as the lines that they are. */
async function rowsOf(
  program: Program,
  { elements }: Layer,
  shape: readonly number[],
  { box, ends, frontiers }: Over,
): Promise<Row[]> {
  const widest = Math.max(box.centre.data.length, product(shape), ...frontiers.map((f) => product(f.shape)));
  const many = Math.max(1, Math.floor(MOST_NUMBERS / widest));
  const rows: Row[] = [];
  for (let at = 0; at < elements.length; at += many) {
    const taken = elements.slice(at, at + many);
    const n = taken.length;
    const size = product(shape);
    const seed = new Float32Array(n * size);
    for (const [i, e] of taken.entries()) seed[i * size + e] = 1;
    const given = { x: takeRows(box.centre, new Int32Array(n)), seed: tensor("float32", [n, ...shape], seed) };
    const known = frontiers
      .filter(({ value }) => program.inputs.includes(slopesOf(value)))
      .flatMap(({ value, shape: of }) => {
        const { lower } = ends.get(value)!;
        const slopes = Float32Array.from({ length: n * lower.length }, (_, i) =>
          lower[i % lower.length]! >= 0 ? 1 : 0,
        );
        return [
          [slopesOf(value), tensor("float32", [n, ...of], slopes)] as const,
          [freeOf(value), tensor("float32", [n, ...of], new Float32Array(slopes.length))] as const,
        ];
      });
    const inputs: Record<string, ReturnType<typeof takeRows>> = { ...given, ...Object.fromEntries(known) };
    const results = await program.run(Object.fromEntries(program.inputs.map((name) => [name, inputs[name]!])));
    const part = (name: string, i: number) => {
      const data = results[name]!.data as Float32Array;
      return data.slice((i * data.length) / n, ((i + 1) * data.length) / n);
    };
    for (const [i, e] of taken.entries()) {
      const slope = part("slope", i);
      const constant = slope.reduce((sum, a, k) => sum - a * box.centre.data[k]!, part("at", i)[e]!);
      const reached = frontiers.filter(({ value }) => results[reaching(value)]);
      rows.push({ slope, constant, reaching: new Map(reached.map(({ value }) => [value, part(reaching(value), i)])) });
    }
  }
  return rows;
}

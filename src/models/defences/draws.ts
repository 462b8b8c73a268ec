import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import type { Graph, GraphValue } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { randomFor } from "../../random.ts";
import { product, type Tensor, tensor } from "../../tensor.ts";

/** How the names of nodes begin that draw at random for a defence. */
const DRAWS = "defence draws: ";

/** Numbers drawn anew in each run, one for each element of `like`: normal with σ = 1, or uniform in [0, 1). */
export const drawn = (b: Ops, kind: "normal" | "uniform", like: string): string =>
  b.named(`${DRAWS}${kind}`, kind === "normal" ? "RandomNormalLike" : "RandomUniformLike", [like]);

/** Streams of random numbers that nothing else takes: "defe". */
const STREAM = 0x64656665;

interface DrawnInput {
  readonly kind: "normal" | "uniform";
  /** Of one sample. */
  readonly shape: readonly number[];
  readonly stream: number;
}

/** What the defences of one classifier draw, by sample and query, so that no result depends on batches, their order or workers. */
export interface Draws {
  /** From now on the draws are those of a seed, and each sample's first query is its first. */
  readonly begin: (seed: number) => void;
  /** The graph with inputs in place of its draws. */
  readonly open: (onnx: Uint8Array) => Uint8Array;
  /** What these inputs get for n samples of these indices in the data set. */
  readonly feeds: (inputs: readonly string[], n: number, samples: Int32Array | undefined) => Record<string, Tensor>;
}

export function drawsOf(name: string): Draws {
  let seed = 0;
  const asked = new Map<number, number>();
  const known = new Map<string, DrawnInput>();
  return {
    begin(next) {
      seed = next;
      asked.clear();
    },
    open(onnx) {
      const { graph, inputs } = fedDraws(readOnnx(onnx, name));
      for (const [input, about] of inputs) known.set(input, about);
      return writeOnnx(graph);
    },
    feeds(inputs, n, samples) {
      const rows = Array.from({ length: n }, (_, i) => {
        const sample = samples?.[i] ?? i;
        const query = asked.get(sample) ?? 0;
        asked.set(sample, query + 1);
        return { sample, query };
      });
      return Object.fromEntries(
        inputs.flatMap((input) => {
          const about = known.get(input);
          return about ? [[input, drawnFor(about, rows, seed)] as const] : [];
        }),
      );
    },
  };
}

function drawnFor(
  { kind, shape, stream }: DrawnInput,
  rows: readonly { readonly sample: number; readonly query: number }[],
  seed: number,
): Tensor<"float32"> {
  const size = product(shape);
  const data = new Float32Array(rows.length * size);
  for (const [i, { sample, query }] of rows.entries()) {
    const random = randomFor(seed, sample, stream, query);
    for (let k = 0; k < size; k++) data[i * size + k] = random[kind]();
  }
  return tensor("float32", [rows.length, ...shape], data);
}

/** The graph whose draws are inputs, and what each is. */
function fedDraws(graph: Graph): { readonly graph: Graph; readonly inputs: ReadonlyMap<string, DrawnInput> } {
  const nodes = graph.nodes.filter(({ name }) => name.startsWith(DRAWS));
  const facts = inferShapes(graph);
  const inputs = new Map<string, DrawnInput>();
  const values = nodes.map(({ name, outputs }, i): GraphValue => {
    const { dims } = facts.get(outputs[0]!)!;
    const kind = name === `${DRAWS}normal` ? "normal" : "uniform";
    inputs.set(outputs[0]!, { kind, shape: dims!.slice(1) as number[], stream: STREAM + i });
    return { name: outputs[0]!, type: "float32", dims };
  });
  const rest = graph.nodes.filter((node) => !nodes.includes(node));
  return { graph: { ...graph, nodes: rest, inputs: [...graph.inputs, ...values] }, inputs };
}

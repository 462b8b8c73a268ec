import { backward } from "../../autodiff/engine.ts";
import { simplified } from "../../autodiff/lower.ts";
import { PerturbError } from "../../errors.ts";
import { writeOnnx } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { loadGraph } from "../../runtime/load-graph.ts";
import type { Runtime } from "../../runtime.ts";
import { type FloatTensor, product, tensor } from "../../tensor.ts";
import type { Network } from "../bounds/network.ts";
import type { Layer } from "./dense/layers.ts";
import { gradientsOf, outputsOf } from "./dense/runs.ts";

/** A network that runs: as the file has it, and for many samples with the gradient of what is asked. */
export interface Runs {
  /** The outputs [n, outputs] of inputs [n, ...]. */
  outputs(x: FloatTensor): Promise<Float32Array>;
  /** The gradients by the input of Σ seed·y of each sample; undefined of a network that has none, such as one of steps. */
  readonly gradients: ((x: FloatTensor, seed: Float32Array) => Promise<Float32Array>) | undefined;
  /** What the file itself gives for one input: what counts. */
  fileOutput(x: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/** How far outputs of several samples at once may be from those of each alone: kernels round differently. */
const ROUNDING = 1e-3;

/** @throws runtime; unsupported where samples of one run change each other */
export async function openRuns(file: Graph, network: Network, runtime: Runtime): Promise<Runs> {
  const { sample, outputs: count } = network;
  const own = await openFile(file, network, runtime);
  const b = new Ops(simplified(network.graph));
  const seed = b.input({ name: "seed", type: "float32", dims: ["N", count] });
  const gradient = gradientOf(b, seed);
  if (gradient) b.alias("gradient", gradient);
  const many = await loadGraph(runtime, b.finish(gradient ? ["y", "gradient"] : ["y"]));
  const run = async (x: FloatTensor, of: Float32Array, output: "y" | "gradient"): Promise<Float32Array> => {
    const n = x.dims[0]!;
    const results = await many.run({ x, seed: tensor("float32", [n, count], of) }, [output]);
    return results[output]!.data as Float32Array;
  };
  const runs: Runs = {
    outputs: (x) => run(x, new Float32Array(x.dims[0]! * count), "y"),
    gradients: gradient === undefined ? undefined : (x, of) => run(x, of, "gradient"),
    fileOutput: own.output,
    async release() {
      await Promise.all([own.release(), many.release()]);
    },
  };
  await checkRows(runs, sample);
  return runs;
}

/** A network of dense layers, which are quicker than graphs of few numbers. Only what the file gives is run. @throws runtime; unsupported */
export async function openDenseRuns(
  file: Graph,
  network: Network,
  { layers, runtime }: { readonly layers: readonly Layer[]; readonly runtime: Runtime },
): Promise<Runs> {
  const own = await openFile(file, network, runtime);
  const runs: Runs = {
    outputs: async (x) => outputsOf(layers, x.data as Float32Array),
    gradients: async (x, seed) => gradientsOf(layers, x, seed),
    fileOutput: own.output,
    release: () => own.release(),
  };
  await aloneOf(runs, threeOf(network.sample), network.sample);
  return runs;
}

interface OpenedFile {
  readonly output: (x: Float32Array) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

/** The file itself, for one input at a time. Its answer has the outputs of the network, or mismatch is thrown. @throws runtime */
async function openFile(
  graph: Graph,
  { file: { input, output, dims }, outputs }: Network,
  runtime: Runtime,
): Promise<OpenedFile> {
  const own = await runtime.load(writeOnnx(graph));
  return {
    output: async (x: Float32Array): Promise<Float32Array> => {
      const results = await own.run({ [input]: tensor("float32", dims, x) });
      const { data, dims: got } = results[output]!;
      if (data.length === outputs) return Float32Array.from(data as ArrayLike<number>);
      throw new PerturbError(
        "mismatch",
        `The model answers [${got.join(", ")}] for one input, and the property has ${outputs} outputs.`,
        { data: { got, outputs } },
      );
    },
    release: () => own.release(),
  };
}

function gradientOf(b: Ops, seed: string): string | undefined {
  try {
    return backward(b, "y", seed, ["x"])[0];
  } catch (error) {
    // A search by gradients is a help, which bounds do without.
    if (error instanceof PerturbError && error.code === "no-gradient") return undefined;
    throw error;
  }
}

/** Ordinary inputs, [3, ...]. */
const threeOf = (sample: readonly number[]): Float32Array =>
  Float32Array.from({ length: 3 * product(sample) }, (_, i) => ((i * 0.618034) % 1) - 0.3);

/** What the file gives for each of three inputs. @throws unsupported unless all is finite */
async function aloneOf(runs: Runs, x: Float32Array, sample: readonly number[]): Promise<number[]> {
  const size = product(sample);
  const alone: number[] = [];
  for (let i = 0; i < 3; i++) alone.push(...(await runs.fileOutput(x.subarray(i * size, (i + 1) * size))));
  if (!alone.every(Number.isFinite))
    throw new PerturbError(
      "unsupported",
      "The model's outputs are not all finite for ordinary inputs. Look for NaN among its weights, and for overflow.",
    );
  return alone;
}

/** @throws unsupported unless three samples give together what each gives alone */
async function checkRows(runs: Runs, sample: readonly number[]): Promise<void> {
  const x = threeOf(sample);
  const together = await runs.outputs(tensor("float32", [3, ...sample], x));
  const alone = await aloneOf(runs, x, sample);
  const largest = Math.max(1, ...alone.map(Math.abs));
  const near =
    alone.length === together.length && alone.every((v, i) => Math.abs(v - together[i]!) <= ROUNDING * largest);
  if (!near)
    throw new PerturbError(
      "unsupported",
      "Samples that are run together change each other's outputs, so that this model cannot be verified in batches. Export it for a batch without such operators.",
    );
}

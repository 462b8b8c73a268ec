import { PerturbError } from "../errors.ts";
import { isNormalization } from "../models/parameters/statistics.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { option } from "../option.ts";
import { loadGraph } from "../runtime/load-graph.ts";
import type { Runtime } from "../runtime.ts";
import { shuffledOrder } from "../train/samples.ts";
import { parameterViews, vectorSize } from "../train/vector.ts";
import type { Network } from "./network.ts";
import type { Hardening } from "./options.ts";
import type { Split, TakeSamples } from "./split.ts";

/** Samples that statistics are made of: a few thousand are enough (Wu and Johnson 2021, §3). */
const ENOUGH = 10_000;

/** Computes the statistics of a network with other weights. */
export interface Recalibration {
  of(weights: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/** @throws unsupported where a network has no statistics that could be recomputed */
export function refuseWithoutStatistics({ file, statistics }: Pick<Network, "file" | "statistics">): void {
  if (statistics) return;
  throw new PerturbError(
    "unsupported",
    `${file.name} has no BatchNormalization with stored statistics, so that there is nothing to recompute; exporters often fold it into the layer before. Leave ${option("batchNorm")} out.`,
  );
}

/**
 * Opens what recomputes the stored statistics of each BatchNormalization: the mean over batches of training data of their means and variances (over n - 1),
 * where each layer normalises by those of its own batch, as torch.optim.swa_utils.update_bn does ("precise" statistics: Wu and Johnson 2021,
 * https://arxiv.org/abs/2105.07576, §3). Always of the same samples, as they are in the data, up to 10,000.
 */
export async function openRecalibration(
  network: Network,
  { batch, seed }: Pick<Hardening, "batch" | "seed">,
  { training }: Pick<Split, "training">,
  take: TakeSamples,
  runtime: Runtime,
): Promise<Recalibration> {
  const program = await loadGraph(runtime, momentsGraph(network), network.file.folder);
  const order = shuffledOrder(training.length, seed, 0).map((place) => training[place]!);
  const batches = Math.max(1, Math.min(Math.floor(order.length / batch), Math.ceil(ENOUGH / batch)));
  return {
    async of(weights) {
      const feeds = parameterViews(network.shapes, weights);
      const sum = new Float64Array(vectorSize(network.statistics!.shapes));
      for (let k = 0; k < batches; k++) {
        const { x } = await take(order.subarray(k * batch, (k + 1) * batch));
        const moments = (await program.run({ ...feeds, x }))["moments"]!.data as Float32Array;
        for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + moments[i]!;
      }
      return Float32Array.from(sum, (total) => total / batches);
    },
    release: () => program.release(),
  };
}

/** Inputs: `x`, the parameters. Output: `moments`, the statistics of this batch, one after another as in the network's vector. */
export function momentsGraph({ graph, statistics }: Pick<Network, "graph" | "statistics">): Graph {
  const stored = new Set(Object.keys(statistics!.shapes.parameters));
  const inputs = graph.inputs.filter(({ name }) => !stored.has(name));
  const b = new Ops({ ...graph, inputs, nodes: [] });
  const found = new Map<string, string>();
  for (const node of graph.nodes) {
    if (!isNormalization(node) || !stored.has(node.inputs[3]!)) b.append(node);
    else for (const [name, value] of normalized(b, node)) found.set(name, value);
  }
  const moments = [...stored].map((name) => b.reshape(found.get(name)!, [-1]));
  b.alias("moments", b.add("Concat", moments, { axis: 0 }));
  return b.finish(["moments"]);
}

/** Appends what a BatchNormalization computes in training; gives the names of its mean and of its variance over n - 1. */
function normalized(b: Ops, node: Node): [string, string][] {
  const [x, scale, shift, mean, variance] = node.inputs as [string, string, string, string, string];
  const rank = b.dims(x).length;
  const others = [0, ...b.axesFrom(x, 2)];
  const spread = (value: string) => b.reshape(value, [1, -1, ...new Array<number>(rank - 2).fill(1)]);
  const middle = b.reduceMean(x, others, true);
  const centred = b.sub(x, middle);
  const wide = b.reduceMean(b.mul(centred, centred), others, true);
  const epsilon = b.scalar(node.attributes.float("epsilon", 1e-5), wide);
  const unit = b.div(centred, b.add("Sqrt", [b.plus(wide, epsilon)]));
  b.alias(node.outputs[0]!, b.plus(b.mul(unit, spread(scale)), spread(shift)));
  const count = b.div(b.cast(b.add("Size", [x]), "float32"), b.cast(b.add("Size", [scale]), "float32"));
  const one = b.scalar(1, count);
  const unbiased = b.mul(wide, b.div(count, b.add("Max", [b.sub(count, one), one])));
  return [
    [mean, middle],
    [variance, unbiased],
  ];
}

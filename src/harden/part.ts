import type { ConfiguredMethod, InnerModel } from "../harden.ts";
import { labelTensor } from "../models/classifier/graph-model.ts";
import type { Graph } from "../onnx/graph.ts";
import { loadGraph } from "../runtime/load-graph.ts";
import type { Program, Runtime } from "../runtime.ts";
import { type FloatTensor, type Tensor, tensor } from "../tensor.ts";
import type { Score } from "../train.ts";
import {
  ADVERSARIAL,
  asksBoth,
  attackGraph,
  certifiedGraph,
  divergenceGraph,
  REFERENCE,
  scalarOf,
  stepGraph,
} from "./graphs.ts";
import type { Network } from "./network.ts";

type Feeds = Readonly<Record<string, Tensor>>;

/** The points of a batch, or of a part of one. */
export interface Points {
  readonly x: FloatTensor;
  /** Those of the inner attack; x itself where there is none. */
  readonly adversarial: FloatTensor;
  /** Of each of the points. */
  readonly labels: Int32Array;
}

/** What one runtime does of a training: it is asked for one thing at a time. */
export interface Part {
  /** The network with these parameters. */
  model(parameters: Feeds): InnerModel;
  /** The loss and its gradient by the parameters, summed over the points. `scalars` are the numbers of the step. */
  step(
    parameters: Feeds,
    points: Points,
    scalars: Scalars,
  ): Promise<{ readonly gradient: Float32Array; readonly score: Score }>;
  /** Of samples, how many are certified at ε; null of methods that do not train for proofs. */
  certified(parameters: Feeds, x: FloatTensor, labels: Int32Array, epsilon: number): Promise<number | null>;
  release(): Promise<void>;
}

type Scalars = Readonly<Record<string, number>>;

const scalarFeeds = (scalars: Scalars): Feeds =>
  Object.fromEntries(
    Object.entries(scalars).map(([name, value]) => [scalarOf(name), tensor("float32", [], Float32Array.of(value))]),
  );

/** A program takes no inputs that it does not have. */
const without = (feeds: Feeds, names: readonly string[]): Feeds => {
  const left = new Set(names.map(scalarOf));
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => !left.has(name)));
};

/** Compiles the graphs of a training; `folder` holds the weights that stay outside of the graph. @throws runtime */
export async function openPart(network: Network, method: ConfiguredMethod, runtime: Runtime): Promise<Part> {
  const { file, graph } = network;
  const load = (of: Graph): Promise<Program> => loadGraph(runtime, of, file.folder);
  const programs = {
    logits: await load(graph),
    attack: await load(attackGraph(network)),
    step: await load(stepGraph(network, method)),
    vanished: method.method.vanishing ? await load(stepGraph(network, method, true)) : null,
    certified: method.method.certifies ? await load(certifiedGraph(network, method.method.certifies)) : null,
    divergence: method.method.attack && asksBoth(method.method) ? await load(divergenceGraph(network)) : null,
  };
  const { name, inputShape, classes, head, bounds } = file;
  return {
    model: (parameters) => ({
      name,
      inputShape,
      classes,
      head,
      bounds,
      logits: async (x) => (await programs.logits.run({ ...parameters, x }))["logits"] as FloatTensor,
      async gradient(x, { labels }) {
        const answer = await programs.attack.run({ ...parameters, x, labels: labelTensor(labels, classes) });
        const [logits, loss, gradient] = [answer["logits"], answer["loss"], answer["gradient"]] as FloatTensor[];
        return { logits: logits!, loss: loss!, gradient: gradient! };
      },
      divergence: async (x, reference) =>
        (await programs.divergence!.run({ ...parameters, x, [REFERENCE]: reference }))["gradient"] as FloatTensor,
    }),
    async step(parameters, { x, adversarial, labels }, scalars) {
      const points = asksBoth(method.method) ? { x, [ADVERSARIAL]: adversarial } : { x: adversarial };
      const feeds = { ...parameters, ...scalarFeeds(scalars), ...points, labels: labelTensor(labels, classes) };
      const isVanished = method.method.vanishing?.every((name) => scalars[name] === 0) === true;
      const program = isVanished ? programs.vanished! : programs.step;
      const answer = await program.run(program === programs.step ? feeds : without(feeds, method.method.vanishing!));
      const [loss, correct] = [Number(answer["loss"]!.data[0]), Number(answer["correct"]!.data[0])];
      return {
        gradient: answer["gradient"]!.data as Float32Array,
        score: { loss, correct, total: labels.length },
      };
    },
    async certified(parameters, x, labels, epsilon) {
      if (!programs.certified) return null;
      const feeds = { ...parameters, ...scalarFeeds({ radius: epsilon }), x, labels: labelTensor(labels, classes) };
      return Number((await programs.certified.run(feeds))["certified"]!.data[0]);
    },
    async release() {
      for (const program of Object.values(programs)) await program?.release();
    },
  };
}

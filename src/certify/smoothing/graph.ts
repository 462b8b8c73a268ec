import { PerturbError } from "../../errors.ts";
import type { ClassifierFile } from "../../models/classifier/classifier.ts";
import { emptyGraph, type GraphBuilder } from "../../onnx/builder.ts";
import { readOnnx, writeSubgraph } from "../../onnx/file.ts";
import type { Graph } from "../../onnx/graph.ts";
import { readNode, writeNode } from "../../onnx/node-proto.ts";
import { Ops } from "../../onnx/ops.ts";
import { altered, renameNode } from "../../onnx/subgraphs.ts";
import { option } from "../../option.ts";
import { clopperPearsonLower } from "../../probability/binomial.ts";
import { type ElementType, product, tensor } from "../../tensor.ts";
import { ABSTAINS } from "./certify.ts";
import { DRAWS_AT_ONCE } from "./counter.ts";
import { radiusOf, type SmoothingOptions, type SmoothingPlan, smoothingPlan } from "./plan.ts";

export interface SmoothedGraphOptions extends Omit<SmoothingOptions, "seed"> {
  /**
   * Where noise comes from: `random`, drawn in the graph (RandomNormalLike), or `input`, a second input of standard normal numbers
   * [n₀ + n, ...inputShape], for runtimes that cannot draw and for noise that is to be known.
   */
  readonly noise?: "random" | "input" | undefined;
  /** Of `noise: "random"`: what ONNX Runtime's generator starts from. Without it, the runtime chooses. */
  readonly noiseSeed?: number | undefined;
  /** Draws that the network is asked about at a time; what the file fixes has precedence. */
  readonly batch?: number | undefined;
}

const OUTPUTS = ["class", "counts", "lower", "radius", "abstain"];
const MOST_DRAWS = 1_000_000;
/**
 * Numbers that RandomNormalLike may draw: ONNX Runtime's generator on the CPU (minstd_rand0) repeats itself after 2^31 - 2 steps, of
 * which a number takes 1.27, and draws that repeat others bound nothing.
 */
const MOST_NUMBERS = 1e9;
/** The first opset with all operators of the loop. */
const LEAST_OPSET = 13;

/**
 * The smoothed classifier as one graph: CERTIFY of Cohen et al. (2019) at one sample, in a Loop over batches of draws. Input: `x`
 * [1, ...inputShape], and `noise` where it is given. Outputs, all [1] but `counts`: `class` (int64; -1 where it abstains), `counts`
 * (int64 [classes], of the n draws), `lower` (float64), `radius` (float64, L2), `abstain` (bool). For the same draws they
 * equal those of `certifySample`.
 * @throws usage; unsupported for an opset below 13, several labels, an input fed by sample, and bounds of each element
 */
export function smoothedGraph(file: ClassifierFile, options: SmoothedGraphOptions): Graph {
  const plan = smoothingPlan(options);
  if (plan.draws > MOST_DRAWS)
    throw new PerturbError(
      "usage",
      `A file has its bounds in tables over all counts, for at most ${MOST_DRAWS} draws, and ${option("draws", plan.draws)} was given.`,
    );
  checkFile(file);
  const { noise = "random", noiseSeed } = options;
  const numbers = (plan.selection + plan.draws) * product(file.inputShape);
  if (noise === "random" && numbers > MOST_NUMBERS)
    throw new PerturbError(
      "usage",
      `${plan.selection + plan.draws} draws of ${product(file.inputShape)} numbers each are more than ONNX Runtime's RandomNormalLike can draw before it repeats itself (${MOST_NUMBERS} are allowed here). Give the noise as an input (${option("noise", "input")}), or lower ${option("draws")}.`,
      { data: { numbers, most: MOST_NUMBERS } },
    );
  const network = underOwnNames(readOnnx(file.onnx, file.name));
  const opset = network.opsets.get("") ?? 0;
  if (opset < LEAST_OPSET)
    throw new PerturbError(
      "unsupported",
      `${file.name} uses opset ${opset}, and a loop over draws needs ${LEAST_OPSET}. Export it with that opset or a later one.`,
      { data: { opset, least: LEAST_OPSET } },
    );
  const batch = file.batch ?? options.batch ?? DRAWS_AT_ONCE;
  const b = new Ops({ ...network, name: "smoothed", inputs: [], outputs: [], nodes: [] }, "smoothed");
  b.input({ name: "x", type: "float32", dims: [1, ...file.inputShape] });
  const total = plan.selection + plan.draws;
  if (noise === "input") b.input({ name: "noise", type: "float32", dims: [total, ...file.inputShape] });
  const [votes, counts] = drawLoop(b, network, { file, plan, batch, noise, noiseSeed });
  b.shaped(b.alias("counts", counts), [file.classes]);
  decide(b, votes, counts, plan);
  return b.finish(OUTPUTS);
}

/** @throws unsupported */
function checkFile({ name, rows, elements, labelSets }: ClassifierFile): void {
  const why = labelSets
    ? `${option("head", "multi-label")} gives several labels`
    : rows
      ? `an input beside x holds a row for each sample (${option("feeds")})`
      : elements?.unit === "input"
        ? `each element has bounds of its own (${option("bounds")})`
        : null;
  if (why !== null)
    throw new PerturbError(
      "unsupported",
      `${name} cannot be written as a smoothed classifier: ${why}. Leave that out, or certify the model itself, which needs no file.`,
    );
}

const PREFIX = "network/";

/** The network with a prefix before all names but that of its input, so that none is one of the graph around it. */
function underOwnNames(network: Graph): Graph {
  const made = new Set([...network.initializers.keys(), ...network.nodes.flatMap((node) => node.outputs)]);
  const renamed = (name: string): string => (made.has(name) ? PREFIX + name : name);
  const renaming = { value: renamed, own: (name: string) => PREFIX + name };
  return {
    ...network,
    initializers: new Map(
      [...network.initializers].map(([name, t]) => [PREFIX + name, altered(t, { name: PREFIX + name })]),
    ),
    nodes: network.nodes.map((node) => readNode(renameNode(writeNode(node), renaming))),
    outputs: network.outputs.map((v) => ({ ...v, name: renamed(v.name) })),
  };
}

interface LoopParts {
  readonly file: ClassifierFile;
  readonly plan: SmoothingPlan;
  readonly batch: number;
  readonly noise: "random" | "input";
  readonly noiseSeed: number | undefined;
}

/** Counts of the draws that choose the class, and of those that bound its probability: int64 [classes] each. */
function drawLoop(b: Ops, network: Graph, parts: LoopParts): readonly [string, string] {
  const { file, plan, batch } = parts;
  const rounds = Math.ceil(plan.selection / batch) + Math.ceil(plan.draws / batch);
  const none = b.constant(tensor("int64", [file.classes], new BigInt64Array(file.classes)));
  const body = writeSubgraph(loopBody(network, parts), new Set());
  const [votes, counts] = b.addMany("Loop", [int64Scalar(b, rounds), "", none, none], 2, { body: { graph: body } });
  // Of what a loop gives, the builder knows nothing.
  return [b.cast(votes!, "int64"), b.cast(counts!, "int64")];
}

/** One batch of draws: (round, condition, votes, counts) to (condition, votes, counts). */
function loopBody(network: Graph, parts: LoopParts): Graph {
  const { file, plan, batch } = parts;
  const b = new Ops({ ...emptyGraph("draws"), opsets: network.opsets, initializers: network.initializers }, "draws");
  const given = (stem: string, type: ElementType, dims: readonly number[]): string =>
    b.input({ name: b.fresh(stem), type, dims });
  const round = given("round", "int64", []);
  const condition = given("condition", "bool", []);
  const votes = given("votes", "int64", [file.classes]);
  const counts = given("counts", "int64", [file.classes]);

  const scalar = (value: number) => int64Scalar(b, value);
  const first = Math.ceil(plan.selection / batch);
  const isSelection = b.add("Less", [round, scalar(first)]);
  const start = b.mul(b.where(isSelection, round, b.sub(round, scalar(first))), scalar(batch));
  const left = b.sub(b.where(isSelection, scalar(plan.selection), scalar(plan.draws)), start);
  const rows = b.add("Min", [left, scalar(batch)]);
  // A network of a fixed batch gets a full one, of which the first rows count.
  const range = b.add("Range", [scalar(0), file.batch === null ? rows : scalar(batch), scalar(1)]);
  const z = standardNoise(b, parts, { range, isSelection, start, rows });
  const noisy = b.plus("x", b.mul(z, b.constant(tensor("float32", [], Float32Array.of(plan.sigma)))));
  const found = countRows(b, inBody(b, network, noisy), b.add("Less", [range, rows]), file.classes);
  const zero = b.constant(tensor("int64", [file.classes], new BigInt64Array(file.classes)));
  const graph = b.finish([
    b.shaped(b.alias(b.fresh("next"), condition), []),
    b.shaped(b.plus(votes, b.where(isSelection, found, zero)), [file.classes]),
    b.shaped(b.plus(counts, b.where(isSelection, zero, found)), [file.classes]),
  ]);
  // Weights stay in the graph around it, which the body sees; constants made here are its own.
  const own = new Map([...graph.initializers].filter(([name]) => !network.initializers.has(name)));
  return { ...graph, initializers: own };
}

interface Round {
  readonly range: string;
  readonly isSelection: string;
  readonly start: string;
  readonly rows: string;
}

/** Standard normal numbers for the draws of a round, [rows, ...inputShape]. */
function standardNoise(b: Ops, { file, plan, noise, noiseSeed }: LoopParts, round: Round): string {
  if (noise === "input") {
    const from = b.where(round.isSelection, round.start, b.plus(round.start, int64Scalar(b, plan.selection)));
    const last = b.sub(b.plus(from, round.rows), int64Scalar(b, 1));
    return b.add("Gather", ["noise", b.add("Min", [b.plus(round.range, from), last])], { axis: 0 });
  }
  const shape = b.add("Concat", [b.shape(round.range), b.int64(file.inputShape)], { axis: 0 });
  const zeros = b.add("ConstantOfShape", [shape], { value: tensor("float32", [1], new Float32Array(1)) });
  return b.add("RandomNormalLike", [zeros], {
    mean: { float: 0 },
    scale: { float: 1 },
    ...(noiseSeed !== undefined && { seed: { float: noiseSeed } }),
  });
}

const int64Scalar = (b: GraphBuilder, value: number): string =>
  b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));

/** The network's nodes with another value as its input; gives the logits, [rows, classes]. */
function inBody(b: Ops, network: Graph, noisy: string): string {
  const renaming = { value: (name: string) => (name === "x" ? noisy : name), own: (name: string) => name };
  for (const node of network.nodes) b.append(readNode(renameNode(writeNode(node), renaming)));
  return network.outputs[0]!.name;
}

/** How often each class is the first of the largest scores, in the rows that count and hold no NaN: int64 [classes]. */
function countRows(b: Ops, logits: string, counted: string, classes: number): string {
  const broken = b.cast(b.add("IsNaN", [logits]), "float32");
  const isWhole = b.add("Less", [b.reduceMax(broken, [1], false), b.scalar(0.5, broken)]);
  const best = b.add("ArgMax", [logits], { axis: 1, keepdims: 1 });
  const range = b.constant(
    tensor(
      "int64",
      [1, classes],
      BigInt64Array.from({ length: classes }, (_, j) => BigInt(j)),
    ),
  );
  const hits = b.add("And", [b.add("Equal", [best, range]), b.unsqueeze(b.add("And", [counted, isWhole]), [1])]);
  return b.reduceSum(b.cast(hits, "int64"), [0], false);
}

/** From counts to class, bound and radius: tables by the number of draws hold what float64 gives for each. */
function decide(b: Ops, votes: string, counts: string, { sigma, draws, alpha }: SmoothingPlan): void {
  const chosen = b.add("ArgMax", [votes], { axis: 0, keepdims: 1 });
  const k = b.add("Gather", [counts, chosen], { axis: 0 });
  const bounds = Float64Array.from({ length: draws + 1 }, (_, i) => clopperPearsonLower(i, draws, alpha));
  const table = (values: Float64Array) => b.constant(tensor("float64", [draws + 1], values));
  const lower = b.add("Gather", [table(bounds), k], { axis: 0 });
  const radius = b.add("Gather", [table(bounds.map((bound) => radiusOf(bound, sigma))), k], { axis: 0 });
  const half = b.constant(tensor("float64", [], Float64Array.of(0.5)));
  const abstain = b.add("Not", [b.add("Greater", [lower, half])]);
  const outputs = { class: b.where(abstain, b.int64([ABSTAINS]), chosen), lower, radius, abstain };
  for (const [name, value] of Object.entries(outputs)) b.shaped(b.alias(name, value), [1]);
}

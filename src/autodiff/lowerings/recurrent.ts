import { PerturbError } from "../../errors.ts";
import { type Dim, describeDims, describeNode } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import type { LoweringContext } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { split } from "./split.ts";

/** Steps beyond which a file is taken to be broken. */
const MAX_STEPS = 2 ** 16;
/** Steps beyond which a sequence is not unrolled: ONNX Runtime takes minutes to plan the memory of that many nodes. */
const MOST_UNROLLED = 1024;

/** A state of a cell, [batch, hidden]; null: zeros. */
export type State = string | null;

/** One step: the states after it from its input product [batch, gates·hidden] and the states before it; h comes first. */
export type Step = (input: string, states: readonly State[]) => readonly string[];

/** What RNN, GRU and LSTM have in common. The direction is the outer axis of every weight. */
export interface Layer {
  readonly context: LoweringContext;
  readonly gates: number;
  readonly directions: number;
  readonly hidden: number;
  readonly steps: number;
  /** Layout 1: the batch is the first axis of the input and of every output. */
  readonly batchFirst: boolean;
  /** The recurrent weights of each direction, [gates·hidden, hidden]. */
  readonly recurrent: readonly string[];
  /** A value from around the steps, for them to use. */
  readonly take: (value: string) => string;
  /** The biases of the input and of the recurrent product, [directions, gates·hidden]; null: none. */
  readonly bias: readonly [input: string, recurrent: string] | null;
}

/** @throws no-gradient when the length of the sequence is not known before running, or too large */
export function readLayer(context: LoweringContext, gates: number): Layer {
  const { node, x, b } = context;
  const direction = node.attributes.string("direction", "forward");
  if (!["forward", "reverse", "bidirectional"].includes(direction)) throw unsupported(node, `direction "${direction}"`);
  const directions = direction === "bidirectional" ? 2 : 1;
  const batchFirst = node.attributes.int("layout", 0) === 1;
  const hidden = b.size(x[2]!, 2);
  const rows = gates * hidden;
  const recurrent = split(b, x[2]!, 0, Array<number>(directions).fill(1)).map((part) =>
    b.reshape(part, [rows, hidden]),
  );
  const bias = x[3] ? (split(b, x[3], 1, [rows, rows]) as [string, string]) : null;
  const take = (value: string) => value;
  return { context, take, gates, directions, hidden, steps: stepsOf(context, batchFirst), batchFirst, recurrent, bias };
}

function stepsOf(context: LoweringContext, batchFirst: boolean): number {
  const { x, b } = context;
  const dims = b.dims(x[0]!);
  const steps = dims[batchFirst ? 1 : 0];
  if (typeof steps === "number" && steps >= 1 && steps <= MAX_STEPS) return steps;
  throw tooLong(context, steps, MAX_STEPS);
}

function tooLong({ node, x, b }: LoweringContext, steps: Dim | undefined, most: number): PerturbError {
  const dims = b.dims(x[0]!);
  const found = typeof steps === "number" ? `is ${steps}, of 1 to ${most} allowed` : "is not known before running";
  return new PerturbError(
    "no-gradient",
    `${describeNode(node)}: its gradient goes through the steps of its input "${x[0]}", which is ${describeDims(dims)}: the sequence length ${found}. Export the model with a fixed sequence length (only the batch may vary).`,
    { data: { op: node.op, node: node.name, input: x[0] } },
  );
}

/**
 * Runs the steps of every direction, and gives Y, then the last value of each state.
 * @param bias of the input products, [directions, gates·hidden]
 * @param initial the inputs of the node that hold the first value of each state
 * @param cell the step of a direction
 */
export function unroll(
  layer: Layer,
  bias: string | null,
  initial: readonly number[],
  cell: (direction: number, layer: Layer) => Step,
): string[] {
  const { directions, steps } = layer;
  if (steps > MOST_UNROLLED) throw tooLong(layer.context, steps, MOST_UNROLLED);
  const inputs = inputProducts(layer, bias);
  const running = whileRunning(layer);
  const first = initial.map((i) => initialStates(layer, i));
  const runs = Array.from({ length: directions }, (_, d) => {
    const own = Array.from({ length: steps }, (_, t) => inputs[t * directions + d]!);
    return runDirection(layer, d, own, running, first.map((states) => states[d]!), cell(d, layer)); // biome-ignore format: one call
  });
  const byStep = Array.from({ length: steps }, (_, t) => runs.map(({ outputs }) => outputs[t]!)).flat();
  const y = stack(layer, byStep, [steps, directions], [1, 2, 0, 3]);
  const last = initial.map((_, s) =>
    stack(
      layer,
      runs.map(({ states }) => states[s]!),
      [directions],
      [1, 0, 2],
    ),
  );
  return [y, ...last];
}

/** X·Wᵀ + bias of all steps and directions at once, cut into [batch, gates·hidden], by step, then direction. */
function inputProducts(
  { context, gates, directions, hidden, steps, batchFirst }: Layer,
  bias: string | null,
): string[] {
  const { x, b } = context;
  const rows = directions * gates * hidden;
  const weights = b.transpose(b.reshape(x[1]!, [rows, b.size(x[1]!, 2)]), [1, 0]);
  const product = b.matmul(batchFirst ? x[0]! : b.transpose(x[0]!, [1, 0, 2]), weights);
  const all = bias ? b.plus(product, b.reshape(bias, [rows])) : product;
  const parts = Array<number>(steps * directions).fill(gates * hidden);
  return split(b, b.reshape(all, [0, steps * rows]), 1, parts);
}

/** For each step, whether a sample's sequence goes on that far, [batch, 1]; null: all do. */
function whileRunning({ context: { x, b }, steps }: Layer): readonly (string | null)[] {
  const lengths = x[4];
  if (!lengths) return Array<null>(steps).fill(null);
  const known = b.fact(lengths).values ?? [];
  const shortest = Math.min(...(known.length > 0 ? known.map((v) => (typeof v === "number" ? v : 0)) : [0]));
  const column = b.unsqueeze(b.cast(lengths, "float32"), [1]);
  return Array.from({ length: steps }, (_, t) =>
    t < shortest ? null : b.add("Greater", [column, b.scalar(t, column)]),
  );
}

/** The first value of one state for each direction. */
function initialStates({ context: { x, b }, directions, hidden, batchFirst }: Layer, i: number): readonly State[] {
  if (!x[i]) return Array<null>(directions).fill(null);
  const byBatch = batchFirst ? x[i] : b.transpose(x[i], [1, 0, 2]);
  return split(b, b.reshape(byBatch, [0, directions * hidden]), 1, Array<number>(directions).fill(hidden));
}

/** Outputs by time, and the last states. A sequence that has ended keeps its states, and its outputs are 0. */
function runDirection(
  { context: { node, b }, steps }: Layer,
  direction: number,
  inputs: readonly string[],
  running: readonly (string | null)[],
  initial: readonly State[],
  step: Step,
) {
  const backward = direction === 1 || node.attributes.string("direction", "forward") === "reverse";
  const outputs: string[] = [];
  let states: readonly State[] = initial;
  for (let i = 0; i < steps; i++) {
    const t = backward ? steps - 1 - i : i;
    const next = step(inputs[t]!, states);
    const goesOn = running[t];
    outputs[t] = goesOn ? b.where(goesOn, next[0]!, b.scalar(0, next[0]!)) : next[0]!;
    const before = states;
    states = goesOn ? next.map((s, j) => b.where(goesOn, s, before[j] ?? b.scalar(0, s))) : next;
  }
  // A sequence of length 0 ends with zeros, as in ONNX Runtime, also where it starts with something else.
  const started = running[0];
  const ended = states as readonly string[];
  return { outputs, states: started ? ended.map((s) => b.where(started, s, b.scalar(0, s))) : ended };
}

/** Values [batch, hidden] as [batch, …sizes, hidden]; where the batch is not first, in the order `perm`. */
function stack(
  { context: { b }, hidden, batchFirst }: Layer,
  values: readonly string[],
  sizes: readonly number[],
  perm: readonly number[],
): string {
  const joined = values.length === 1 ? values[0]! : b.add("Concat", values, { axis: 1 });
  const stacked = b.reshape(joined, [0, ...sizes, hidden]);
  return batchFirst ? stacked : b.transpose(stacked, perm);
}

/** The parts of the gates of a step, each of the size `hidden`; "" for one that is not needed. */
export function parts(b: Ops, gates: string, hidden: number, needed: readonly boolean[]): string[] {
  if (needed.every(Boolean)) return split(b, gates, 1, Array<number>(needed.length).fill(hidden));
  return needed.map((is, i) => (is ? b.slice(gates, [1], [i * hidden], [(i + 1) * hidden]) : ""));
}

/** state·weightsᵀ + c */
export const product = (b: Ops, state: State, weights: string, c: string): string =>
  state === null ? c : b.add("Gemm", [state, weights, c], { transB: 1 });

import { Attributes } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { writeSubgraph } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { recurrenceName } from "../../onnx/recurrence.ts";
import { tensor } from "../../tensor.ts";
import type { Layer, Step } from "./recurrent.ts";
import { split } from "./split.ts";

// A long recurrent layer as one Scan a direction, so that the graph does not grow with the sequence. The gradient of such a
// Scan (recurrence.ts) is another one against its direction.

type Cell = (direction: number, layer: Layer) => Step;

/** Whether a step has no weights that are differentiated themselves, as they are in training. */
export const canScan = ({ context: { x, b, varies } }: Layer): boolean =>
  b.opset >= 9 && [2, 3, 7].every((i) => !x[i] || !varies(x[i]));

/** Y, then the last value of each state, of all directions. */
export function scanned(layer: Layer, bias: string | null, initial: readonly number[], cell: Cell): string[] {
  const { context, directions, batchFirst } = layer;
  const { b } = context;
  const running = whileRunning(layer);
  const backwards = context.node.attributes.string("direction", "forward") === "reverse";
  const runs = inputProducts(layer, bias).map((inputs, d) => {
    const states = initial.map((i) => initialState(layer, i, d, inputs));
    return scanDirection(layer, d, d === 1 || backwards, inputs, running, states, cell);
  });
  const joined = (values: readonly string[], axis: number): string => {
    const parts = values.map((value) => b.unsqueeze(value, [axis]));
    return directions === 1 ? parts[0]! : b.add("Concat", parts, { axis });
  };
  // [steps, directions, batch, hidden], and [directions, batch, hidden].
  const y = joined(
    runs.map((run) => run.y),
    1,
  );
  const last = initial.map((_, s) =>
    joined(
      runs.map((run) => run.states[s]!),
      0,
    ),
  );
  if (!batchFirst) return [y, ...last];
  return [b.transpose(y, [2, 0, 1, 3]), ...last.map((value) => b.transpose(value, [1, 0, 2]))];
}

/** X·Wᵀ + bias of all steps, [steps, batch, gates·hidden] for each direction. */
function inputProducts({ context, gates, directions, hidden, batchFirst }: Layer, bias: string | null): string[] {
  const { x, b } = context;
  const rows = gates * hidden;
  const weights = b.transpose(b.reshape(x[1]!, [directions * rows, b.size(x[1]!, 2)]), [1, 0]);
  const product = b.matmul(batchFirst ? b.transpose(x[0]!, [1, 0, 2]) : x[0]!, weights);
  const all = bias ? b.plus(product, b.reshape(bias, [directions * rows])) : product;
  return split(b, all, 2, Array<number>(directions).fill(rows));
}

/** For each step, whether a sample's sequence goes on that far, [steps, batch, 1]; null: all do. */
function whileRunning({ context: { x, b }, steps }: Layer): string | null {
  if (!x[4]) return null;
  const lengths = b.unsqueeze(b.cast(x[4], "float32"), [0, 2]);
  const at = tensor(
    "float32",
    [steps, 1, 1],
    Float32Array.from({ length: steps }, (_, t) => t),
  );
  return b.add("Greater", [lengths, b.constant(at)]);
}

/** The first value of a state, [batch, hidden]. */
function initialState({ context: { x, b }, hidden, batchFirst }: Layer, i: number, d: number, inputs: string): string {
  if (!x[i]) {
    const first = b.squeeze(b.slice(inputs, [0, 2], [0, 0], [1, hidden]), [0]);
    return b.full(0, first);
  }
  const axis = batchFirst ? 1 : 0;
  return b.squeeze(b.slice(x[i], [axis], [d], [d + 1]), [axis]);
}

function scanDirection(
  layer: Layer,
  direction: number,
  backwards: boolean,
  inputs: string,
  running: string | null,
  initial: readonly string[],
  cell: Cell,
): { y: string; states: readonly string[] } {
  const { context } = layer;
  const { b, node } = context;
  const inner = new Ops(emptyGraph("step", b.opset), b.fresh("recurrent"));
  const own = (name: string, value: string, skip: number): string => {
    const { type, dims } = b.fact(value);
    return inner.input({ name: inner.fresh(name), type, dims: dims?.slice(skip) ?? null });
  };
  const before = initial.map((value) => own("state", value, 0));
  const input = own("input", inputs, 1);
  const goesOn = running === null ? null : own("running", running, 1);
  const taken = new Set<string>();
  const take = (value: string): string => {
    if (!taken.has(value)) inner.input({ name: value, ...plainFact(b, value) });
    taken.add(value);
    return value;
  };
  const next = cell(direction, { ...layer, take, context: { ...context, b: inner } })(input, before);
  // A sequence that has ended keeps its states, and its outputs are 0.
  const masked = (value: string, instead: string): string => (goesOn ? inner.where(goesOn, value, instead) : value);
  const outputs = [
    ...next.map((value, s) => masked(value, before[s]!)),
    ...before,
    masked(next[0]!, inner.scalar(0, next[0]!)),
  ].map((value) => inner.alias(inner.fresh("out"), value));
  const body = writeSubgraph(inner.finish(outputs), taken);
  const scannedIn = [inputs, ...(running === null ? [] : [running])];
  const way = (count: number) => Array<number>(count).fill(Number(backwards));
  const made = outputs.map(() => b.fresh("Scan"));
  b.append({
    op: "Scan",
    domain: "",
    name: recurrenceName(b.fresh(node.name || node.op)),
    inputs: [...initial, ...scannedIn],
    outputs: made,
    attributes: Attributes.from({
      body: { graph: body },
      num_scan_inputs: scannedIn.length,
      scan_input_directions: way(scannedIn.length),
      scan_output_directions: way(initial.length + 1),
    }),
  });
  const states = made.slice(0, initial.length);
  if (running === null) return { y: made.at(-1)!, states };
  // A sequence of length 0 ends with zeros, as in ONNX Runtime, also where it starts with something else.
  const started = b.squeeze(b.slice(running, [0], [0], [1]), [0]);
  return { y: made.at(-1)!, states: states.map((s) => b.where(started, s, b.scalar(0, s))) };
}

const plainFact = (b: Ops, value: string) => ({ type: b.fact(value).type, dims: b.fact(value).dims });

import type { GraphProto } from "onnx-buf";
import { normalizeAxis } from "../../onnx/dims.ts";
import { describeNode } from "../../onnx/graph.ts";
import { tensor } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { bothBranches, subgraph } from "./branches.ts";
import { index, known, stack, takeApart } from "./known.ts";

/** The branch that is taken; both, where only a run can tell. */
function branch(context: LoweringContext): readonly string[] {
  const [condition] = context.x;
  if (context.varies(condition!)) return bothBranches(context);
  const taken = known(context, condition!, "its condition") ? "then_branch" : "else_branch";
  return context.inline(subgraph(context, taken), []);
}

/**
 * The body as often as it runs. As in ONNX Runtime, the condition that the body gives counts also where the loop is given
 * none to start with.
 */
function unrollLoop(context: LoweringContext): readonly string[] {
  const { node, x, b, inline } = context;
  const [count, first, ...initial] = x;
  const body = subgraph(context, "body");
  const trips = count ? known(context, count, "its number of trips") : Number.POSITIVE_INFINITY;
  const yes = b.constant(tensor("bool", [], Uint8Array.of(1)));
  let condition = first || yes;
  if (count && runsAllTrips(body) && known(context, condition, "whether it starts"))
    b.budget.foresee(trips * (1 + 2 * body.node.length), () => describeNode(node));
  let state: readonly string[] = initial;
  const rows: (readonly string[])[] = [];
  for (let trip = 0; trip < trips && known(context, condition, "the condition under which it goes on"); trip++) {
    const outputs = inline(body, [index(b, trip), yes, ...state]);
    condition = outputs[0]!;
    state = outputs.slice(1, 1 + initial.length);
    rows.push(outputs.slice(1 + initial.length));
  }
  const collected = node.outputs.slice(initial.length).map((name, k) => {
    if (name === "") return "";
    if (rows.length === 0) throw unsupported(node, "outputs collected over no trips");
    return stack(
      b,
      rows.map((row) => row[k]!),
      0,
    );
  });
  return [...state, ...collected];
}

/** Whether a body says in as many words that the loop goes on while it did. */
function runsAllTrips({ input, output, node }: GraphProto): boolean {
  const [goesOn, given] = [output[0]?.name, input[1]?.name];
  const maker = node.find((n) => n.output[0] === goesOn);
  return goesOn === given || (maker?.opType === "Identity" && maker.input[0] === given);
}

/** The body once for each element along the scanned axes. */
function unrollScan(context: LoweringContext): readonly string[] {
  const { node, x, b } = context;
  // Version 8 had a batch axis, and lengths, in front.
  const batched = b.opset < 9;
  if (batched && x[0]) throw unsupported(node, "lengths of sequences");
  const given = batched ? x.slice(1) : x;
  if (!batched) return scan(context, given);
  const samples = given.map((value) => takeApart(b, value, 0));
  const results = samples[0]!.map((_, i) =>
    scan(
      context,
      samples.map((parts) => parts[i]!),
    ),
  );
  return node.outputs.map((name, k) =>
    name === ""
      ? ""
      : stack(
          b,
          results.map((row) => row[k]!),
          0,
        ),
  );
}

function scan(context: LoweringContext, given: readonly string[]): readonly string[] {
  const { node, b, inline } = context;
  const body = subgraph(context, "body");
  const scanned = node.attributes.int("num_scan_inputs", 0);
  const initial = given.slice(0, given.length - scanned);
  const list = (name: string, old = name) => node.attributes.ints(b.opset < 9 ? old : name, undefined);
  const backwards = list("scan_input_directions", "directions");
  const inputs = given.slice(initial.length).map((value, i) => {
    const axis = b.opset < 9 ? 0 : (list("scan_input_axes")?.[i] ?? 0);
    const parts = takeApart(b, value, normalizeAxis(axis, b.dims(value).length));
    return backwards?.[i] === 1 ? parts.toReversed() : parts;
  });
  const length = inputs[0]?.length ?? 0;
  if (length === 0 || inputs.some((parts) => parts.length !== length))
    throw unsupported(node, `scanned inputs of lengths [${inputs.map((parts) => parts.length)}]`);
  let state: readonly string[] = initial;
  const rows: (readonly string[])[] = [];
  for (let i = 0; i < length; i++) {
    const outputs = inline(body, [...state, ...inputs.map((parts) => parts[i]!)]);
    state = outputs.slice(0, initial.length);
    rows.push(outputs.slice(initial.length));
  }
  const collected = node.outputs.slice(initial.length).map((name, k) => {
    if (name === "") return "";
    const values = rows.map((row) => row[k]!);
    const prepend = b.opset >= 9 && list("scan_output_directions")?.[k] === 1;
    const axis = b.opset < 9 ? 0 : (list("scan_output_axes")?.[k] ?? 0);
    return stack(b, prepend ? values.toReversed() : values, axis);
  });
  return [...state, ...collected];
}

/** Control flow, written out where its course is known before running. */
export const controlLowerings = { If: branch, Loop: unrollLoop, Scan: unrollScan } satisfies Lowerings;

import { normalizeAxis } from "../../onnx/dims.ts";
import { tensor } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { constants, unsupported } from "../rules/constants.ts";
import { index, known, stack, uncertain } from "./known.ts";
import { split } from "./split.ts";

/** The values in the sequence that is input i. @throws no-gradient where only a run can tell */
function elements(context: LoweringContext, i = 0): readonly string[] {
  const name = context.x[i] ?? "";
  const found = context.collections.get(name);
  if (found?.kind !== "sequence") throw uncertain(context, name, "what its sequence holds");
  return found.elements;
}

/** A sequence of these values. */
function sequence({ b, collections, node }: LoweringContext, values: readonly string[]): string {
  b.room(values.length, node.outputs[0]!);
  const name = b.add(values.length > 0 ? "SequenceConstruct" : "SequenceEmpty", values);
  collections.set(name, { kind: "sequence", elements: values });
  return name;
}

/** Where in a list of `length` input i points, counted from the end when negative; `fallback` where it is left out. */
function position(context: LoweringContext, i: number, length: number, fallback: number): number {
  const { node, x } = context;
  const at = x[i] ? normalizeAxis(known(context, x[i], "its position"), length) : fallback;
  if (at < 0 || at > length) throw unsupported(node, `position ${at} in a sequence of ${length}`);
  return at;
}

/** Notes what the node's output holds, and leaves the node as it is: where nothing uses it, it is cut off later. */
function hold(
  { node, collections, b }: LoweringContext,
  values: readonly string[],
  kind: "sequence" | "optional",
): null {
  b.room(values.length, node.outputs[0]!);
  collections.set(node.outputs[0]!, { kind, elements: values });
  return null;
}

/** The element, as a list that is empty where there is none. */
const at = (values: readonly string[], i: number, context: LoweringContext): readonly string[] => {
  const value = values[i];
  if (value === undefined) throw unsupported(context.node, `position ${i} in a sequence of ${values.length}`);
  return [value];
};

/** Parts of equal size, the last one smaller, or of listed sizes; without either of one each. */
function splitToSequence(context: LoweringContext): readonly string[] {
  const { node, x, b } = context;
  const axis = normalizeAxis(node.attributes.int("axis", 0), b.dims(x[0]!).length);
  const size = b.size(x[0]!, axis);
  const listing = x[1] ? b.fact(x[1]) : undefined;
  const given = listing ? constants(node, "sizes", listing.values) : [1];
  const listed = listing?.dims?.length === 1;
  b.room(listed ? given.length : size / Math.max(1, given[0]!), x[0]!);
  const sizes = listed ? given : equalParts(size, given[0]!);
  if (sizes.length === 0) throw unsupported(node, `sizes [${given}] of an axis of ${size}`);
  const parts = split(b, x[0]!, axis, sizes);
  const drop = !listing && node.attributes.int("keepdims", 1) === 0;
  return [sequence(context, drop ? parts.map((part) => b.squeeze(part, [axis])) : parts)];
}

const equalParts = (size: number, each: number): number[] =>
  each > 0 ? Array.from({ length: Math.ceil(size / each) }, (_, i) => Math.min(each, size - i * each)) : [];

function concatenate(context: LoweringContext): readonly string[] {
  const { node, b } = context;
  const values = elements(context);
  const axis = node.attributes.int("axis", 0);
  return [node.attributes.int("new_axis", 0) === 1 ? stack(b, values, axis) : b.add("Concat", values, { axis })];
}

/** The body for each element of the first sequence, with those beside it in the others; tensors go to each. */
function map(context: LoweringContext): readonly string[] {
  const { node, x, inline, collections } = context;
  const body = node.attributes.graph("body");
  if (!body) throw unsupported(node, "no body");
  const columns = x.map((name, i) => (i === 0 || collections.has(name) ? elements(context, i) : undefined));
  const rows = columns[0]!.map((_, k) =>
    inline(
      body,
      columns.map((column, i) => (column ? at(column, k, context)[0]! : x[i]!)),
    ),
  );
  return node.outputs.map((name, k) =>
    name === ""
      ? ""
      : sequence(
          context,
          rows.map((row) => row[k]!),
        ),
  );
}

/** What an optional holds; newer opsets take what is no optional, too. */
function content(context: LoweringContext): readonly string[] {
  const { x, b, collections } = context;
  const held = collections.get(x[0]!);
  if (held?.kind === "optional") return at(held.elements, 0, context);
  if (!held && b.fact(x[0]!).type === null) throw uncertain(context, x[0]!, "what its optional holds");
  return [x[0]!];
}

function hasContent(context: LoweringContext): readonly string[] {
  const { x, b, collections } = context;
  const held = collections.get(x[0] ?? "");
  if (x[0] && !held && b.fact(x[0]).type === null) throw uncertain(context, x[0], "what its optional holds");
  const has = Boolean(x[0]) && (held?.kind !== "optional" || held.elements.length > 0);
  return [b.constant(tensor("bool", [], Uint8Array.of(Number(has))))];
}

/** Sequences and optionals, followed where positions and sizes are known before running. */
export const sequenceLowerings = {
  SequenceConstruct: (context) => hold(context, context.x, "sequence"),
  SequenceEmpty: (context) => hold(context, [], "sequence"),
  SequenceAt: (context) => {
    const values = elements(context);
    return at(values, position(context, 1, values.length, 0), context);
  },
  SequenceInsert: (context) => {
    const values = elements(context);
    return [sequence(context, values.toSpliced(position(context, 2, values.length, values.length), 0, context.x[1]!))];
  },
  SequenceErase: (context) => {
    const values = elements(context);
    return [sequence(context, values.toSpliced(position(context, 1, values.length, values.length - 1), 1))];
  },
  SequenceLength: (context) => [index(context.b, elements(context).length)],
  SplitToSequence: splitToSequence,
  ConcatFromSequence: concatenate,
  SequenceMap: map,
  Optional: (context) =>
    hold(
      context,
      context.x.filter((name) => name !== ""),
      "optional",
    ),
  OptionalGetElement: content,
  OptionalHasElement: hasContent,
} satisfies Lowerings;

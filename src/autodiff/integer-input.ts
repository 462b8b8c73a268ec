import { PerturbError } from "../errors.ts";
import { Attributes } from "../onnx/attributes.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { inlineFunctions } from "../onnx/functions.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { freeNames, renameValues } from "../onnx/rewrite.ts";
import { option } from "../option.ts";
import { type ElementType, tensor } from "../tensor.ts";

/** The types of whole numbers that may stand for pixels, and what they hold. */
const RANGES: Partial<Record<ElementType, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
  uint32: [0, 2 ** 32 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint64: [0, 2 ** 53],
  int64: [-(2 ** 53), 2 ** 53],
};

/** Operators that hand integers on as they are, from their first input. */
const PASSING = new Set([
  "Cast",
  "Clip",
  "Expand",
  "Flatten",
  "Identity",
  "Reshape",
  "Slice",
  "Split",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);
/** Where integers are looked up: the operator, and which of its inputs holds them. */
const LOOKUPS: Readonly<Record<string, number>> = {
  Gather: 1,
  GatherElements: 1,
  GatherND: 1,
  OneHot: 0,
  EmbedLayerNormalization: 0,
};

/** What an integer input takes. */
export interface IntegerInput {
  readonly name: string;
  readonly type: ElementType;
  /** The least and the largest number that the type holds. */
  readonly range: readonly [number, number];
}

/** The integers that the one input of a model takes; null where it takes real numbers. @throws unsupported for token ids */
export function integerInput(graph: Graph): IntegerInput | null {
  const [input, ...others] = graph.inputs;
  const range = input?.type ? RANGES[input.type as ElementType] : undefined;
  if (!input || others.length > 0 || !range) return null;
  const { nodes } = inlineFunctions(graph);
  const lookup = lookupOf(nodes, input.name);
  if (lookup)
    throw new PerturbError(
      "unsupported",
      `The model's input "${input.name}" holds numbers of tokens or categories (${input.type}, looked up by ${lookup.op}${lookup.name ? ` "${lookup.name}"` : ""}), and between such numbers nothing lies. Perturb the embeddings behind them: give embeddings for data and name the output of the embedding as the input (${option("input", lookup.outputs[0]!)}), or export the model with inputs_embeds as its input.`,
      { data: { input: input.name, type: input.type, embeddings: lookup.outputs[0] } },
    );
  return { name: input.name, type: input.type as ElementType, range };
}

/** The node that looks something up by these integers, if one does. */
function lookupOf(nodes: readonly Node[], input: string): Node | undefined {
  const same = new Set([input]);
  for (const node of nodes) {
    const place = Object.hasOwn(LOOKUPS, node.op) ? LOOKUPS[node.op]! : -1;
    if (same.has(node.inputs[place] ?? "")) return node;
    if (PASSING.has(node.op) && same.has(node.inputs[0]!)) for (const output of node.outputs) same.add(output);
  }
  return undefined;
}

/** How real numbers become the integers of an input: scale · x + offset, which lies in `reach`, is rounded. */
export interface Rounding {
  readonly scale: number;
  readonly offset: number;
  readonly reach: readonly [number, number];
}

/**
 * The graph with real numbers for its input, which are rounded to the whole numbers that the model takes. The gradient
 * passes straight through the rounding, as through that of a quantised model.
 * @throws unsupported where no operator rounds to such numbers
 */
export function withRealInput(graph: Graph, { name, type }: IntegerInput, rounding: Rounding): Graph {
  if ((graph.opsets.get("") ?? 0) < 10)
    throw new PerturbError(
      "unsupported",
      `The model's input "${name}" takes ${type}, and rounding to it needs operator set 10; this model has ${graph.opsets.get("")}. Export it with a newer one.`,
      { data: { input: name, type } },
    );
  const input = graph.inputs[0]!;
  const free = freeNames(graph, [INTEGERS]);
  const outside = free.inputs[0]!.name;
  const opsets = new Map([...graph.opsets, ...(wide(rounding.reach) ? [["com.microsoft", 1] as const] : [])]);
  const b = new Ops({ ...emptyGraph("pixels"), opsets }, "pixels");
  const x = b.input({ ...input, name: outside, type: "float32" });
  const carrier = quantized(b, moved(b, x, rounding), rounding.reach, name);
  // Where the model only casts them, they need not be of its type, of which some count as positions without a gradient.
  const kept = b.fact(carrier).type === type || onlyCast(free.nodes, outside);
  b.alias(INTEGERS, kept ? carrier : b.cast(carrier, type));
  const front = b.finish([INTEGERS]);
  const made = [...front.initializers.keys(), ...front.nodes.flatMap((node) => node.outputs)];
  const inner = renameValues(
    freeNames(
      free,
      made.filter((value) => value !== INTEGERS),
    ),
    new Map([[outside, INTEGERS]]),
  );
  return {
    ...inner,
    opsets,
    inputs: front.inputs,
    nodes: [...front.nodes, ...inner.nodes],
    initializers: new Map([...front.initializers, ...inner.initializers]),
  };
}

const INTEGERS = "x_integers";

function moved(b: Ops, x: string, { scale, offset }: Rounding): string {
  const scaled = scale === 1 ? x : b.mul(x, b.scalar(scale, x));
  return offset === 0 ? scaled : b.plus(scaled, b.scalar(offset, x));
}

/** Whether integers are used as others only where they are cast. */
function onlyCast(nodes: readonly Node[], input: string): boolean {
  const same = new Set([input]);
  return nodes.every((node) => {
    if (!node.inputs.some((value) => same.has(value)) || node.op === "Cast") return true;
    if (!PASSING.has(node.op) || node.op === "Clip") return false;
    for (const output of node.outputs) same.add(output);
    return true;
  });
}

const inside = ([low, high]: readonly [number, number], least: number, most: number) => low >= least && high <= most;
const wide = (reach: Rounding["reach"]) => !inside(reach, 0, 255) && !inside(reach, -128, 127);

/** The whole numbers nearest to real ones: quantising by a scale of 1 rounds, and saturates. @throws unsupported */
function quantized(b: Ops, x: string, reach: Rounding["reach"], name: string): string {
  const one = b.constant(tensor("float32", [], Float32Array.of(1)));
  if (inside(reach, 0, 255))
    return b.add("QuantizeLinear", [x, one, b.constant(tensor("uint8", [], Uint8Array.of(0)))]);
  if (inside(reach, -128, 127))
    return b.add("QuantizeLinear", [x, one, b.constant(tensor("int8", [], Int8Array.of(0)))]);
  const zero = inside(reach, 0, 65535)
    ? b.constant(tensor("uint16", [], Uint16Array.of(0)))
    : inside(reach, -32768, 32767)
      ? b.constant(tensor("int16", [], Int16Array.of(0)))
      : undefined;
  if (zero === undefined)
    throw new PerturbError(
      "unsupported",
      `The model's input "${name}" is given numbers from ${reach[0]} to ${reach[1]}, and at most 16 bits are rounded to. Narrow ${option("bounds")}.`,
    );
  const output = b.fresh("QuantizeLinear");
  const attributes = Attributes.from({});
  b.append({
    op: "QuantizeLinear",
    domain: "com.microsoft",
    name: "",
    inputs: [x, one, zero],
    outputs: [output],
    attributes,
  });
  return output;
}

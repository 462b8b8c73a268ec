import type { Node } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { unsupported } from "../rules/constants.ts";
import { causalBias, type Heads, joinHeads, scoresOf, splitHeads, usualScale, weightsOf, withPast } from "./attend.ts";

/** Attention with the products by which queries, keys and values are made of x [n, s, i]. */
function attention({ node, x, b }: LoweringContext): string[] {
  const { attributes } = node;
  const [input, weights, bias, mask, past, added] = x;
  const buffered = attributes.int("past_present_share_buffer", 0) === 1;
  if (attributes.int("do_rotary", 0) === 1) throw unsupported(node, "rotary embedding");
  if (buffered) throw unsupported(node, "past and present in one buffer");
  const heads = attributes.int("num_heads", 1);
  const third = b.size(weights!, 1) / 3;
  const [own, other] = attributes.ints("qkv_hidden_sizes", undefined) ?? [third, third];
  const projected = b.matmul(input!, weights!);
  const all = bias ? b.plus(projected, bias) : projected;
  const part = (from: number, to: number) => splitHeads(b, b.slice(all, [2], [from], [to]), heads);
  const before = (i: number) => (past ? b.squeeze(b.slice(past, [0], [i], [i + 1]), [0]) : undefined);
  const q = part(0, own!);
  const k = withPast(b, before(0), part(own!, own! + other!));
  const v = withPast(b, before(1), part(own! + other!, b.size(weights!, 1)));
  const y = attend(node, b, { q, k: k.all, v: v.all }, { mask, added, past: k.count });
  if (!node.outputs[1]) return [y];
  return [y, b.add("Concat", [b.unsqueeze(k.all, [0]), b.unsqueeze(v.all, [0])], { axis: 0 })];
}

/** Attention of queries [n, s, h·d] over keys [n, t, h·d] and values [n, t, h·e], or [n, h, t, …] from elsewhere. */
function multiHeadAttention({ node, x, b }: LoweringContext): string[] {
  const [query, key, value, bias, mask, added, pastKey, pastValue] = x;
  if (!key || !value || b.dims(query!).length !== 3) throw unsupported(node, "packed queries, keys or values");
  if (x[8] || x[9]) throw unsupported(node, "a cache shared between past and present");
  // ONNX Runtime leaves the past out where it has nowhere to put the present.
  if (pastKey && !(node.outputs[1] && node.outputs[2])) throw unsupported(node, "a past and no present");
  const heads = node.attributes.int("num_heads", 1);
  const width = b.size(query!, 2);
  const split = (input: string, from: number, to: number) => {
    // Keys and values with an axis of heads are those of another node, with their bias.
    if (b.dims(input).length === 4) return input;
    return splitHeads(b, bias ? b.plus(input, b.slice(bias, [0], [from], [to])) : input, heads);
  };
  const q = split(query!, 0, width);
  const k = withPast(b, pastKey, split(key, width, 2 * width));
  const v = withPast(b, pastValue, split(value, 2 * width, 2 ** 31 - 1));
  return [attend(node, b, { q, k: k.all, v: v.all }, { mask, added, past: k.count }), k.all, v.all];
}

interface Biases {
  /** Integers: what may be seen. */
  readonly mask: string | undefined;
  /** Floats that are added to the scores. */
  readonly added: string | undefined;
  /** How many keys came before those of the queries. */
  readonly past: number;
}

function attend(node: Node, b: Ops, heads: Heads, { mask, added, past }: Biases): string {
  const { attributes } = node;
  const { q, k, v } = heads;
  const parts = [
    ...(mask ? [maskBias(node, b, heads, mask)] : []),
    ...(attributes.int("unidirectional", 0) === 1 ? [causalBias(b, heads, past)] : []),
    ...(added ? [added] : []),
  ];
  const scale = attributes.float("scale", 0) || usualScale(b, q);
  const { biased } = scoresOf(b, { q, k }, { scale, bias: parts.length > 0 ? b.sum(parts) : undefined });
  return joinHeads(b, b.matmul(weightsOf(b, biased), v));
}

/** What is not seen gets less by a number of the node's choice, so that a row without any key still gives a mean. */
function maskBias(node: Node, b: Ops, { q, k }: Heads, mask: string): string {
  const low = b.scalar(node.attributes.float("mask_filter_value", -10000), q);
  return b.where(visible(node, b, { q, k }, mask), b.scalar(0, q), low);
}

/** Of [n, t] or [n, s, t], what is above 0; of [n], what is before; of [2n], also what is not before the second half. */
function visible(node: Node, b: Ops, { q, k }: Omit<Heads, "v">, mask: string): string {
  const dims = b.dims(mask);
  if (dims.length === 2 || dims.length === 3) {
    const isSeen = b.add("Greater", [mask, b.constant(tensor("int32", [], Int32Array.of(0)))]);
    return b.unsqueeze(isSeen, dims.length === 2 ? [1, 2] : [1]);
  }
  const batch = b.dims(q)[0]!;
  const columns = b.size(k, 2);
  b.room(columns, k);
  const place = b.constant(
    tensor(
      "int32",
      [1, 1, 1, columns],
      Int32Array.from({ length: columns }, (_, i) => i),
    ),
  );
  const isBefore = (ends: string) => b.add("Less", [place, ends]);
  if (dims.length === 1 && dims[0] === batch && batch !== null) return isBefore(b.unsqueeze(mask, [1, 2, 3]));
  if (dims.length === 1 && typeof batch === "number" && dims[0] === 2 * batch) {
    const bounds = b.reshape(mask, [2, batch, 1, 1, 1]);
    const [ends, starts] = [0, 1].map((i) => b.squeeze(b.slice(bounds, [0], [i], [i + 1]), [0]));
    return b.add("And", [isBefore(ends!), b.add("Not", [isBefore(starts!)])]);
  }
  throw unsupported(node, "a mask of that form");
}

export const microsoftAttentionLowerings = {
  Attention: attention,
  MultiHeadAttention: multiHeadAttention,
} satisfies Lowerings;

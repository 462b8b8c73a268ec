import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import type { LoweringContext, Lowerings } from "../lowering.ts";
import { causalBias, joinHeads, scoresOf, splitHeads, usualScale, weightsOf, withPast } from "./attend.ts";

/** The standard operator, opset 23 and 24, as ONNX Runtime computes it: the cap before the mask; a row without any key gives 0. */
function attention({ node, x, b }: LoweringContext): string[] {
  const { attributes } = node;
  const [query, key, value, mask, pastKey, pastValue, lengths] = x;
  const flat = b.dims(query!).length === 3;
  const heads = (name: string, input: string) => (flat ? attributes.int(name, 1) : b.size(input, 1));
  const [queries, groups] = [heads("q_num_heads", query!), heads("kv_num_heads", key!)];
  const split = (input: string, count: number) => (flat ? splitHeads(b, input, count) : input);
  const q = split(query!, queries);
  const { all: k, count: past } = withPast(b, pastKey, split(key!, groups));
  const { all: v } = withPast(b, pastValue, split(value!, groups));

  const causal = attributes.int("is_causal", 0) === 1;
  const parts = [
    ...(mask ? [asBias(b, mask, q)] : []),
    ...(causal && !lengths ? [causalBias(b, { q, k }, past)] : []),
    ...(lengths ? [lengthBias(b, { q, k }, lengths, causal)] : []),
  ];
  const given = parts.length > 0 ? b.sum(parts) : undefined;
  const empty = given && (mask || lengths) ? rowsWithoutKeys(b, given) : undefined;
  const bias = empty ? b.where(empty, b.scalar(0, given!), given!) : given;
  const scale = attributes.float("scale", undefined) ?? usualScale(b, q);
  const softcap = attributes.float("softcap", 0);
  const repeated = { q, k: repeatHeads(b, k, queries / groups) };
  const { raw, capped, biased } = scoresOf(b, repeated, { scale, softcap, bias });
  const softmax = weightsOf(b, biased);
  const weights = empty ? b.where(empty, b.scalar(0, softmax), softmax) : softmax;
  const y = b.matmul(weights, repeatHeads(b, v, queries / groups));
  const masked = empty ? b.where(empty, b.scalar(-Infinity, biased), biased) : biased;
  const products = [raw, capped, masked, weights];
  return [flat ? joinHeads(b, y) : y, k, v, products[attributes.int("qk_matmul_output_mode", 0)]!];
}

/** A mask as what is added to the scores; false is -∞. */
const asBias = (b: Ops, mask: string, like: string): string =>
  b.fact(mask).type === "bool" ? b.where(mask, b.scalar(0, like), b.scalar(-Infinity, like)) : mask;

/**
 * [n, 1, 1 or s, t]: -∞ from the length of each sample on, of which the queries are the last ones where it is causal:
 * there, query i of s meets key j where j - i + s - 1 is below the length.
 */
function lengthBias(b: Ops, { q, k }: { q: string; k: string }, lengths: string, causal: boolean): string {
  const columns = b.size(k, 2);
  const rows = causal ? b.size(q, 2) : 1;
  b.room(rows * columns, k);
  const places = BigInt64Array.from({ length: rows * columns }, (_, i) =>
    BigInt((i % columns) - Math.floor(i / columns) + rows - 1),
  );
  const place = b.constant(tensor("int64", [1, 1, rows, columns], places));
  return asBias(b, b.add("Less", [place, b.unsqueeze(lengths, [1, 2, 3])]), q);
}

/** Whether every element of a row is -∞: a softmax over it would be 0/0. */
function rowsWithoutKeys(b: Ops, bias: string): string {
  const largest = b.reduceMax(bias, [b.dims(bias).length - 1], true);
  return b.add("Less", [largest, b.scalar(b.fact(bias).type === "float16" ? -65504 : LOWEST, bias)]);
}

/** The least float32. */
const LOWEST = -3.4028234663852886e38;

/** Each head `times` in a row: grouped queries (Ainslie et al. 2023, https://arxiv.org/abs/2305.13245) share keys and values. */
function repeatHeads(b: Ops, x: string, times: number): string {
  if (times === 1) return x;
  b.room(b.size(x, 1) * times, x);
  const heads = Array.from({ length: b.size(x, 1) * times }, (_, i) => Math.floor(i / times));
  return b.add("Gather", [x, b.int64(heads)], { axis: 1 });
}

export const attentionLowerings = { Attention: attention } satisfies Lowerings;

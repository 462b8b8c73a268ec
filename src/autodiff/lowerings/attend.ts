import type { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";

/** Attention over heads: q [n, h, s, d], k [n, h, t, d], v [n, h, t, e]. */
export interface Heads {
  readonly q: string;
  readonly k: string;
  readonly v: string;
}

export interface AttendOptions {
  readonly scale: number;
  /** c·tanh(scores / c), where it is not 0. */
  readonly softcap?: number;
  /** Added to the scores [n, h, s, t], to which it is broadcast. */
  readonly bias?: string | undefined;
}

/** [n, s, h·d] as [n, h, s, d]. */
export const splitHeads = (b: Ops, x: string, heads: number): string =>
  b.transpose(b.reshape(x, [0, 0, heads, b.size(x, 2) / heads]), [0, 2, 1, 3]);

/** [n, h, s, d] as [n, s, h·d]. */
export const joinHeads = (b: Ops, x: string): string =>
  b.reshape(b.transpose(x, [0, 2, 1, 3]), [0, 0, b.size(x, 1) * b.size(x, 3)]);

/** By how much the scores are scaled where nothing else is said: 1/√d. */
export const usualScale = (b: Ops, q: string): number => 1 / Math.sqrt(b.size(q, 3));

/** The scores scale·q·kᵀ, capped, and with the bias (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, §3.2.1). */
export function scoresOf(b: Ops, { q, k }: Omit<Heads, "v">, { scale, softcap = 0, bias }: AttendOptions) {
  const raw = b.matmul(b.mul(q, b.scalar(scale, q)), b.swap(k));
  const cap = b.scalar(softcap, raw);
  const capped = softcap === 0 ? raw : b.mul(cap, b.add("Tanh", [b.div(raw, cap)]));
  return { raw, capped, biased: bias ? b.plus(capped, bias) : capped };
}

/** Softmax over the last axis of [n, h, s, t]: axis 3 means the same in every opset. */
export const weightsOf = (b: Ops, scores: string): string => b.add("Softmax", [scores], { axis: 3 });

/** [s, t]: 0 up to the place of the query, counted after `past` others, and -∞ behind it. */
export function causalBias(b: Ops, { q, k }: Omit<Heads, "v">, past: number): string {
  const [rows, columns] = [b.size(q, 2), b.size(k, 2)];
  b.room(rows * columns, k);
  const data = Float32Array.from({ length: rows * columns }, (_, i) =>
    i % columns > Math.floor(i / columns) + past ? -Infinity : 0,
  );
  const type = b.fact(q).type ?? "float32";
  const mask = b.constant(tensor("float32", [rows, columns], data));
  return type === "float32" ? mask : b.cast(mask, type);
}

/** Keys or values with those of the past before them, and how many these are. */
export const withPast = (b: Ops, past: string | undefined, now: string): { all: string; count: number } =>
  past ? { all: b.add("Concat", [past, now], { axis: 2 }), count: b.size(past, 2) } : { all: now, count: 0 };

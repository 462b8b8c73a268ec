import type { Dim } from "../../../src/onnx/graph.ts";
import { numbers, type Sample, type SampleInput, withFirst } from "../gradient-check.ts";

/** Every row keeps a key, but for the third where `hidden` says so. */
const visible = (rows: number, columns: number, hidden = false): number[] =>
  Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return Number(hidden && row === 2 ? 0 : (row * 2 + column * 3) % 4 !== 0 || column === 1);
  });

interface Case {
  /** [n, h, s, d] of the queries; [h, t, e] of keys and values. */
  readonly q?: readonly [number, number, number, number];
  readonly kv?: readonly [number, number, number];
  readonly flat?: boolean;
  readonly mask?: SampleInput;
  readonly past?: number;
  /** Numbers of keys that are none; opset 24. */
  readonly lengths?: readonly number[];
  readonly attributes?: Readonly<Record<string, number | { readonly float: number }>>;
  readonly output?: number;
  readonly named?: boolean;
}

function attention(name: string, { q = [2, 2, 3, 4], kv = [2, 5, 3], flat, past, ...rest }: Case = {}): Sample {
  const [n, h, s, d] = q;
  const [groups, t, e] = kv;
  const input = (...dims: number[]): SampleInput => {
    const [batch, count, length, width] = dims as [number, number, number, number];
    const shape = flat ? [batch, length, count * width] : dims;
    return { dims: shape, ...(rest.named && { declared: ["N" as Dim, ...shape.slice(1)] }) };
  };
  const before = (width: number): SampleInput => ({ dims: [n, groups, past!, width] });
  return {
    name,
    opsets: rest.lengths ? [24] : [23, 24],
    type: "float32",
    inputs: {
      q: input(n, h, s, d),
      k: input(n, groups, t, d),
      v: input(n, groups, t, e),
      ...(rest.mask && { mask: rest.mask }),
      ...(past && { pastKey: before(d), pastValue: before(e) }),
    },
    build(b, x) {
      const lengths = rest.lengths && b.constant(numbers("int64", [n], rest.lengths));
      const inputs = [x["q"]!, x["k"]!, x["v"]!, x["mask"] ?? "", x["pastKey"] ?? "", x["pastValue"] ?? ""];
      const heads = flat ? { q_num_heads: h, kv_num_heads: groups } : {};
      // ONNX Runtime makes present keys and values where there are past ones.
      const outputs = rest.output === undefined ? (past ? 3 : 1) : 4;
      const all = lengths ? [...inputs, lengths] : inputs;
      const made = b.addMany("Attention", all, outputs, { ...heads, ...rest.attributes });
      return withFirst(b, made, rest.output ?? 0);
    },
  };
}

const mask = (dims: readonly number[], hidden = false): SampleInput => {
  const [rows, columns] = dims.slice(-2) as [number, number];
  const matrices = dims.slice(0, -2).reduce((a, c) => a * c, 1);
  return { dims, type: "bool", values: Array.from({ length: matrices }, () => visible(rows, columns, hidden)).flat() };
};
const capped = { softcap: { float: 0.75 } };

export const attentionSamples = {
  Attention: [
    attention("4-d"),
    attention("4-d, named batch", { named: true }),
    attention("3-d, named batch", { flat: true, named: true }),
    attention("grouped queries", { q: [2, 6, 3, 4] }),
    attention("one head of keys, 3-d", { q: [2, 3, 3, 4], kv: [1, 5, 3], flat: true }),
    attention("a scale", { attributes: { scale: { float: 0.25 } } }),
    attention("a cap", { attributes: capped }),
    attention("causal, more keys than queries", { attributes: { is_causal: 1 } }),
    attention("causal, fewer keys than queries", { kv: [2, 2, 3], attributes: { is_causal: 1 } }),
    attention("a mask", { mask: mask([3, 5]), named: true }),
    attention("a mask a head", { mask: mask([1, 2, 3, 5]) }),
    attention("a mask with a row of nothing", { mask: mask([2, 1, 3, 5], true), named: true }),
    attention("a causal mask", { mask: mask([3, 5]), attributes: { is_causal: 1, ...capped } }),
    attention("a mask of floats", { mask: { dims: [2, 3, 5] } }),
    attention("a mask of floats, a cap", { mask: { dims: [2, 1, 3, 5] }, attributes: capped }),
    attention("a past", { past: 2 }),
    attention("a past, causal", { past: 2, attributes: { is_causal: 1 } }),
    attention("a past, 3-d, masked", { past: 2, flat: true, mask: { dims: [3, 7] } }),
    attention("lengths", { lengths: [5, 2], named: true }),
    attention("lengths, causal", { lengths: [4, 2], attributes: { is_causal: 1 } }),
    attention("present keys", { past: 2, output: 1 }),
    attention("present values, 3-d", { past: 2, flat: true, output: 2 }),
    ...[0, 1, 2, 3].map((mode) =>
      attention(`products of mode ${mode}`, {
        mask: { dims: [3, 5] },
        output: 3,
        attributes: { qk_matmul_output_mode: mode, ...capped },
      }),
    ),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

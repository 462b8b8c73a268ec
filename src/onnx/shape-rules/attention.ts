import type { ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";

/** Y in the form of Q; the keys and values so far [n, h, t, d]; scores [n, h, s, t]. */
const attention: ShapeRule = ({ node, input }) => {
  const [q, k, v, past] = [input(0), input(1), input(2), input(4)];
  const heads = (dims: readonly Dim[] | null, name: string): readonly Dim[] | null => {
    if (dims?.length !== 3) return dims;
    const count = node.attributes.int(name, 1);
    return [dims[0]!, count, dims[1]!, typeof dims[2] === "number" ? dims[2] / count : null];
  };
  const [qs, ks, vs] = [
    heads(q.dims, "q_num_heads"),
    heads(k.dims, "kv_num_heads"),
    heads(v.dims, "kv_num_heads"),
  ] as const;
  if (qs?.length !== 4 || ks?.length !== 4 || vs?.length !== 4) return { type: q.type, dims: null };
  const before = node.inputs[4] ? (past.dims?.[2] ?? null) : 0;
  const [now, total] = [ks[2]!, typeof ks[2] === "number" && typeof before === "number" ? ks[2] + before : null];
  const keys = before === 0 ? now : total;
  const joined = typeof qs[1] === "number" && typeof vs[3] === "number" ? qs[1] * vs[3] : null;
  return [
    { type: q.type, dims: q.dims!.length === 3 ? [qs[0]!, qs[2]!, joined] : [qs[0]!, qs[1]!, qs[2]!, vs[3]!] },
    { type: k.type, dims: [ks[0]!, ks[1]!, keys, ks[3]!] },
    { type: v.type, dims: [vs[0]!, vs[1]!, keys, vs[3]!] },
    { type: q.type, dims: [qs[0]!, qs[1]!, qs[2]!, keys] },
  ];
};

const same: ShapeRule = ({ input }) => ({ type: input(0).type, dims: input(0).dims });

/** Attention, and the normalisation that ONNX Runtime saves under a name of its own in the standard domain. */
export const attentionShapes: Readonly<Record<string, ShapeRule>> = {
  Attention: attention,
  SimplifiedLayerNormalization: same,
};

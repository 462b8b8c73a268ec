import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Dim } from "../../../src/onnx/graph.ts";
import { numbers, type Sample } from "../gradient-check.ts";

/** @param rows of the caches: as many as positions, looked up by constant ids; null: one for each place of the input. */
const rotary = (
  name: string,
  x: readonly number[],
  half: number,
  rows: number | null,
  attributes: Readonly<Record<string, AttributeValue>> = {},
  declared?: readonly Dim[],
): Sample => {
  const [batch, length] = [x[0]!, x.length === 3 ? x[1]! : x[2]!];
  const cache = { dims: rows === null ? [batch, length, half] : [rows, half] };
  const ids = Array.from({ length: batch * length }, (_, i) => (i * 3) % (rows ?? 1));
  return {
    name,
    opsets: [23],
    type: "float32",
    inputs: { x: { dims: x, ...(declared && { declared }) }, cos: cache, sin: cache },
    build: (b, v) => {
      const positions = rows === null ? [] : [b.constant(numbers("int64", [batch, length], ids))];
      return b.add("RotaryEmbedding", [v["x"]!, v["cos"]!, v["sin"]!, ...positions], attributes);
    },
  };
};

const swish = (name: string, attributes: Readonly<Record<string, AttributeValue>> = {}): Sample => ({
  name,
  opsets: [24],
  type: "float32",
  inputs: { x: { dims: [2, 3], declared: ["N", 3] } },
  build: (b, { x }) => b.add("Swish", [x!], attributes),
});

export const rotarySamples = {
  RotaryEmbedding: [
    rotary("positions", [2, 2, 3, 4], 2, 5),
    rotary("no positions", [2, 2, 3, 4], 2, null),
    rotary("interleaved", [2, 2, 3, 4], 2, 5, { interleaved: 1 }),
    rotary("a part of the features", [1, 2, 3, 6], 2, 5, { rotary_embedding_dim: 4 }),
    rotary("rank 3", [2, 3, 8], 2, 5, { num_heads: 2 }),
    rotary("rank 3, interleaved, a part of the features", [2, 3, 12], 2, 5, { num_heads: 2, interleaved: 1, rotary_embedding_dim: 4 }), // biome-ignore format: one line
    rotary("named batch", [2, 2, 3, 4], 2, 5, { interleaved: 1 }, ["N", 2, 3, 4]),
  ],
  Swish: [swish("plain"), swish("alpha", { alpha: { float: -0.75 } })],
} satisfies Readonly<Record<string, readonly Sample[]>>;

import type { Sample, SampleInput } from "../gradient-check.ts";
import { type AttributeValues, float, named, sample, small } from "./microsoft-node.ts";

/** A mask of int32. */
const mask = (dims: readonly number[], values: readonly number[], declared = dims as SampleInput["declared"]) => ({
  dims,
  values,
  type: "int32" as const,
  declared: declared!,
});
const attention = (
  name: string,
  inputs: readonly (SampleInput | readonly number[] | null)[],
  attributes = {},
): Sample => {
  const projections = [{ ...small([2, 4, 3], 16), declared: ["N", 4, 3] }, small([3, 12], 16), small([12], 16)];
  return sample("Attention", name, [...projections, ...inputs], { num_heads: 2, ...attributes }, { opsets: [11, 17] });
};
const multiHead = (
  name: string,
  inputs: readonly (SampleInput | readonly number[] | null)[],
  attributes: AttributeValues = {},
  output = 0,
): Sample =>
  sample(
    "MultiHeadAttention",
    name,
    inputs,
    { num_heads: 2, ...attributes },
    { opsets: [11, 17], output, outputs: inputs.length > 6 ? 3 : 1 },
  );
const [queries, keys, values] = [named([2, 3, 4]), named([2, 5, 4]), named([2, 5, 6])];
const past = [2, 2, 2, 2];
const seen = [1, 1, 0, 1, 0, 0, 1, 1];

export const microsoftAttentionSamples = {
  Attention: [
    attention("plain", []),
    attention("a scale", [], { scale: float(0.25) }),
    attention("causal", [], { unidirectional: 1 }),
    attention("a mask [n, t]", [mask([2, 4], seen, ["N", 4])]),
    attention("a soft mask", [mask([2, 4], seen, ["N", 4])], { mask_filter_value: float(-1), unidirectional: 1 }),
    attention("a mask [n, s, t]", [mask([2, 4, 4], [...seen, ...seen, ...seen, ...seen], ["N", 4, 4])]),
    attention("lengths", [mask([2], [3, 2], ["N"])]),
    attention("a bias of the scores", [null, null, small([1, 2, 4, 4])]),
    ...[0, 1].map((unidirectional) =>
      sample(
        "Attention",
        `a past${unidirectional ? ", causal" : ""}`,
        [small([2, 4, 3], 16), small([3, 12], 16), small([12], 16), null, [2, 2, 2, 3, 2]],
        { num_heads: 2, unidirectional },
        { outputs: 2 },
      ),
    ),
    sample(
      "Attention",
      "ends and starts",
      [[2, 4, 3], [3, 12], [12], mask([4], [3, 4, 1, 2])],
      { num_heads: 2 },
      { opsets: [17] },
    ),
    sample(
      "Attention",
      "present",
      [small([2, 4, 3]), small([3, 12]), [12], null, [2, 2, 2, 3, 2]],
      { num_heads: 2 },
      { output: 1 },
    ),
    sample("Attention", "wider values", [small([2, 4, 3]), small([3, 14]), [14]], {
      num_heads: 2,
      qkv_hidden_sizes: [4, 4, 6],
    }),
  ],
  MultiHeadAttention: [
    multiHead("plain", [queries, keys, values]),
    multiHead("biases", [queries, keys, values, [14]]),
    multiHead("a scale", [queries, keys, values], { scale: float(0.25) }),
    multiHead("causal", [queries, named([2, 3, 4]), named([2, 3, 6])], { unidirectional: 1 }),
    multiHead("a mask [n, t]", [queries, keys, values, null, mask([2, 5], [...seen, 0, 1], ["N", 5])]),
    multiHead("lengths", [queries, keys, values, null, mask([2], [3, 5], ["N"])]),
    multiHead("a bias of the scores", [queries, keys, values, [14], null, [1, 2, 3, 5]]),
    multiHead("heads apart", [queries, named([2, 2, 5, 2]), named([2, 2, 5, 2])]),
    ...[0, 1, 2].map((output) =>
      multiHead(
        `a past, output ${output}`,
        [[2, 3, 4], [2, 3, 4], [2, 3, 4], [12], null, null, past, past],
        { unidirectional: output % 2 },
        output,
      ),
    ),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

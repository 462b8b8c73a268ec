import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import { contrib, type Sample, type SampleInput, withFirst } from "../gradient-check.ts";

export type AttributeValues = Readonly<Record<string, AttributeValue>>;

/** One node; null leaves an input out. */
export const sample = (
  op: string,
  name: string,
  inputs: readonly (SampleInput | readonly number[] | null)[],
  attributes: AttributeValues = {},
  {
    output = 0,
    outputs: made = 1,
    ...fields
  }: Partial<Pick<Sample, "opsets" | "type">> & { output?: number; outputs?: number } = {},
): Sample => {
  const given = inputs.map((input, i) => [`x${i}`, isList(input) ? { dims: input } : input] as const);
  return {
    name,
    type: "float32",
    ...fields,
    inputs: Object.fromEntries(given.flatMap(([key, input]) => (input ? [[key, input] as const] : []))),
    build(b, x) {
      const outputs = contrib(
        b,
        op,
        given.map(([key]) => x[key] ?? ""),
        attributes,
        Math.max(output + 1, made),
      );
      return withFirst(b, outputs, output);
    },
  };
};
const isList = (input: SampleInput | readonly number[] | null): input is readonly number[] => Array.isArray(input);
export const named = (dims: readonly number[]): SampleInput => ({ dims, declared: ["N", ...dims.slice(1)] });
export const float = (value: number) => ({ float: value });

/** Numbers of up to 12 units, for what bends so much that differences are not exact. */
export const small = (dims: readonly number[], unit = 64): SampleInput => ({
  dims,
  values: Array.from({ length: dims.reduce((p, q) => p * q, 1) }, (_, i) => (((i * 37) % 23) - 12) / unit),
});

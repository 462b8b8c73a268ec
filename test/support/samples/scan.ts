import { tensor } from "../../../src/tensor.ts";
import type { Fill, Sample, SampleInput } from "../gradient-check.ts";

const image: SampleInput = { dims: [2, 3, 4] };
const named: SampleInput = { dims: [2, 3, 4], declared: ["N", 3, 4] };

const scan = (op: string, values: Fill | readonly number[], opsets: readonly number[]): Sample[] => {
  const sample = (name: string, axis: number, attributes: Readonly<Record<string, number>>, x = image): Sample => ({
    name,
    opsets,
    inputs: { x: { values, ...x } },
    build: (b, v) => b.add(op, [v["x"]!, b.constant(tensor("int64", [], BigInt64Array.of(BigInt(axis))))], attributes),
  });
  return [
    sample("first axis", 0, {}),
    sample("middle axis, a named batch", 1, { exclusive: 0, reverse: 0 }, named),
    sample("exclusive", -1, { exclusive: 1 }, named),
    sample("reverse", 2, { reverse: 1 }),
    sample("exclusive and reverse", 1, { exclusive: 1, reverse: 1 }),
    sample(
      "open sizes",
      1,
      {},
      { dims: [2, 3], declared: ["N", "L"], ...(typeof values !== "string" && { values: values.slice(0, 6) }) },
    ),
  ];
};

const zeros = Array.from({ length: 24 }, (_, i) => ([3, 7, 8, 13, 20, 23].includes(i) ? 0 : ((5 * i) % 7) / 2 - 1.25));

const range = (name: string, start: number, limit: number, delta: number, opsets = [11, 17]): Sample => ({
  name,
  opsets,
  inputs: {
    start: { dims: [], values: [start] },
    limit: { dims: [], values: [limit] },
    delta: { dims: [], values: [delta] },
  },
  build: (b, v) => b.add("Range", [v["start"]!, v["limit"]!, v["delta"]!]),
});

export const scanSamples = {
  CumSum: scan("CumSum", "any", [11, 14, 23]),
  CumProd: [
    ...scan("CumProd", "away", [26]),
    ...scan("CumProd", zeros, [26]).map((sample) => ({ ...sample, name: `with zeros, ${sample.name}` })),
  ],
  Range: [range("upward", 0.5, 4.125, 0.75), range("downward", 2, -1.25, -0.5)],
} satisfies Readonly<Record<string, readonly Sample[]>>;

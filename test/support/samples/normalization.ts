import { numbers, type Sample, type SampleInput } from "../gradient-check.ts";

/** All five inputs are differentiated: statistics may be computed from x, too. */
const batchNormalization = (name: string, x: SampleInput, attributes = {}, opsets?: readonly number[]): Sample => {
  const channel: SampleInput = { dims: [x.dims[1]!] };
  return {
    name,
    ...(opsets && { opsets }),
    inputs: { x, scale: channel, bias: channel, mean: channel, variance: { ...channel, values: "positive" } },
    build: (b, v) => b.add("BatchNormalization", Object.values(v), attributes),
  };
};

const dropout = (name: string, opsets: readonly number[], ratio: number | undefined, training?: boolean): Sample => ({
  name,
  opsets,
  inputs: { x: { dims: [3, 4] } },
  build(b, { x }) {
    if (b.opset < 12) return b.add("Dropout", [x!], ratio === undefined ? {} : { ratio: { float: ratio } });
    const flag = training === undefined ? [] : [b.constant(numbers("bool", [], [Number(training)]))];
    return b.add("Dropout", [x!, ratio === undefined ? "" : b.scalar(ratio, x!), ...flag]);
  },
});

export const normalizationSamples = {
  BatchNormalization: [
    batchNormalization("images", { dims: [2, 3, 2, 2] }, {}, [9, 11, 13, 14, 15, 17]),
    batchNormalization("at opset 7", { dims: [2, 3, 2] }, {}, [7]),
    batchNormalization("epsilon", { dims: [2, 3, 2, 2] }, { epsilon: { float: 0.25 } }),
    batchNormalization("vectors", { dims: [4, 3] }),
    batchNormalization("1-d", { dims: [2, 3, 4] }),
    batchNormalization("3-d", { dims: [2, 2, 2, 3, 2] }),
    batchNormalization("named batch", { dims: [2, 3, 2, 2], declared: ["N", 3, 2, 2] }),
  ],
  Dropout: [
    dropout("plain", [7, 9, 11, 13, 17], undefined),
    dropout("a ratio", [7, 11, 13, 17], 0.25),
    dropout("training false", [12, 13, 17], 0.25, false),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

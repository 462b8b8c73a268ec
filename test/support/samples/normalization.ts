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

const layerNormalization = (name: string, x: SampleInput, axis?: number, bias = true): Sample => {
  const from = axis ?? -1;
  const dims = x.dims.slice(from < 0 ? from + x.dims.length : from);
  return {
    name,
    opsets: [17, 21],
    type: "float32",
    inputs: { x, scale: { dims }, ...(bias && { bias: { dims } }) },
    build: (b, v) =>
      b.add("LayerNormalization", Object.values(v), {
        ...(axis !== undefined && { axis }),
        epsilon: { float: 0.125 },
      }),
  };
};

const instanceNormalization = (name: string, x: SampleInput, opsets: readonly number[] = [7, 11, 17]): Sample => ({
  name,
  opsets,
  type: "float32",
  inputs: { x, scale: { dims: [x.dims[1]!] }, bias: { dims: [x.dims[1]!] } },
  build: (b, v) => b.add("InstanceNormalization", Object.values(v), { epsilon: { float: 0.125 } }),
});

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
  LayerNormalization: [
    layerNormalization("the last axis", { dims: [2, 3, 4] }),
    layerNormalization("two axes", { dims: [2, 3, 4] }, 1),
    layerNormalization("a negative axis, named batch", { dims: [2, 3, 4], declared: ["N", 3, 4] }, -2),
    layerNormalization("without a bias", { dims: [3, 4] }, -1, false),
  ],
  InstanceNormalization: [
    instanceNormalization("images", { dims: [2, 3, 2, 4] }),
    instanceNormalization("1-d, named batch", { dims: [2, 3, 4], declared: ["N", 3, 4] }),
  ],
  Dropout: [
    dropout("plain", [7, 9, 11, 13, 17], undefined),
    dropout("a ratio", [7, 11, 13, 17], 0.25),
    dropout("training false", [12, 13, 17], 0.25, false),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

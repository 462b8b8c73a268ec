import { numbers, type Sample, type SampleInput } from "../gradient-check.ts";

/** All five inputs are differentiated: statistics may be computed from x, too. */
const batchNormalization = (
  name: string,
  x: SampleInput,
  attributes = {},
  opsets?: readonly number[],
  statistics: readonly number[] = [x.dims[1]!],
): Sample => {
  const channel: SampleInput = { dims: statistics };
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

/** A model that uses the mean, the inverse deviation, or both, and the output or not. */
const statistics = (
  name: string,
  used: readonly number[],
  axis: number,
  opsets: readonly number[] = [17, 21],
): Sample => ({
  name,
  opsets,
  type: "float32",
  inputs: { x: { dims: [2, 3, 4], declared: ["N", 3, 4] }, scale: { dims: [2, 3, 4].slice(axis) } },
  build(b, v) {
    const outputs = b.addMany("LayerNormalization", Object.values(v), 3, { axis, epsilon: { float: 0.125 } });
    return used.map((i) => outputs[i]!).reduce((a, c) => b.mul(a, c));
  },
});

const groupNormalization = (name: string, x: SampleInput, groups: number): Sample => ({
  name,
  opsets: [21, 23],
  // By default, statistics are float32 from opset 21 on.
  type: "float32",
  inputs: { x, scale: { dims: [x.dims[1]!] }, bias: { dims: [x.dims[1]!] } },
  build: (b, v) => b.add("GroupNormalization", Object.values(v), { num_groups: groups, epsilon: { float: 0.125 } }),
});

const rmsNormalization = (name: string, x: SampleInput, scale: readonly number[], axis?: number): Sample => ({
  name,
  opsets: [23, 24],
  inputs: { x, scale: { dims: scale } },
  build: (b, v) =>
    b.add("RMSNormalization", Object.values(v), {
      ...(axis !== undefined && { axis }),
      epsilon: { float: 0.125 },
    }),
});

const ofOne =
  (op: string, opsets: readonly number[], type: "float32" | "float64", values: "any" | "away" = "any") =>
  (name: string, x: SampleInput, attributes = {}, at = opsets): Sample => ({
    name,
    opsets: at,
    type,
    inputs: { x: { values, ...x } },
    build: (b, v) => b.add(op, [v["x"]!], attributes),
  });

const lpNormalization = ofOne("LpNormalization", [7, 13, 17, 22], "float64", "away");
const meanVariance = ofOne("MeanVarianceNormalization", [9, 13, 18], "float32");
const lrn = ofOne("LRN", [7, 13, 17], "float32");

export const normalizationSamples = {
  RMSNormalization: [
    rmsNormalization("the last axis", { dims: [2, 3, 4], declared: ["N", 3, 4] }, [4]),
    rmsNormalization("two axes", { dims: [2, 3, 4] }, [3, 4], 1),
    rmsNormalization("a negative axis, a scale for all", { dims: [2, 3, 4] }, [1], -2),
    { ...rmsNormalization("float32", { dims: [2, 3, 4] }, [4]), type: "float32" },
  ],
  GroupNormalization: [
    ...[1, 2, 4].map((groups) =>
      groupNormalization(`${groups} of 4`, { dims: [2, 4, 2, 3], declared: ["N", 4, 2, 3] }, groups),
    ),
    groupNormalization("1-d", { dims: [2, 4, 3] }, 2),
    groupNormalization("3-d", { dims: [1, 4, 2, 1, 3] }, 2),
    {
      name: "a scale a group",
      opsets: [18, 20],
      inputs: { x: { dims: [2, 4, 2, 3], declared: ["N", 4, 2, 3] }, scale: { dims: [2] }, bias: { dims: [2] } },
      build: (b, v) => b.add("GroupNormalization", Object.values(v), { num_groups: 2 }),
    },
  ],
  LpNormalization: [
    lpNormalization("by default", { dims: [2, 3, 4], declared: ["N", 3, 4] }),
    lpNormalization("p 1", { dims: [2, 3, 4], declared: ["N", 3, 4] }, { p: 1 }),
    lpNormalization("p 1, axis 1", { dims: [2, 3, 4] }, { p: 1, axis: 1 }),
    lpNormalization("p 2, axis 0", { dims: [2, 3, 4] }, { p: 2, axis: 0 }),
    lpNormalization("p 2, negative axis", { dims: [2, 3, 4] }, { p: 2, axis: -2 }),
  ],
  MeanVarianceNormalization: [
    meanVariance("by default, named batch", { dims: [3, 2, 4, 3], declared: ["N", 2, 4, 3] }),
    meanVariance("each image", { dims: [2, 2, 4, 3], declared: ["N", 2, 4, 3] }, { axes: [2, 3] }),
    meanVariance("one axis", { dims: [2, 3, 8] }, { axes: [-1] }),
    meanVariance("of each channel, opset 8", { dims: [2, 2, 4, 3] }, {}, [7, 8]),
    meanVariance("across channels, opset 8", { dims: [2, 2, 4, 3] }, { across_channels: 1 }, [7, 8]),
  ],
  LRN: [
    lrn("one channel", { dims: [2, 3, 2, 2] }, { size: 1, alpha: { float: 0.5 } }),
    lrn("three", { dims: [2, 5, 2, 3], declared: ["N", 5, 2, 3] }, { size: 3, alpha: { float: 0.75 } }),
    lrn("five, of four channels", { dims: [2, 4, 2, 3] }, { size: 5, alpha: { float: 0.5 }, beta: { float: 0.5 } }),
    lrn("bias", { dims: [1, 6, 2, 2] }, { size: 5, alpha: { float: 2 }, beta: { float: 1.5 }, bias: { float: 2 } }),
    lrn("defaults", { dims: [1, 6, 2, 2] }, { size: 3 }),
  ],
  BatchNormalization: [
    batchNormalization("images", { dims: [2, 3, 2, 2] }, {}, [9, 11, 13, 14, 15, 17]),
    batchNormalization("at opset 7", { dims: [2, 3, 2] }, {}, [7]),
    batchNormalization("epsilon", { dims: [2, 3, 2, 2] }, { epsilon: { float: 0.25 } }),
    batchNormalization("one number a sample", { dims: [4], declared: ["N"] }, {}, [7, 9, 14, 15], [1]),
    batchNormalization("a statistic an element", { dims: [4, 3, 2] }, { spatial: 0 }, [7, 8], [3, 2]),
    batchNormalization("spatial", { dims: [4, 3, 2] }, { spatial: 1 }, [7, 8]),
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
    statistics("the mean used elsewhere", [0, 1], 2),
    statistics("the inverse deviation used elsewhere", [0, 2], 1),
    statistics("both used elsewhere", [0, 1, 2], 1),
    statistics("nothing but them used", [1, 2], 1),
    {
      name: "only the mean used",
      opsets: [17],
      type: "float32",
      inputs: { x: { dims: [2, 3, 4], declared: ["N", 3, 4] } },
      build: (b, { x }) =>
        b.addMany("LayerNormalization", [x!, b.constant(numbers("float32", [4], [1, 2, 3, 4]))], 3)[1]!,
    },
  ],
  InstanceNormalization: [
    instanceNormalization("images", { dims: [2, 3, 2, 4] }),
    instanceNormalization("1-d, named batch", { dims: [2, 3, 4], declared: ["N", 3, 4] }),
  ],
  Dropout: [
    dropout("plain", [7, 9, 11, 13, 17], undefined),
    dropout("a ratio", [7, 11, 13, 17], 0.25),
    dropout("training false", [12, 13, 17], 0.25, false),
    dropout("training, and a ratio of 0", [12, 13, 17], 0, true),
    {
      name: "a ratio that is an input",
      opsets: [12, 13, 17],
      inputs: { x: { dims: [3, 4] }, ratio: { dims: [], values: [0.25] } },
      build: (b, { x, ratio }) => b.add("Dropout", [x!, ratio!]),
    },
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;

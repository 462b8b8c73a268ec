import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { numbers, type Sample, type SampleInput } from "../gradient-check.ts";

type Recurrent = "RNN" | "GRU" | "LSTM";
const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;

interface Case {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly directions?: 1 | 2;
  readonly steps?: number;
  /** Repeated over the units, so that no argument comes near a kink; null: no bias. */
  readonly bias?: readonly number[] | null;
  /** Of the weights: small beside a bias that decides on which side of a kink a unit lies. */
  readonly scale?: number;
  readonly lengths?: readonly number[];
  readonly constantLengths?: boolean;
  readonly initial?: boolean;
  readonly peepholes?: boolean;
  /** Which outputs are there; their sum is differentiated. */
  readonly outputs?: readonly number[];
  readonly namedBatch?: boolean;
  readonly opsets?: readonly number[];
}

/** The gradients of these, and of clipping, need Where. */
const KINKED = new Set(["HardSigmoid", "LeakyRelu", "Elu"]);

const [BATCH, INPUT, HIDDEN] = [2, 3, 2];

function inputsOf(op: Recurrent, options: Case): Record<string, SampleInput> {
  const { directions = 1, steps = 3, bias, lengths, constantLengths, initial, peepholes, namedBatch } = options;
  const rows = GATES[op] * HIDDEN;
  const batch = (dims: readonly number[], axis: number): SampleInput =>
    namedBatch ? { dims, declared: dims.map((d, i) => (i === axis ? "N" : d)) } : { dims };
  const biasDims = [directions, 2 * rows];
  const repeated = bias && Array.from({ length: directions * 2 * rows }, (_, i) => bias[(i % rows) % bias.length]! / 2);
  return {
    x: batch([steps, BATCH, INPUT], 1),
    w: { dims: [directions, rows, INPUT] },
    r: { dims: [directions, rows, HIDDEN] },
    ...(bias !== null && { b: { dims: biasDims, ...(repeated && { values: repeated }) } }),
    ...(lengths && !constantLengths && { lengths: { ...batch([BATCH], 0), type: "int64", values: lengths } }),
    ...(initial && { h: batch([directions, BATCH, HIDDEN], 1) }),
    ...(initial && op === "LSTM" && { c: batch([directions, BATCH, HIDDEN], 1) }),
    ...(peepholes && { p: { dims: [directions, 3 * HIDDEN] } }),
  };
}

/** The outputs that are there; Y_h and Y_c broadcast to Y. */
function apply(b: Ops, op: Recurrent, x: Readonly<Record<string, string>>, options: Case): string {
  const { directions = 1, scale = 0.25, lengths, constantLengths, outputs = [0, 1, 2], attributes = {} } = options;
  const scaled = (name: string) => b.mul(x[name]!, b.scalar(scale, x[name]!));
  const constant = () => b.constant({ ...numbers("int64", [BATCH], lengths!), type: "int32", data: Int32Array.from(lengths!) }); // biome-ignore format: one value
  const ends = lengths ? (constantLengths ? constant() : b.cast(x["lengths"]!, "int32")) : "";
  const inputs = [x["x"]!, scaled("w"), scaled("r"), x["b"] ?? "", ends, x["h"] ?? "", x["c"] ?? "", x["p"] ?? ""];
  const direction = directions === 2 ? { direction: "bidirectional" } : {};
  const last = inputs.findLastIndex((name) => name !== "");
  const names = b.addMany(op, inputs.slice(0, last + 1), op === "LSTM" ? 3 : 2, { hidden_size: HIDDEN, ...direction, ...attributes }); // biome-ignore format: one call
  // Less than 1, so that the rounding of the float32 kernels stays below the tolerance of the differences.
  const sum = b.sum(names.filter((_, i) => outputs.includes(i)));
  return b.mul(sum, b.scalar(0.25, sum));
}

const sample = (op: Recurrent, name: string, options: Case = {}): Sample => ({
  name,
  type: "float32",
  opsets: options.opsets ?? [7, 14, 22],
  inputs: inputsOf(op, options),
  build: (b, x) => apply(b, op, x, options),
});

/** Every activation that all three operators share, with parameters and a bias that keeps away from its kinks. */
const activations = (op: Recurrent, slots: number): readonly Sample[] => {
  const each = (name: string, alpha?: number, beta?: number, bias?: readonly number[]): Sample =>
    sample(op, `activation ${name}${alpha === undefined ? "" : ` ${alpha}`}`, {
      opsets: KINKED.has(name) ? [9, 14] : [7, 14],
      outputs: op === "LSTM" ? [0, 2] : [0],
      ...(bias && { bias, scale: 1 / 16 }),
      attributes: {
        activations: { strings: Array<string>(slots).fill(name) },
        ...(alpha !== undefined && { activation_alpha: { floats: Array<number>(slots).fill(alpha) } }),
        ...(beta !== undefined && { activation_beta: { floats: Array<number>(slots).fill(beta) } }),
      },
    });
  // Positive: what the cell of an LSTM holds is a product of gates, which must not come near a kink either.
  const kinked = op === "LSTM" ? [1, 1.5] : [1, -1.5];
  return [
    each("Sigmoid"),
    each("Tanh"),
    each("Softsign", undefined, undefined, [1, 1.5]),
    each("Softplus"),
    each("Relu", undefined, undefined, kinked),
    each("LeakyRelu", undefined, undefined, kinked),
    each("LeakyRelu", 0.25, undefined, kinked),
    each("ThresholdedRelu", 0.25, undefined, kinked),
    each("HardSigmoid", undefined, undefined, [1, -1, 4]),
    each("HardSigmoid", 0.25, 0.375, [1, -1, 4]),
    each("Elu", undefined, undefined, kinked),
    each("Elu", 0.75, undefined, kinked),
    each("Affine", 0.5, 0.25),
    each("ScaledTanh", 0.75, 0.5),
  ];
};

const common = (op: Recurrent): readonly Sample[] => [
  sample(op, "forward", { opsets: [7, 9, 11, 13, 14, 17, 18, 22] }),
  sample(op, "reverse", { attributes: { direction: "reverse" } }),
  sample(op, "bidirectional", { directions: 2, opsets: [7, 11, 14, 18, 22] }),
  sample(op, "one step", { steps: 1, initial: true }),
  sample(op, "no bias", { bias: null }),
  sample(op, "initial states", { initial: true }),
  sample(op, "initial states, both ways, named batch", { initial: true, directions: 2, namedBatch: true }),
  sample(op, "named batch", { namedBatch: true }),
  sample(op, "Y alone", { outputs: [0] }),
  sample(op, "Y_h alone", { outputs: [1], directions: 2 }),
  sample(op, "lengths", { lengths: [1, 3], steps: 4, opsets: [9, 14, 22] }),
  sample(op, "lengths, both ways, initial states, named batch", { lengths: [3, 1], directions: 2, initial: true, namedBatch: true, opsets: [9, 14, 22] }), // biome-ignore format: one line each
  sample(op, "a length of 0, initial states", { lengths: [0, 2], initial: true, opsets: [14] }),
  sample(op, "constant lengths", { lengths: [2, 4], steps: 4, constantLengths: true, directions: 2, opsets: [9, 14] }),
  sample(op, "constant lengths, all of them full", { lengths: [3, 3], constantLengths: true }),
  sample(op, "clip", {
    attributes: { clip: { float: 0.75 } },
    bias: [0.25, 1.5, -0.25, -1.5, 1.5],
    scale: 1 / 32,
    opsets: [9, 11, 14],
  }),
];

export const recurrentSamples = {
  RNN: [
    ...common("RNN"),
    ...activations("RNN", 1),
    sample("RNN", "another activation each way", {
      directions: 2,
      attributes: { activations: { strings: ["Tanh", "ScaledTanh"] }, activation_alpha: { floats: [0.5] }, activation_beta: { floats: [0.75] } }, // biome-ignore format: one line
    }),
  ],
  GRU: [
    ...common("GRU"),
    ...activations("GRU", 2),
    ...[
      {},
      { bias: null },
      { directions: 2, initial: true } as const,
      { initial: true, bias: null, namedBatch: true } as const,
      { lengths: [1, 3], opsets: [9, 14, 22] },
      { attributes: { clip: { float: 0.75 } }, bias: [0.25, 1.5, -0.25, -1.5, 1.5], scale: 1 / 32, opsets: [9, 14] },
    ].map((options: Case) =>
      sample("GRU", `linear before reset${Object.keys(options).map((name) => `, ${name}`).join("")}`, {
        opsets: [7, 11, 14, 22],
        ...options,
        attributes: { ...options.attributes, linear_before_reset: 1 },
      }),
    ), // biome-ignore format: a list
  ],
  LSTM: [
    ...common("LSTM"),
    ...activations("LSTM", 3),
    sample("LSTM", "Y_c alone", { outputs: [2], opsets: [9, 14, 22] }),
    sample("LSTM", "peepholes", { peepholes: true }),
    sample("LSTM", "peepholes, both ways, initial states, named batch", { peepholes: true, directions: 2, initial: true, namedBatch: true }), // biome-ignore format: one line
    sample("LSTM", "input_forget", { initial: true, attributes: { input_forget: 1 } }),
    sample("LSTM", "input_forget, peepholes", {
      initial: true,
      peepholes: true,
      attributes: { input_forget: 1 },
      opsets: [9, 14],
    }),
    sample("LSTM", "three activations with parameters", {
      attributes: { activations: { strings: ["HardSigmoid", "Affine", "scaledtanh"] }, activation_alpha: { floats: [0.125, 0.5, 0.75] }, activation_beta: { floats: [0.5, 0.25, 0.5] } }, // biome-ignore format: one line
      initial: true,
      bias: [0.5, 0.75, 1],
      scale: 1 / 8,
      opsets: [9, 14, 22],
    }),
  ],
} satisfies Readonly<Record<Recurrent, readonly Sample[]>>;

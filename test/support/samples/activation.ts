import type { Ops } from "../../../src/onnx/ops.ts";
import type { Sample } from "../gradient-check.ts";

type Attributes = Parameters<Ops["add"]>[2];

/** On both sides of every kink there is (0, ±0.5, ±1, ±2.5, ±3), and on none. */
const values = [-4, -3.5, -2.75, -1.75, -0.75, -0.25, 0.25, 0.75, 1.75, 2.75, 3.5, 4];

const unary = (op: string, opsets: readonly number[], name = "defaults", attributes: Attributes = {}): Sample => ({
  name,
  opsets,
  type: "float32",
  inputs: { x: { dims: [3, 4], values } },
  build: (b, { x }) => b.add(op, [x!], attributes),
});

const prelu = (name: string, slope: readonly number[]): Sample => ({
  name,
  opsets: [9, 17],
  type: "float32",
  inputs: { x: { dims: [1, 3, 4], values }, slope: { dims: slope, values: "away" } },
  build: (b, { x, slope: s }) => b.add("PRelu", [x!, s!]),
});

export const activationSamples = {
  Elu: [unary("Elu", [9, 17]), unary("Elu", [17], "alpha", { alpha: { float: 0.5 } })],
  Selu: [unary("Selu", [9, 17]), unary("Selu", [17], "both", { alpha: { float: 1.25 }, gamma: { float: 2 } })],
  Celu: [unary("Celu", [12, 17]), unary("Celu", [17], "alpha", { alpha: { float: 2 } })],
  PRelu: [prelu("a slope an element", [1, 3, 4]), prelu("a slope a channel", [3, 1]), prelu("one slope", [1])],
  HardSigmoid: [
    unary("HardSigmoid", [9, 17]),
    unary("HardSigmoid", [17], "both", { alpha: { float: 0.375 }, beta: { float: 0.25 } }),
  ],
  HardSwish: [unary("HardSwish", [14, 17])],
  Softplus: [unary("Softplus", [7, 17])],
  Softsign: [unary("Softsign", [7, 17])],
  ThresholdedRelu: [
    unary("ThresholdedRelu", [10, 17]),
    unary("ThresholdedRelu", [17], "alpha", { alpha: { float: 2.25 } }),
  ],
  Shrink: [unary("Shrink", [9, 17]), unary("Shrink", [17], "both", { lambd: { float: 1.25 }, bias: { float: 0.5 } })],
  Gelu: [unary("Gelu", [20, 21], "exact"), unary("Gelu", [20, 21], "by tanh", { approximate: "tanh" })],
  Mish: [unary("Mish", [18, 21])],
} satisfies Readonly<Record<string, readonly Sample[]>>;

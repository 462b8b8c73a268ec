import type { lossLowerings } from "../../../src/autodiff/lowerings/loss.ts";
import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import { type Sample, type SampleInput, withFirst } from "../gradient-check.ts";

type Op = keyof typeof lossLowerings;

interface Options {
  readonly rest?: readonly number[];
  readonly weight?: boolean;
  readonly output?: number;
  readonly declared?: SampleInput["declared"];
}

/** Labels of 4 classes: 3 samples, and two more axes. */
const LABELS = [2, 0, 3, 1, 1, 2, 0, 0, 3, 2, 1, 3];

const loss = (
  op: Op,
  name: string,
  attributes: Record<string, AttributeValue> = {},
  { rest = [], weight = false, output = 0, declared }: Options = {},
): Sample => {
  const count = rest.reduce((a, d) => a * d, 3);
  const labels = { dims: [3, ...rest], type: "int64" as const, values: LABELS.slice(0, count) };
  return {
    name,
    opsets: [12, 13, 17, 21],
    type: "float32",
    inputs: {
      x: { dims: [3, 4, ...rest], ...(declared && { declared }) },
      labels: declared ? { ...labels, declared: ["N", ...rest] } : labels,
      ...(weight && { w: { dims: [4], values: "positive" } }),
    },
    build: (b, { x, labels: y, w }) =>
      withFirst(b, b.addMany(op, w ? [x!, y!, w] : [x!, y!], output + 1, attributes), output),
  };
};

const samplesOf = (op: Op): Sample[] => [
  ...["none", "sum", "mean"].flatMap((reduction) => [
    loss(op, reduction, { reduction }),
    loss(op, `${reduction}, weighted`, { reduction }, { weight: true }),
    loss(op, `${reduction}, images, one class ignored`, { reduction, ignore_index: 3 }, { rest: [2, 2], weight: true }),
    loss(op, `${reduction}, one class ignored`, { reduction, ignore_index: 2 }),
  ]),
  loss(op, "the batch unknown", {}, { rest: [2], declared: ["N", 4, 2] }),
  loss(op, "an index that no label has is ignored", { ignore_index: -5 }, { rest: [2] }),
];

export const lossSamples = {
  NegativeLogLikelihoodLoss: samplesOf("NegativeLogLikelihoodLoss"),
  SoftmaxCrossEntropyLoss: [
    ...samplesOf("SoftmaxCrossEntropyLoss"),
    loss("SoftmaxCrossEntropyLoss", "probabilities, too", {}, { output: 1 }),
    loss("SoftmaxCrossEntropyLoss", "probabilities of images", { reduction: "none" }, { output: 1, rest: [2, 2] }),
  ],
} satisfies Readonly<Record<Op, readonly Sample[]>>;

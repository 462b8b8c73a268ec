import type { Architecture } from "../architecture.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { Ops } from "../onnx/ops.ts";

const inputShape = [1, 28, 28];

/** The network of PyTorch's first FGSM tutorial: it pools before its ReLU, and ends in a log-softmax. */
export const lenet: Architecture = {
  name: "lenet",
  description: "LeNet of the PyTorch FGSM tutorial: conv 1-10-20 (5x5), fully connected 320-50-10, log-softmax",
  inputShape,
  classes: 10,
  parameters: {
    "conv1.weight": [10, 1, 5, 5],
    "conv1.bias": [10],
    "conv2.weight": [20, 10, 5, 5],
    "conv2.bias": [20],
    "fc1.weight": [50, 320],
    "fc1.bias": [50],
    "fc2.weight": [10, 50],
    "fc2.bias": [10],
  },
  dropout: { conv2_drop: { ratio: 0.5, mask: [20, 1, 1] }, fc1_drop: { ratio: 0.5, mask: [50] } },
  build(parameters) {
    const b = new Ops(emptyGraph("lenet"));
    for (const [name, t] of parameters) b.parameter(name, t);
    const layer = (op: string, x: string, name: string, attributes = {}) =>
      b.add(op, [x, `${name}.weight`, `${name}.bias`], attributes);
    const pool = (x: string) => b.add("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
    const x = b.input({ name: "x", type: "float32", dims: ["N", ...inputShape] });
    const h1 = b.add("Relu", [pool(layer("Conv", x, "conv1", { kernel_shape: [5, 5] }))]);
    const h2 = b.named("conv2_drop", "Dropout", [layer("Conv", h1, "conv2", { kernel_shape: [5, 5] })]);
    const flat = b.reshape(b.add("Relu", [pool(h2)]), [-1, 320]);
    const h3 = b.named("fc1_drop", "Dropout", [b.add("Relu", [layer("Gemm", flat, "fc1", { transB: 1 })])]);
    b.alias("log_probabilities", b.add("LogSoftmax", [layer("Gemm", h3, "fc2", { transB: 1 })], { axis: 1 }));
    return b.finish(["log_probabilities"]);
  },
};

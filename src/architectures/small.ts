import type { Architecture } from "../architecture.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { Ops } from "../onnx/ops.ts";

const inputShape = [1, 28, 28];

/** The small network of the work on proofs (Wong and Kolter 2018, https://arxiv.org/abs/1711.00851, §5; Gowal et al. 2018, table 1), without pools. */
export const small: Architecture = {
  name: "small",
  description: "the small network of work on proofs: conv 1-16-32 (4x4, stride 2), fully connected 1568-100-10",
  inputShape,
  classes: 10,
  parameters: {
    "conv1.weight": [16, 1, 4, 4],
    "conv1.bias": [16],
    "conv2.weight": [32, 16, 4, 4],
    "conv2.bias": [32],
    "fc1.weight": [100, 1568],
    "fc1.bias": [100],
    "fc2.weight": [10, 100],
    "fc2.bias": [10],
  },
  dropout: {},
  build(parameters) {
    const b = new Ops(emptyGraph("small"));
    for (const [name, t] of parameters) b.parameter(name, t);
    const layer = (op: string, x: string, name: string, attributes = {}) =>
      b.add(op, [x, `${name}.weight`, `${name}.bias`], attributes);
    const conv = (x: string, name: string) =>
      b.add("Relu", [layer("Conv", x, name, { kernel_shape: [4, 4], strides: [2, 2], pads: [1, 1, 1, 1] })]);
    const x = b.input({ name: "x", type: "float32", dims: ["N", ...inputShape] });
    const flat = b.reshape(conv(conv(x, "conv1"), "conv2"), [-1, 1568]);
    const h = b.add("Relu", [layer("Gemm", flat, "fc1", { transB: 1 })]);
    b.alias("logits", layer("Gemm", h, "fc2", { transB: 1 }));
    return b.finish(["logits"]);
  },
};

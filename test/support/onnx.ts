import { readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { readNpz } from "../../src/datasets/npz.ts";
import { emptyGraph } from "../../src/onnx/builder.ts";
import { writeOnnx } from "../../src/onnx/file.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";
import { type FloatTensor, type Tensor, tensor } from "../../src/tensor.ts";

/** The classifiers of test/fixtures/onnx, exported by torch: by its newer exporter, or its older one. */
export const exported = [
  "convnext",
  "densenet",
  "efficientnet",
  "inception",
  "lstm",
  "mobilenet_v3",
  "resnet",
  "shufflenet",
  "swin",
  "vit",
] as const;

/** Those that other frameworks exported: probabilities come out last. */
export const exportedElsewhere = ["keras", "sklearn_linear", "sklearn_network"] as const;
export type Exported = (typeof exported | typeof exportedElsewhere)[number];

const fixture = (file: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/onnx/${file}`, import.meta.url)));

export const exportedBytes = (name: Exported): Uint8Array => fixture(`${name}.onnx`);

/** x, y, logits and grad (of each sample's cross-entropy), computed by torch, or the framework that it comes from. */
export const exportedValues = (name: Exported): ReadonlyMap<string, Tensor> =>
  readNpz(fixture(`${name}.npz`), `${name}.npz`);

/** A tensor of float32 values that only depend on their count. */
export const ramp = (dims: readonly number[]): FloatTensor => {
  const count = dims.reduce((a, b) => a * b, 1);
  return tensor(
    "float32",
    dims,
    Float32Array.from({ length: count }, (_, i) => ((i * 37) % 23) / 16 - 0.7),
  );
};

/** A small image classifier with most kinds of fields: [N, 1, 6, 6] to logits [N, 3] under the name `scores`. */
export function smallClassifier(head: (b: Ops, logits: string) => string = (_, logits) => logits, opset = 17): Graph {
  const b = new Ops(emptyGraph("small", opset));
  const x = b.input({ name: "image", type: "float32", dims: ["N", 1, 6, 6] });
  const features = b.add("Conv", [
    x,
    b.parameter("conv.weight", ramp([2, 1, 3, 3])),
    b.parameter("conv.bias", ramp([2])),
  ]);
  const pooled = b.add("MaxPool", [b.add("Relu", [features])], { kernel_shape: [2, 2], strides: [2, 2] });
  const logits = b.add(
    "Gemm",
    [b.reshape(pooled, [-1, 8]), b.parameter("fc.weight", ramp([3, 8])), b.parameter("fc.bias", ramp([3]))],
    {
      transB: 1,
      alpha: { float: 0.5 },
    },
  );
  b.alias("scores", head(b, logits));
  return b.finish(["scores"]);
}

/** The file of a graph after a change to its message. */
export function changed(bytes: Uint8Array, change: (model: ModelProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  change(model);
  return toBinary(ModelProtoSchema, model);
}

export const smallFile = (): Uint8Array => writeOnnx(smallClassifier());

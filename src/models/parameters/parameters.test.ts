import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { asClassifier } from "../../autodiff/differentiate.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { readOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { storedTensors } from "../../onnx/stored.ts";
import { readTensor } from "../../onnx/tensor-proto.ts";
import { fromBfloat16, fromFloat16, tensor, toFloat32 } from "../../tensor.ts";
import { findParameters, parametersOf, storedParameters } from "./find.ts";
import { chosenParameters, matcher } from "./names.ts";
import { toBfloat16, toFloat16 } from "./rounding.ts";
import { withValues } from "./write.ts";

const bytes = new Uint8Array(readFileSync(new URL("../../../models/lenet-mnist.onnx", import.meta.url)));
const stored = readOnnx(bytes);
const parameters = parametersOf(asClassifier(stored).graph, stored);

describe("the parameters of a network", () => {
  it("are the weights and biases of its layers, and neither mean, std nor shapes", () => {
    expect(parameters.map(({ name, role }) => `${name} ${role}`)).toEqual(
      ["conv1", "conv2", "fc1", "fc2"].flatMap((layer) => [`${layer}.weight weight`, `${layer}.bias bias`]),
    );
  });

  it("are chosen by patterns", async () => {
    const names = (chosen: object) => chosenParameters(parameters, chosen, "m").map(({ name }) => name);
    expect(names({ freeze: ["conv*"] })).toEqual(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
    expect(names({ only: ["fc?.bias"] })).toEqual(["fc1.bias", "fc2.bias"]);
    await failure("usage", () => names({ freeze: ["convolution*"] }));
    await failure("usage", () => names({ freeze: ["*"] }));
    expect([matcher("a.b")("axb"), matcher("a*")("ba")]).toEqual([false, false]);
  });
});

describe("new values in a file", () => {
  const values = parameters.map((parameter) => {
    const before = toFloat32(readTensor(stored.initializers.get(parameter.name)!)).data;
    return { parameter, before, after: before };
  });

  it("change nothing where they are the same", () => {
    expect(Buffer.compare(withValues(bytes, values, "m"), bytes)).toBe(0);
  });

  it("change the bytes of their tensors alone", () => {
    const after = values.map((v) => ({ ...v, after: v.before.map((x, i) => x + i + 1) }));
    const changed = withValues(bytes, after, "m");
    const graph = readOnnx(changed);
    for (const v of after) expect(readTensor(graph.initializers.get(v.parameter.name)!).data).toEqual(v.after);
    const inside = [...storedTensors(bytes)].flatMap(([name, { data }]) =>
      parameters.some((p) => p.name === name) ? (data.raw ?? []) : [],
    );
    const outside = changed.slice();
    for (const { start, end } of inside) outside.set(bytes.subarray(start, end), start);
    expect(Buffer.compare(outside, bytes)).toBe(0);
  });

  it("are refused by name where elements have no fixed place", async () => {
    const model = create(ModelProtoSchema, {
      graph: { initializer: [{ name: "w", dims: [1n], dataType: TensorProto_DataType.FLOAT16, int32Data: [0x3c00] }] },
    });
    const parameter = { name: "w", dims: [1], type: "float16", role: "weight", operator: "MatMul" } as const;
    const value = { parameter, before: Float32Array.of(1), after: Float32Array.of(2) };
    expect(
      (await failure("unsupported", () => withValues(toBinary(ModelProtoSchema, model), [value], "m"))).message,
    ).toContain('"w"');
  });

  it("round to 16 bits as IEEE 754 does: every number is itself, and halves go to the even one", () => {
    const wrong = Array.from({ length: 2 ** 16 }, (_, bits) => bits).filter(
      (bits) =>
        (!Number.isNaN(fromFloat16(bits)) && toFloat16(fromFloat16(bits)) !== bits) ||
        (!Number.isNaN(fromBfloat16(bits)) && toBfloat16(fromBfloat16(bits)) !== bits),
    );
    expect(wrong).toEqual([]);
    expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -26].map(toFloat16)).toEqual([
      0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 1,
    ]);
  });

  it("are not looked for in a broken file", async () => {
    await failure("invalid-file", () => storedTensors(bytes.subarray(0, bytes.length - 5)));
  });
});

it("a graph without weights has no parameters", () => {
  expect(findParameters({ ...stored, nodes: [] })).toEqual([]);
});

it("weights called as values that perturb makes are found, and have their own names", () => {
  const b = new Ops(emptyGraph("names"));
  let value = b.input({ name: "image", type: "float32", dims: ["N", 2] });
  const names = ["x", "labels", "targets", "logits", "loss", "gradient", "x_", "loss__"];
  for (const name of names) {
    b.parameter(name, tensor("float32", [2, 2], Float32Array.of(1, 2, 3, names.indexOf(name))));
    value = b.add("Relu", [b.matmul(value, name)]);
  }
  const graph = b.finish([value]);
  const { found, others } = storedParameters(asClassifier(graph).graph, graph);
  expect(found.map(({ parameter }) => parameter.name)).toEqual(names);
  expect(new Set(found.map((one) => one.value)).size).toBe(names.length);
  expect(others).toEqual([]);
});

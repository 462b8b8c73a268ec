import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TypeProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { numbers, withProgram } from "../../../test/support/gradient-check.ts";
import type { ErrorCode } from "../../errors.ts";
import { Attributes, type AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import type { ElementType, Tensor } from "../../tensor.ts";
import { asClassifier, differentiate } from "../differentiate.ts";
import { lower } from "../lower.ts";

const floats = (...values: number[]) => ({ floats: values });
const X = [0.5, -1, 2, 0.25, 1.5, -0.75, -2, 0.5, 1, 0.1, 0.2, 0.3];

/** The graph of one operator of ai.onnx.ml and the names of its outputs. */
function single(
  op: string,
  outputs: number,
  attributes: Record<string, AttributeValue>,
  type: ElementType = "float32",
) {
  const empty = emptyGraph("ml", 15);
  const b = new Ops({ ...empty, opsets: new Map([...empty.opsets, ["ai.onnx.ml", 3]]) });
  const x = b.input({ name: "input", type, dims: ["N", 3] });
  const names = Array.from({ length: outputs }, (_, i) => `output${i}`);
  b.append({
    op,
    domain: "ai.onnx.ml",
    name: "",
    inputs: [x],
    outputs: names,
    attributes: Attributes.from(attributes),
  });
  return { graph: b.finish(names), names };
}

/** What ONNX Runtime computes with the operator, and with what it is lowered to. */
async function both(op: string, outputs: number, attributes: Record<string, AttributeValue>, type?: ElementType) {
  const { graph, names } = single(op, outputs, attributes, type);
  const input = numbers(type ?? "float32", [4, 3], X);
  const of = (g: typeof graph) => withProgram(g, (program) => program.run({ input }));
  const lowered = lower(graph, ["input"]);
  expect(lowered.nodes.every((node) => node.op !== op)).toBe(true);
  const [a, b] = [await of(graph), await of(lowered)];
  return names.map((name): [Tensor, Tensor] => [a[name]!, b[name]!]);
}

const THREE = {
  coefficients: floats(0.5, -1.5, 0.75, -0.25, 1, 0.5, -1, 0.25, 1.25),
  intercepts: floats(0.25, -0.5, 1),
};
const ONE = { coefficients: floats(0.5, -1.5, 0.75), intercepts: floats(0.25) };
const MACHINE = {
  kernel_type: "RBF",
  kernel_params: floats(0.25, 0, 3),
  support_vectors: floats(1, 0, 0.5, -1, 1, 0, 0.25, -2, 1, 1, 1, 1),
  vectors_per_class: [2, 1, 1],
  coefficients: floats(0.5, 1, -0.75, 0.5, -1, 0.25, 0.5, -1),
  rho: floats(0.1, -0.2, 0.3),
  classlabels_ints: [4, 5, 9],
};

describe("operators of ai.onnx.ml as ONNX Runtime computes them", () => {
  it.each<[string, string, number, Record<string, AttributeValue>, ElementType?]>([
    ["numbers for labels", "LinearClassifier", 2, { ...THREE, classlabels_ints: [7, 8, 9] }],
    ["one score", "LinearClassifier", 2, { ...ONE, classlabels_ints: [3, 4] }],
    ["one score, LOGISTIC", "LinearClassifier", 2, { ...ONE, classlabels_ints: [3, 4], post_transform: "LOGISTIC" }],
    ["of float64", "LinearClassifier", 2, { ...THREE, classlabels_ints: [7, 8, 9] }, "float64"],
    ["of float64", "Scaler", 1, { offset: floats(1, 2, 3), scale: floats(0.5, 2, 1) }, "float64"],
    ["votes", "SVMClassifier", 2, MACHINE],
  ])("%s: %s", async (_, op, outputs, attributes, type) => {
    for (const [expected, got] of await both(op, outputs, attributes, type)) {
      expect([got.type, got.dims]).toEqual([expected.type, expected.dims]);
      expect(got.data.length).toBeGreaterThan(0);
      for (const [i, v] of Array.from(expected.data as ArrayLike<number>, Number).entries())
        expect(Number(got.data[i])).toBeCloseTo(v, 5);
    }
  });

  it("keeps labels that are names", () => {
    const { graph } = single("LinearClassifier", 2, { ...THREE, classlabels_strings: { strings: ["a", "b", "c"] } });
    const encoder = lower(graph, ["input"]).nodes.find((node) => node.op === "LabelEncoder");
    expect(encoder?.attributes.strings("values_strings", [])).toEqual(["a", "b", "c"]);
  });

  it("gives the probabilities themselves for a list of maps, as skl2onnx writes them", async () => {
    const { graph } = single("LinearClassifier", 2, {
      ...THREE,
      classlabels_ints: [7, 8, 9],
      post_transform: "SOFTMAX",
    });
    const attributes = Attributes.from({ classlabels_int64s: [7, 8, 9] });
    const zipMap = { op: "ZipMap", domain: "ai.onnx.ml", name: "", inputs: ["output1"], outputs: ["maps"], attributes };
    const maps = { name: "maps", type: null, dims: null };
    const model = fromBinary(
      ModelProtoSchema,
      writeOnnx({ ...graph, nodes: [...graph.nodes, zipMap], outputs: [maps] }),
    );
    const numbersByLabel = create(TypeProtoSchema, {
      value: {
        case: "mapType",
        value: {
          keyType: 7,
          valueType: { value: { case: "tensorType", value: { elemType: 1 } } },
        },
      },
    });
    model.graph!.output[0]!.type = create(TypeProtoSchema, {
      value: { case: "sequenceType", value: { elemType: numbersByLabel } },
    });
    const read = readOnnx(toBinary(ModelProtoSchema, model));
    expect(read.outputs).toEqual([{ name: "maps", type: "float32", dims: null }]);
    const input = numbers("float32", [4, 3], X);
    const got = await withProgram(read, (program) => program.run({ input }));
    expect(got["maps"]!.dims).toEqual([4, 3]);
    expect(asClassifier(read).classes).toBe(3);
  });

  it.each<[string, string, Record<string, AttributeValue>, ErrorCode, RegExp]>([
    [
      "trees",
      "TreeEnsembleClassifier",
      { classlabels_int64s: [0, 1] },
      "no-gradient",
      /decision trees .* have no gradient/,
    ],
    [
      "PROBIT",
      "LinearClassifier",
      { ...THREE, classlabels_ints: [0, 1, 2], post_transform: "PROBIT" },
      "no-gradient",
      /post_transform "PROBIT"/,
    ],
    [
      "lists that do not fit",
      "LinearClassifier",
      { ...THREE, intercepts: floats(1, 2), classlabels_ints: [0, 1] },
      "invalid-file",
      /9 coefficients and 2/,
    ],
    [
      "fitted probabilities",
      "SVMClassifier",
      { ...MACHINE, prob_a: floats(1, 1, 1) },
      "no-gradient",
      /fitted by iteration/,
    ],
    ["vectors that do not fit", "SVMClassifier", { ...MACHINE, rho: floats(1) }, "invalid-file", /do not fit together/],
  ])("%s: an error that says so", async (_, op, attributes, code, message) => {
    const { graph } = single(op, 2, attributes);
    const scores = { ...graph, outputs: [graph.outputs[1]!] };
    const error = await failure(code, () => differentiate(asClassifier(scores, [3])));
    expect(error.message).toMatch(message);
  });
});

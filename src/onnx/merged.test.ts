import { create } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType, AttributeProtoSchema, SparseTensorProtoSchema } from "onnx-buf";
import { expect, it } from "vitest";
import { withProgram } from "../../test/support/gradient-check.ts";
import { tensor } from "../tensor.ts";
import { Attributes } from "./attributes.ts";
import { emptyGraph } from "./builder.ts";
import { merged } from "./merged.ts";
import { Ops } from "./ops.ts";
import { writeTensor } from "./tensor-proto.ts";

it("nodes that compute the same become one, others stay, and so do the values", async () => {
  const b = new Ops(emptyGraph("twice"));
  const x = b.input({ name: "x", type: "float32", dims: [2] });
  const half = () => b.mul(b.exp(x), b.scalar(0.5, x));
  const [one, other] = [half(), half()];
  b.alias("sum", b.plus(one, other));
  // Of other attributes, of other inputs, drawn anew, and two outputs that are the same.
  const leaky = (alpha: number) => b.add("LeakyRelu", [x], { alpha: { float: alpha } });
  b.alias("leaks", b.sub(leaky(0.1), leaky(0.2)));
  b.alias("draws", b.sub(b.add("RandomNormalLike", [x]), b.add("RandomNormalLike", [x])));
  b.alias("first", b.neg(x));
  b.alias("second", b.neg(x));
  const graph = b.finish(["sum", "leaks", "draws", "first", "second"]);
  const less = merged(graph);
  const count = (op: string) => less.nodes.filter((node) => node.op === op).length;
  expect([count("Exp"), count("Mul"), count("LeakyRelu"), count("RandomNormalLike"), count("Neg")]).toEqual([
    1, 1, 2, 2, 1,
  ]);
  const values = { x: tensor("float32", [2], Float32Array.of(-1, 2)) };
  const [before, after] = await Promise.all([graph, less].map((g) => withProgram(g, (program) => program.run(values))));
  for (const name of ["sum", "leaks", "first", "second"]) expect(after![name]!.data).toEqual(before![name]!.data);
  expect(after!["draws"]!.data).not.toEqual(new Float32Array(2));
});

it("constants that are sparse, or differ in the sign of 0, stay", async () => {
  const b = new Ops(emptyGraph("constants"));
  const sparse = (value: number): string => {
    const values = writeTensor("", tensor("float32", [1], Float32Array.of(value)));
    const indices = writeTensor("", tensor("int64", [1], BigInt64Array.of(1n)));
    const sparseTensor = create(SparseTensorProtoSchema, { values, indices, dims: [2n] });
    const type = AttributeProto_AttributeType.SPARSE_TENSOR;
    const proto = create(AttributeProtoSchema, { name: "sparse_value", type, sparseTensor });
    const name = b.fresh("sparse");
    b.append({
      op: "Constant",
      domain: "",
      name: "",
      inputs: [],
      outputs: [name],
      attributes: new Attributes([proto]),
    });
    return name;
  };
  b.alias("sparse", b.sub(sparse(5), sparse(1)));
  const zero = (value: number): string =>
    b.add("Reciprocal", [b.add("Constant", [], { value_float: { float: value } })]);
  b.alias("sum", b.plus(zero(0), zero(-0)));
  const less = merged(b.finish(["sparse", "sum"]));
  await withProgram(less, async (program) => {
    const values = await program.run({});
    expect(values["sparse"]!.data).toEqual(Float32Array.of(0, 4));
    expect(values["sum"]!.data).toEqual(Float32Array.of(Number.NaN));
  });
});

import { create } from "@bufbuild/protobuf";
import { TensorProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { numbers, withProgram } from "../../test/support/gradient-check.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { emptyGraph } from "./builder.ts";
import { readOnnx, writeOnnx } from "./file.ts";
import type { Graph } from "./graph.ts";
import { Ops } from "./ops.ts";
import { inFloat32, type OtherFloat } from "./precision.ts";
import { elementType, readTensor, typeCode } from "./tensor-proto.ts";

const ALL: readonly OtherFloat[] = ["float16", "bfloat16", "float64"];
/** 1.5, in each type. */
const ONE_AND_A_HALF: Readonly<Record<OtherFloat, Tensor>> = {
  float16: tensor("float16", [1], Uint16Array.of(0x3e00)),
  bfloat16: tensor("bfloat16", [1], Uint16Array.of(0x3fc0)),
  float64: tensor("float64", [1], Float64Array.of(1.5)),
};

/** A graph that names the type in every way there is: input, weight, constants, cast, attribute, sub-graph, output. */
function graphOf(type: OtherFloat): Graph {
  const inner = new Ops(emptyGraph("inner"), "inner");
  inner.alias("chosen", inner.add("Constant", [], { value: ONE_AND_A_HALF[type] }));
  const then = readOnnx(writeOnnx(inner.finish(["chosen"]))).source!.graph!;
  const b = new Ops(emptyGraph("g"));
  const x = b.input({ name: "x", type, dims: ["N", 3] });
  const condition = b.constant(tensor("bool", [], Uint8Array.of(1)));
  const parts = [
    b.parameter("weight", ONE_AND_A_HALF[type]),
    b.add("Constant", [], { value: ONE_AND_A_HALF[type] }),
    b.add("ConstantOfShape", [b.int64([1])], { value: ONE_AND_A_HALF[type] }),
    b.cast(b.constant(tensor("float32", [1], Float32Array.of(1.5))), type),
    b.add("If", [condition], { then_branch: { graph: then }, else_branch: { graph: then } }),
    b.reduceSum(
      b.add("EyeLike", [b.add("ConstantOfShape", [b.int64([2, 1])])], { dtype: typeCode(type) }),
      [0, 1],
      false,
    ),
  ];
  b.alias("y", b.sum([x, ...parts]));
  return b.finish(["y"]);
}

describe("inFloat32", () => {
  it.each(ALL)("turns %s into float32 wherever a graph says it, in files too", async (type) => {
    const graph = graphOf(type);
    const x = numbers("float32", [1, 3], [1, 2, 3]);
    for (const changed of [inFloat32(graph, ALL), inFloat32(readOnnx(writeOnnx(graph)), ALL)]) {
      expect(changed.inputs).toMatchObject([{ name: "x", type: "float32", dims: ["N", 3] }]);
      const { y } = await withProgram(changed, (program) => program.run({ x }));
      expect(y).toEqual(numbers("float32", [1, 3], [9.5, 10.5, 11.5]));
      expect(readOnnx(writeOnnx(changed)).outputs[0]!.type).toBe("float32");
    }
  });

  it("leaves other types alone, and shares what it does not change", () => {
    const graph = graphOf("float16");
    const same = inFloat32(graph, ["bfloat16", "float64"]);
    expect(same.nodes).toBe(graph.nodes);
    expect(same.inputs).toBe(graph.inputs);
    expect(same.initializers.get("weight")).toBe(graph.initializers.get("weight"));
  });

  it("keeps finite doubles finite, and what is infinite or no number so", () => {
    const b = new Ops(emptyGraph("mask"));
    const values = Float64Array.of(-Number.MAX_VALUE, 1e300, Number.NEGATIVE_INFINITY, Number.NaN, 0.1);
    b.alias("y", b.parameter("mask", tensor("float64", [5], values)));
    const mask = inFloat32(b.finish(["y"]), ALL).initializers.get("mask")!;
    const largest = (2 - 2 ** -23) * 2 ** 127;
    expect(Array.from(readTensor(mask).data as Float32Array)).toEqual([
      -largest,
      largest,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      Math.fround(0.1),
    ]);
  });

  it("reads 16-bit numbers as bytes and as integers", () => {
    for (const { type, data } of [ONE_AND_A_HALF.float16, ONE_AND_A_HALF.bfloat16]) {
      const proto = create(TensorProtoSchema, {
        name: "w",
        dims: [1n],
        dataType: typeCode(type),
        int32Data: [Number(data[0])],
      });
      const graph: Graph = { ...emptyGraph("w"), initializers: new Map([["w", proto]]) };
      const read = inFloat32(graph, ALL).initializers.get("w")!;
      expect(elementType(read.dataType)).toBe("float32");
      expect(readTensor(read).data).toEqual(Float32Array.of(1.5));
    }
  });
});

import { create } from "@bufbuild/protobuf";
import { NodeProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { expectAsInferred, numbers, withProgram } from "../../test/support/gradient-check.ts";
import { changed, exported, exportedBytes, exportedValues, ramp, smallFile } from "../../test/support/onnx.ts";
import { type FloatTensor, type Tensor, takeRows } from "../tensor.ts";
import { Attributes } from "./attributes.ts";
import { emptyGraph } from "./builder.ts";
import { type Fact, MAX_RANK, SMALL } from "./facts.ts";
import { readOnnx } from "./file.ts";
import type { Dim, Graph, Node } from "./graph.ts";
import { Ops } from "./ops.ts";
import { inferNode, inferShapes } from "./shapes.ts";

/** Runs a graph with every value of known type as an output. */
async function runAll(
  graph: Graph,
  feeds: Record<string, Tensor>,
): Promise<{ facts: Map<string, Fact>; values: Record<string, Tensor> }> {
  const facts = inferShapes(graph);
  const names = graph.nodes.flatMap((node) => node.outputs).filter((name) => facts.get(name)?.type);
  const outputs = names.map((name) => ({ name, type: facts.get(name)!.type, dims: null }));
  return { facts, values: await withProgram({ ...graph, outputs }, (program) => program.run(feeds)) };
}

const known = (given: readonly Dim[], real: readonly number[], batch: number): Dim[] =>
  given.map((d, i) => (d === null ? null : typeof d === "string" && sizeOf(d, batch) === real[i] ? d : real[i]!));

/** The size that a name such as "2*N" stands for. */
const sizeOf = (name: string, batch: number): number =>
  name.split("*").reduce((size, part) => size * (Number(part) || batch), 1);

/** Sizes and elements that are numbers are the real ones, and every name is the batch. */
function expectTrue(name: string, fact: Fact, value: Tensor, batch: number): void {
  expectAsInferred(name, fact.dims, fact.type, value);
  if (fact.dims) expect(fact.dims, `shape of ${name}`).toEqual(known(fact.dims, value.dims, batch));
  if (fact.values)
    expect(fact.values, `elements of ${name}`).toEqual(
      known(fact.values, Array.from(value.data as ArrayLike<number>, Number), batch),
    );
}

describe("inferred shapes against those that ONNX Runtime gives", () => {
  it.each(exported)("every value of %s", async (name) => {
    const graph = readOnnx(exportedBytes(name));
    const x = takeRows(exportedValues(name).get("x") as FloatTensor, [0, 1, 2]);
    const { facts, values } = await runAll(graph, { [graph.inputs[0]!.name]: x });
    let unknown = 0;
    for (const node of graph.nodes)
      for (const output of node.outputs) {
        const fact = facts.get(output)!;
        if (!fact.type || fact.dims === null || fact.dims.includes(null)) unknown++;
        if (fact.type) expectTrue(`${output} (${node.op})`, fact, values[output]!, 3);
      }
    expect(unknown, `values of ${name} with a size that is not known`).toBe(0);
  });

  const image = ["N", 4, 6, 5];
  const cases: Record<string, (b: Ops, x: string) => string> = {
    "ConvTranspose, padded": (b, x) =>
      b.add("ConvTranspose", [x, b.constant(ramp([4, 3, 3, 2]))], {
        strides: [2, 3],
        pads: [1, 0, 0, 1],
        output_padding: [1, 2],
      }),
    "ConvTranspose, groups, dilated": (b, x) =>
      b.add("ConvTranspose", [x, b.constant(ramp([4, 3, 3, 2]))], { group: 2, dilations: [2, 2] }),
    "ConvTranspose, output_shape": (b, x) =>
      b.add("ConvTranspose", [x, b.constant(ramp([4, 3, 3, 2]))], { strides: [2, 2], output_shape: [13, 11] }),
    RoiAlign: (b, x) =>
      b.add("RoiAlign", [x, b.constant(ramp([2, 4])), b.int64([0, 1])], { output_height: 3, output_width: 2 }),
    MaxRoiPool: (b, x) => b.add("MaxRoiPool", [x, b.constant(ramp([1, 5]))], { pooled_shape: [3, 2] }),
    Det: (b, x) => b.add("Det", [b.slice(x, [2], [1], [6])]),
    "a shape, cut, and joined again": (b, x) =>
      b.add("Expand", [
        b.scalar(1, x),
        b.add("Concat", [b.slice(b.shape(x), [0], [0], [2]), b.int64([2, 3])], { axis: 0 }),
      ]),
    "part of a shape": (b, x) => b.add("Shape", [x], { start: 1, end: -1 }),
    "the end of a shape": (b, x) => b.add("Shape", [x], { start: -2 }),
    "a shape in reverse": (b, x) => b.slice(b.shape(x), [0], [-1], [-(2 ** 31)], [-1]),
    "every second size": (b, x) => b.slice(b.shape(x), [0], [1], [100], [2]),
    "sizes in arithmetic": (b, x) => {
      const [height, width] = [2, 3].map((axis) => b.add("Gather", [b.shape(x), b.int64([axis])], { axis: 0 }));
      return b.add(
        "Concat",
        [
          b.plus(height!, width!),
          b.sub(height!, width!),
          b.mul(height!, width!),
          b.div(height!, b.int64([4])),
          b.div(b.neg(height!), b.int64([4])),
        ],
        { axis: 0 },
      );
    },
    "a batch left alone by arithmetic": (b, x) => {
      const n = b.add("Gather", [b.shape(x), b.int64([0])], { axis: 0 });
      return b.add(
        "Concat",
        [b.mul(n, b.int64([1])), b.plus(b.int64([0]), n), b.div(n, b.int64([1])), b.mul(n, b.int64([2])), b.sub(n, n)],
        { axis: 0 },
      );
    },
    "the shapes that torch gives Expand": (b, x) => {
      const wanted = b.add("Concat", [b.int64([-1]), b.slice(b.shape(x), [0], [1], [4])], { axis: 0 });
      const minusOne = b.mul(
        b.add("ConstantOfShape", [b.int64([4])], { value: numbers("int64", [1], [1]) }),
        b.int64([-1]),
      );
      const ones = b.add("ConstantOfShape", [b.int64([4])], { value: numbers("int64", [1], [1]) });
      return b.add("Expand", [x, b.where(b.add("Equal", [wanted, minusOne]), ones, wanted)]);
    },
    "slices with steps": (b, x) => b.slice(x, [1, 2, 3], [0, -1, 1], [4, -(2 ** 31), 5], [3, -2, 2]),
    "pads in the order that torch writes them": (b, x) => {
      const fromLast = b.reshape(b.int64([1, 2, 3, 4, 0, 0, 0, 0]), [4, 2]);
      const reversed = b.slice(fromLast, [0], [-1], [-(2 ** 31)], [-1]);
      return b.add("Pad", [x, b.reshape(b.transpose(reversed, [1, 0]), [-1])]);
    },
    "sizes and their remainders": (b, x) => {
      const sizes = b.slice(b.shape(x), [0], [1], [4]);
      return b.add("Concat", [b.add("Mod", [sizes, b.int64([3])]), b.add("Mod", [b.neg(sizes), b.int64([4])])], {
        axis: 0,
      });
    },
    "a range up to the batch": (b, x) => {
      const scalar = (value: string) => b.squeeze(value, [0]);
      const n = scalar(b.slice(b.shape(x), [0], [0], [1]));
      return b.add("Range", [scalar(b.int64([0])), n, scalar(b.int64([1]))]);
    },
    "sizes in columns and rows": (b, x) => {
      const sizes = b.slice(b.shape(x), [0], [1], [4]);
      const column = b.reshape(sizes, [3, 1]);
      const larger = b.where(b.add("Equal", [column, sizes]), column, b.plus(column, b.int64([10, 20, 30])));
      return b.add("Concat", [b.mul(column, sizes), larger], { axis: 0 });
    },
    "sizes scaled by a float": (b, x) => {
      const sizes = b.cast(b.slice(b.shape(x), [0], [2], [4]), "float32");
      const half = b.div(sizes, b.scalar(2, sizes));
      return b.cast(b.add("Concat", [b.add("Ceil", [half]), b.add("Floor", [half])], { axis: 0 }), "int64");
    },
    "pads that keep the size, as timm computes them": (b, x) => {
      const size = b.cast(b.add("Gather", [b.shape(x), b.int64([2])], { axis: 0 }), "float32");
      const scalar = (value: number) => b.scalar(value, size);
      const wanted = b.mul(b.sub(b.add("Ceil", [b.div(size, scalar(4))]), scalar(1)), scalar(4));
      const missing = b.add("Clip", [b.sub(b.plus(wanted, scalar(5)), size), scalar(0)]);
      return b.cast(b.add("Concat", [missing, b.constant(numbers("float32", [1], [2]))], { axis: 0 }), "int64");
    },
    "a range in steps": (b) => {
      const [start, limit, delta] = [7, -2, -3].map((value) => b.squeeze(b.int64([value]), [0]));
      return b.add("Range", [start!, limit!, delta!]);
    },
    "an empty slice": (b, x) => b.slice(x, [1], [3], [1]),
    reductions: (b, x) => b.add("ReduceL2", [x], { axes: [1, -1], keepdims: 0 }),
    comparisons: (b, x) => b.add("Greater", [x, b.constant(ramp([5]))]),
    GatherElements: (b, x) =>
      b.add("GatherElements", [x, b.constant(numbers("int64", [1, 2, 2, 3], Array<number>(12).fill(0)))], { axis: 3 }),
    "Gather of a matrix of indices": (b, x) =>
      b.add("Gather", [x, b.constant(numbers("int64", [2, 3], [0, 1, 2, 3, 0, -1]))], { axis: 1 }),
    PRelu: (b, x) => b.add("PRelu", [x, b.constant(ramp([4, 1, 1]))]),
    "Max of three": (b, x) => b.add("Max", [x, b.constant(ramp([5])), b.constant(ramp([6, 1]))]),
    Size: (b, x) => b.add("Size", [x]),
    IsNaN: (b, x) => b.add("Not", [b.add("IsNaN", [x])]),
    "Dropout with its mask": (b, x) => b.addMany("Dropout", [x], 2)[1]!,
    "Reshape to 0, -1": (b, x) => b.reshape(x, [0, -1]),
    "Reshape to a merged batch": (b, x) => b.reshape(x, [-1, 10, 3]),
    "Resize to sizes": (b, x) =>
      b.add("Resize", [x, "", "", b.add("Concat", [b.slice(b.shape(x), [0], [0], [2]), b.int64([3, 9])], { axis: 0 })]),
    "Flatten axis 0": (b, x) => b.add("Flatten", [x], { axis: 0 }),
    "Squeeze of all ones": (b, x) => b.add("Squeeze", [b.slice(b.reshape(x, [7, 4, 30]), [1, 2], [0, 0], [1, 1])]),
    Constants: (b) =>
      b.add(
        "Concat",
        [b.add("Constant", [], { value_ints: [1, 2] }), b.unsqueeze(b.add("Constant", [], { value_int: 3 }), [0])],
        { axis: 0 },
      ),
    "a float constant": (b, x) => b.mul(x, b.add("Constant", [], { value_float: { float: 2 } })),
    CumSum: (b, x) => b.add("CumSum", [x, b.constant(numbers("int64", [], [1]))]),
  };

  it.each(Object.entries(cases))("%s", async (_, build) => {
    const b = new Ops(emptyGraph("case", 17));
    const y = build(b, b.input({ name: "x", type: "float32", dims: image }));
    const graph = b.finish([y]);
    const { facts, values } = await runAll(graph, { x: ramp([7, 4, 6, 5]) });
    for (const name of graph.nodes.flatMap((node) => node.outputs))
      expectTrue(name, facts.get(name)!, values[name]!, 7);
    expect(facts.get(y)!.dims, "rank").not.toBeNull();
  });
});

describe("hostile graphs", () => {
  const node = (
    op: string,
    inputs: string[],
    attributes: Parameters<typeof Attributes.from>[0] = {},
    domain = "",
  ): Node => ({
    op,
    domain,
    name: "",
    inputs,
    outputs: ["y"],
    attributes: Attributes.from(attributes),
  });
  const infer = (n: Node, facts: Record<string, Fact> = {}) =>
    inferNode(n, 17, (name) => facts[name] ?? { type: "int64", dims: [10 ** 12], values: undefined })[0]!;

  it("sizes from the file are never allocated", () => {
    expect(infer(node("Slice", ["x"], { starts: [0], ends: [10 ** 12], axes: [0] })).dims).toEqual([10 ** 12]);
    expect(infer(node("Slice", ["x"], { starts: [0], ends: [10], axes: [0], steps: [0] })).dims).toEqual([null]);
    expect(infer(node("Reshape", ["x", "s"])).dims).toBeNull();
    expect(infer(node("ConstantOfShape", ["s"]), { s: { type: "int64", dims: [1], values: [10 ** 12] } }).dims).toEqual(
      [10 ** 12],
    );
  });

  it("lists and ranks do not grow without end", () => {
    const chain = (op: string, x: Fact, attributes: Parameters<typeof Attributes.from>[0]): Fact => {
      let fact = x;
      for (let i = 0; i < 100; i++) fact = infer(node(op, ["x", "x"], attributes), { x: fact });
      return fact;
    };
    expect(
      chain("Concat", { type: "int64", dims: [2], values: [1, 2] }, { axis: 0 }).values?.length ?? 0,
    ).toBeLessThanOrEqual(SMALL);
    expect(chain("Gather", { type: "int64", dims: [2, 2] }, {}).dims?.length ?? 0).toBeLessThanOrEqual(MAX_RANK);
  });

  it("sizes stay whole and not negative, whatever the attributes", () => {
    expect(
      infer(node("Conv", ["x", "w"], { pads: [-9, -9, 0, 0] }), {
        x: { type: "float32", dims: [1, 1, 4, 4] },
        w: { type: "float32", dims: [1, 1, 3, 3] },
      }).dims,
    ).toEqual([1, 1, null, null]);
    expect(infer(node("Transpose", ["x"], { perm: [0, 7] }), { x: { type: "float32", dims: [2, 3] } }).dims).toEqual([
      2,
      null,
    ]);
    expect(
      infer(node("MaxPool", ["x"], { kernel_shape: [3, 3], strides: [0, 2] }), {
        x: { type: "float32", dims: [1, 1, 4, 5] },
      }).dims,
    ).toEqual([1, 1, null, 2]);
  });

  it("an operator of another domain, or one named like a property of every object, is unknown", () => {
    for (const op of ["toString", "constructor", "__proto__", "NoSuchOperator"])
      expect(infer(node(op, ["x"]))).toMatchObject({ type: null, dims: null });
    expect(infer(node("Relu", ["x"], {}, "com.acme"))).toMatchObject({ type: null, dims: null });
  });

  it("a node without inputs, for every operator of the exported models, is no crash", () => {
    const bytes = changed(smallFile(), (model) => {
      const ops = exported.flatMap((name) => readOnnx(exportedBytes(name)).nodes.map((n) => n.op));
      for (const [i, opType] of [...new Set(ops)].entries()) {
        model.graph!.node.push(create(NodeProtoSchema, { opType, output: [`none${i}`] }));
        model.graph!.node.push(create(NodeProtoSchema, { opType, input: ["", ""], output: [`empty${i}`] }));
      }
    });
    expect(() => inferShapes(readOnnx(bytes))).not.toThrow();
  });
});

import { create } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType, AttributeProtoSchema, GraphProtoSchema, NodeProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { numbers, withProgram } from "../../test/support/gradient-check.ts";
import { changed } from "../../test/support/onnx.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import { Ops } from "../onnx/ops.ts";
import { backward } from "./engine.ts";

const start = (opset = 17) => {
  const b = new Ops(emptyGraph("g", opset));
  return { b, x: b.input({ name: "x", type: "float64", dims: [3] }) };
};
const values = numbers("float64", [3], [0.5, -1, 2]);

/** The gradient of the sum of `y` at x = [0.5, -1, 2]. */
async function slope(build: (b: Ops, x: string) => string): Promise<number[]> {
  const { b, x } = start();
  const y = build(b, x);
  const [gradient] = backward(b, y, b.full(1, y), [x]);
  b.alias("gradient", gradient!);
  const { gradient: result } = await withProgram(b.finish(["gradient"]), (program) => program.run({ x: values }));
  return Array.from(result!.data as Float64Array);
}

/** What `backward` throws for this output of a graph of x. */
const refusal = (build: (b: Ops, x: string) => string, code: "no-gradient" | "unsupported" = "no-gradient") =>
  failure(code, () => {
    const { b, x } = start();
    const y = build(b, x);
    backward(b, y, b.full(1, y), [x]);
  });

describe("accumulation", () => {
  it("adds up what comes back along several ways", async () => {
    expect(await slope((b, x) => b.plus(x, x))).toEqual([2, 2, 2]);
    expect(await slope((b, x) => b.mul(x, x))).toEqual([1, -2, 4]);
    expect(await slope((b, x) => b.sub(b.mul(b.mul(x, x), x), x))).toEqual([-0.25, 2, 11]);
    expect(await slope((b, x) => b.sub(x, x))).toEqual([0, 0, 0]);
  });

  it("adds up at a value within, once it is complete", async () => {
    // h is used by three nodes, one of which comes late.
    expect(
      await slope((b, x) => {
        const h = b.mul(x, b.scalar(3, x));
        const early = b.mul(h, h);
        return b.plus(b.plus(early, b.neg(h)), b.mul(early, h));
      }),
    ).toEqual([0.5, -1, 2].map((v) => 3 * (2 * 3 * v - 1 + 3 * 9 * v * v)));
  });

  it("gives the seed for the output itself, and a sum where it is also used", async () => {
    const { b, x } = start();
    expect(backward(b, x, "x", [x])).toEqual([x]);
  });

  it("differentiates with respect to a value within, and asks nothing of what lies before it", async () => {
    const { b, x } = start();
    const h = b.add("Sinh", [x]);
    const y = b.mul(h, h);
    const [gradient] = backward(b, y, b.full(1, y), [h]);
    expect(b.fact(gradient!).dims).not.toEqual([]);
  });

  it("with respect to several values at once, some of them constants", async () => {
    const { b, x } = start();
    const w = b.parameter("w", numbers("float64", [3], [2, 3, 4]));
    const y = b.mul(b.mul(x, w), x);
    const names = backward(b, y, b.full(1, y), [x, w]);
    const results = await withProgram(b.finish(names), (program) => program.run({ x: values }));
    expect(names.map((name) => Array.from(results[name]!.data as Float64Array))).toEqual([
      [2, -6, 16],
      [0.25, 1, 4],
    ]);
  });

  it("leaves the forward nodes as they were, and appends standard operators only", () => {
    const { b, x } = start();
    const y = b.add("Softmax", [b.mul(x, x)]);
    const before = [...b.nodes];
    backward(b, y, b.full(1, y), [x]);
    expect(b.nodes.slice(0, before.length)).toEqual(before);
    expect(b.nodes.every((node) => node.domain === "")).toBe(true);
  });

  it("goes around what only computes shapes, also through operators without a rule", async () => {
    expect(
      await slope((b, x) => {
        const size = b.cast(b.add("ReduceProd", [b.shape(x)], { keepdims: 0 }), "float64");
        return b.mul(x, b.add("Sin", [size]));
      }),
    ).toEqual(Array<number>(3).fill(Math.sin(3)));
  });

  it("takes a comparison for a constant", async () => {
    expect(await slope((b, x) => b.where(b.add("Greater", [x, b.scalar(0, x)]), b.mul(x, x), x))).toEqual([1, 1, 4]);
  });

  it("is not misled by outputs and inputs that are left out", async () => {
    expect(
      await slope((b, x) => {
        const [y] = b.addMany("Dropout", [x], 2);
        return b.add("Clip", [y!, "", b.scalar(1, x)]);
      }),
    ).toEqual([1, 1, 0]);
    const { b, x } = start();
    const model = changed(
      writeOnnx(b.finish([b.add("Clip", [b.addMany("Dropout", [x], 2)[0]!, "", b.scalar(1, x)])])),
      ({ graph }) => {
        graph!.node[0]!.output[1] = "";
      },
    );
    const again = new Ops(readOnnx(model));
    const y = again.nodes.at(-1)!.outputs[0]!;
    backward(again, y, again.full(1, y), ["x"]);
  });
});

describe("what has no gradient", () => {
  it("an operator without a rule: named with its node, domain and opset", async () => {
    const { message, data } = await refusal((b, x) => b.named("here", "Swirl", [x]));
    expect(message).toMatch(
      /^Swirl "here" \(output "perturb\/Swirl_\d+"\): there is no gradient rule for Swirl of ai\.onnx, opset 17\./,
    );
    expect(data).toEqual({ op: "Swirl", node: "here", domain: "ai.onnx", opset: 17 });
  });

  it("an operator of another domain, even by the name of one that has a rule, or of a property of every object", async () => {
    for (const [opType, domain] of [
      ["Relu", "com.acme"],
      ["toString", ""],
      ["constructor", ""],
    ] as const) {
      const { b, x } = start();
      const file = changed(writeOnnx(b.finish([b.add("Relu", [x])])), (model) => {
        Object.assign(model.graph!.node[0]!, { opType, domain });
      });
      const again = new Ops(readOnnx(file));
      const y = again.nodes[0]!.outputs[0]!;
      const { data } = await failure("no-gradient", () => backward(again, y, y, ["x"]));
      expect(data).toMatchObject({ op: opType, domain: domain || "ai.onnx" });
    }
  });

  it("an output that does not depend on the input", async () => {
    const { message, data } = await refusal((b, x) => b.mul(b.scalar(2, x), b.scalar(3, x)));
    expect(message).toContain('back to "x"');
    expect(data["input"]).toBe("x");
  });

  it.each([
    ["whole numbers", (b: Ops, x: string) => b.cast(b.cast(x, "int64"), "float64")],
    ["steps", (b: Ops, x: string) => b.add("Floor", [x])],
    ["a comparison", (b: Ops, x: string) => b.cast(b.add("Greater", [x, b.scalar(0, x)]), "float64")],
    ["a shape", (b: Ops, x: string) => b.cast(b.shape(x), "float64")],
  ])("a way through %s", async (_, build) => {
    await refusal(build);
  });

  it("a value that is not in the graph", async () => {
    const { b, x } = start();
    await failure("no-gradient", () => backward(b, b.neg(x), x, ["ghost"]));
  });

  it("an input of an operator that its rule leaves out, though it matters: a shape of floats, in a broken file", async () => {
    const { message, data } = await refusal((b, x) => b.add("Expand", [b.scalar(1, x), b.reduceSum(x, [0], false)]));
    expect(message).toMatch(/by its input 1/);
    expect(data).toMatchObject({ op: "Expand" });
  });

  it("a sub-graph that takes the input from around it", async () => {
    const { b, x } = start();
    const y = b.neg(x);
    const file = changed(writeOnnx(b.finish([y])), ({ graph }) => {
      const branch = (opType: string) =>
        create(GraphProtoSchema, {
          name: "b",
          node: [create(NodeProtoSchema, { opType, input: ["x"], output: [`${opType}_y`] })],
          output: [{ name: `${opType}_y` }],
        });
      const attribute = ["then_branch", "else_branch"].map((name, i) =>
        create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g: branch(i ? "Neg" : "Exp") }),
      );
      graph!.node = [create(NodeProtoSchema, { opType: "If", input: ["condition"], output: [y], attribute })];
      graph!.input.push({ ...graph!.input[0]!, name: "condition" });
    });
    const again = new Ops(readOnnx(file));
    expect((await failure("no-gradient", () => backward(again, y, y, ["x"]))).data).toMatchObject({ op: "If" });
  });

  it.each<[string, (b: Ops, x: string) => string]>([
    ['mode "wrap" and pads beyond the size', (b, x) => b.add("Pad", [x, b.int64([4, 0])], { mode: "wrap" })],
    ['mode "fold"', (b, x) => b.add("Pad", [x, b.int64([1, 1])], { mode: "fold" })],
    ["fmod = 0", (b, x) => b.add("Mod", [x, x])],
    [
      'reduction "mean"',
      (b, x) => b.add("ScatterElements", [x, b.int64([0]), b.slice(x, [0], [0], [1])], { reduction: "mean" }),
    ],
    [
      "pads that are not constant",
      (b, x) => b.add("Pad", [x, b.input({ name: "pads", type: "int64", dims: [2] })], { mode: "edge" }),
    ],
  ])("a case that a rule does not cover: %s", async (what, build) => {
    const { message } = await refusal(build);
    expect(message).toContain(what);
  });

  it("a node in training mode", async () => {
    await refusal((b, x) => b.add("Dropout", [x, "", b.constant(numbers("bool", [], [1]))]), "unsupported");
    await refusal((b, x) => {
      const c = (n: number) => b.constant(numbers("float64", [1], [n]));
      return b.addMany("BatchNormalization", [b.reshape(x, [3, 1]), c(1), c(0), c(0), c(1)], 3, {
        training_mode: 1,
      })[0]!;
    }, "unsupported");
  });

  it("an opset too old for the operators that the gradient needs", async () => {
    const { b, x } = start(7);
    const { data } = await failure("unsupported", () => backward(b, b.add("Selu", [x]), x, [x]));
    expect(data).toEqual({ op: "Where", since: 9, opset: 7 });
  });
});

it("the gradient of a graph that came from a file leaves that graph as it was", () => {
  const { b, x } = start();
  const graph: Graph = readOnnx(writeOnnx(b.finish([b.exp(x)])));
  const snapshot = writeOnnx(graph);
  const again = new Ops(graph);
  backward(again, graph.outputs[0]!.name, graph.outputs[0]!.name, ["x"]);
  expect(writeOnnx(graph)).toEqual(snapshot);
});

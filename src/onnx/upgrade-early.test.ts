import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { withProgram } from "../../test/support/gradient-check.ts";
import { ramp } from "../../test/support/onnx.ts";
import { asClassifier, differentiate } from "../autodiff/differentiate.ts";
import { tensor } from "../tensor.ts";
import type { AttributeValue } from "./attributes.ts";
import { emptyGraph } from "./builder.ts";
import type { Graph } from "./graph.ts";
import { Ops } from "./ops.ts";
import { upgradeEarly } from "./upgrade-early.ts";

/** One operator on x [2, 3, 4] and, if it has a second operand, on constants of that shape. */
function early(op: string, attributes: Record<string, AttributeValue>, second?: readonly number[], opset = 6): Graph {
  const b = new Ops(emptyGraph("early", opset));
  const x = b.input({ name: "x", type: "float32", dims: [2, 3, 4] });
  const y = b.add(op, second ? [x, b.parameter("second", ramp(second))] : [x], attributes);
  b.alias("y", y);
  return b.finish(["y"]);
}

const values = async (graph: Graph) =>
  Array.from(
    (await withProgram(upgradeEarly(graph), (program) => program.run({ x: ramp([2, 3, 4]) })))["y"]!
      .data as Float32Array,
  );
const x = ramp([2, 3, 4]).data;
const channel = (i: number) => Math.floor(i / 4) % 3;

describe("a graph of opset 6 as one of opset 7", () => {
  it("aligns a second operand at the axis that a node names", async () => {
    const y = await values(early("Add", { broadcast: 1, axis: 1 }, [3]));
    expect(y).toEqual(Array.from(x, (v, i) => Math.fround(v + ramp([3]).data[channel(i)]!)));
  });

  it("aligns it at the end without one", async () => {
    const y = await values(early("Mul", { broadcast: 1 }, [4]));
    expect(y).toEqual(Array.from(x, (v, i) => Math.fround(v * ramp([4]).data[i % 4]!)));
  });

  it("gives the slopes of PRelu to the channels", async () => {
    const y = await values(early("PRelu", {}, [3]));
    expect(y).toEqual(Array.from(x, (v, i) => (v < 0 ? Math.fround(v * ramp([3]).data[channel(i)]!) : v)));
  });

  it("leaves out what opset 7 does not know", () => {
    const { nodes, opsets } = upgradeEarly(early("Dropout", { is_test: 1, ratio: { float: 0.5 } }));
    expect(opsets.get("")).toBe(7);
    expect(nodes[0]!.attributes.protos.map((a) => a.name)).toEqual(["ratio"]);
  });

  it.each<[string, Graph]>([
    ["dropout in training", early("Dropout", {})],
    ["a shape that is an attribute", early("Reshape", { shape: [6, 4] }, undefined, 1)],
    ["a recurrent layer", early("LSTM", {})],
    ["a graph of opset 7", early("Relu", {}, undefined, 7)],
  ])("%s stays as it is", (_, graph) => {
    expect(upgradeEarly(graph)).toBe(graph);
  });
});

it("a classifier of opset 6: the gradient of the same one at opset 9", async () => {
  const classifier = (opset: number) => {
    const b = new Ops(emptyGraph("classifier", opset));
    const image = b.input({ name: "x", type: "float32", dims: ["N", 3] });
    b.alias("y", b.add("Selu", [b.add("Softplus", [image])]));
    return differentiate(asClassifier(b.finish(["y"])));
  };
  const gradient = (opset: number) =>
    withProgram(classifier(opset), async (program) => {
      const labels = tensor("int64", [2], BigInt64Array.of(0n, 2n));
      return (await program.run({ x: ramp([2, 3]), labels }))["gradient"];
    });
  expect(await gradient(6)).toEqual(await gradient(9));
});

it("one that cannot be read as opset 7 is refused", async () => {
  const b = new Ops(emptyGraph("old", 1));
  const image = b.input({ name: "x", type: "float32", dims: ["N", 3] });
  b.alias("y", b.add("Concat", [image, image], { axis: 1 }));
  const { message } = await failure("unsupported", () => differentiate(asClassifier(b.finish(["y"]))));
  expect(message).toContain("opset 1");
});

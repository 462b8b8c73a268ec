import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { floats } from "../../../test/support/models.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { selectEndpoints } from "./select.ts";

/** scores = image·mask, and twice that. */
function twoOfEach(): Graph {
  const b = new Ops(emptyGraph("two"));
  const image = b.input({ name: "image", type: "float32", dims: ["N", 3] });
  const mask = b.input({ name: "mask", type: "float32", dims: [1, 3] });
  b.alias("scores", b.mul(image, mask));
  b.alias("double", b.plus("scores", "scores"));
  return b.finish(["scores", "double"]);
}

const mask = floats([1, 3], [1, 2, 3]);
const select = (endpoints: Parameters<typeof selectEndpoints>[1]) => selectEndpoints(twoOfEach(), endpoints);

describe("selectEndpoints", () => {
  it("makes a classifier of a model with several inputs and outputs", async () => {
    const graph = select({ input: "image", output: "double", feeds: new Map([["mask", mask]]) });
    const model = openClassifier(classifierFile(graph, { name: "two" }), nodeRuntime("cpu", 1));
    const { logits, gradient } = await model.gradient(
      floats([2, 3], [1, 1, 1, 2, 2, 2]),
      { kind: "untargeted", labels: Int32Array.of(0, 1) },
      "margin",
    );
    expect([...logits.data]).toEqual([2, 4, 6, 4, 8, 12]);
    // The best other class rises, that of the label falls.
    expect([...gradient.data]).toEqual([-2, 0, 6, 0, -4, 6]);
    await model.release();
  });

  it("takes a value inside the graph for the output too", () => {
    const graph = selectEndpoints({ ...twoOfEach(), outputs: twoOfEach().outputs.slice(1) }, { output: "scores" });
    expect(graph.outputs).toEqual([{ name: "scores", type: "float32", dims: ["N", 3] }]);
  });

  it("asks for the inputs that are missing, by name", async () => {
    const error = await failure("usage", () => select({ input: "image", output: "scores" }));
    expect(error.message).toMatch(/"mask" .* must be given \(`feeds`\)/);
  });

  it("suggests the name that was meant", async () => {
    expect((await failure("usage", () => select({ input: "imag" }))).message).toContain("Did you mean image?");
    expect((await failure("usage", () => select({ output: "score" }))).message).toContain("Did you mean scores?");
    await failure("usage", () => select({ feeds: new Map([["masks", mask]]) }));
  });

  it("takes a feed without an axis of 1", async () => {
    const graph = select({ input: "image", output: "scores", feeds: new Map([["mask", floats([3], [1, 2, 3])]]) });
    const model = openClassifier(classifierFile(graph, { name: "two" }), nodeRuntime("cpu", 1));
    expect([...(await model.logits(floats([1, 3], [1, 1, 2]))).data]).toEqual([1, 2, 6]);
    await model.release();
  });

  it("refuses a feed of another shape or type", async () => {
    for (const wrong of [floats([2], [1, 2]), floats([1, 2], [1, 2]), { ...mask, type: "float64" as const }])
      await failure("mismatch", () => select({ input: "image", feeds: new Map([["mask", wrong as typeof mask]]) }));
  });
});

import { expect, it } from "vitest";
import { ramp, smallClassifier } from "../../test/support/onnx.ts";
import { asClassifier, differentiate } from "../autodiff/differentiate.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { tensor } from "../tensor.ts";
import { emptyGraph } from "./builder.ts";
import { writeOnnx } from "./file.ts";
import type { Graph } from "./graph.ts";
import { Ops } from "./ops.ts";
import { upgrade } from "./upgrade.ts";

const run = async (graph: Graph) => {
  const program = await nodeRuntime("cpu", 1).load(writeOnnx(graph));
  try {
    const labels = tensor("int64", [2], BigInt64Array.of(0n, 2n));
    return await program.run({ x: ramp([2, 1, 6, 6]), ...(program.inputs.includes("labels") && { labels }) });
  } finally {
    await program.release();
  }
};

const shrunk = (opset: number) => smallClassifier((b, logits) => b.add("Selu", [logits]), opset);

it.each([7, 8])(
  "a gradient whose operators came with opset 9 is that of the same graph there, from opset %i",
  async (opset) => {
    const { gradient } = await run(differentiate(asClassifier(shrunk(opset))));
    const { gradient: expected } = await run(differentiate(asClassifier(shrunk(9))));
    expect(gradient).toEqual(expected);
  },
);

it("Upsample keeps its scales", async () => {
  const b = new Ops(emptyGraph("upsample", 7));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 1, 6, 6] });
  b.alias("y", b.add("Upsample", [x], { mode: "nearest", scales: { floats: [1, 1, 2, 3] } }));
  const graph = b.finish(["y"]);
  expect(upgrade(graph).opsets.get("")).toBe(9);
  expect((await run(upgrade(graph)))["y"]).toEqual((await run(graph))["y"]);
});

it("what has a meaning of its own before opset 9 stays, and so does what is newer", () => {
  const b = new Ops(emptyGraph("mvn", 8));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 1, 6, 6] });
  b.alias("y", b.add("MeanVarianceNormalization", [x]));
  const graph = b.finish(["y"]);
  expect(upgrade(graph)).toBe(graph);
  const modern = smallClassifier();
  expect(upgrade(modern)).toBe(modern);
});

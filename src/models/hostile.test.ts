import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats, graphOf, numbers, open } from "../../test/support/models.ts";
import { writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { openModel } from "./open.ts";

const opened = (graph: Graph) => openModel(writeOnnx(graph), { runtime: nodeRuntime("cpu", 1) });
const weights = (b: Ops) => b.constant(floats([4, 3], numbers(12, 1)));

describe("a graph that drops samples", () => {
  /** Resize along the samples: of one sample nothing is left, of two one. Shapes are stated as if all were there. */
  const dropping = () => {
    const graph = graphOf([4], (b, x) => {
      const resized = b.add("Resize", [x, "", b.constant(floats([2], [0.625, 1]))]);
      return b.alias("y", b.matmul(resized, weights(b)));
    });
    return { ...graph, outputs: [{ name: "y", type: "float32" as const, dims: ["N", 3] }] };
  };

  it("is refused where it is opened, and gives no zeros for what is missing", async () => {
    const error = await failure("mismatch", async () => {
      const model = await opened(dropping());
      await model.logits(floats([1, 4], numbers(4, 2)));
    });
    expect(error.message).toContain("[0, 3]");
  });
});

describe("what native code would end the process over", () => {
  it("a group of 0 is refused by its node, where the model is opened", async () => {
    const graph = graphOf([3, 8, 8], (b, x) => {
      const conv = b.add("Conv", [x, b.constant(floats([2, 3, 1, 1], numbers(6, 1)))], { group: 0 });
      return b.add("Flatten", [b.add("GlobalAveragePool", [conv])]);
    });
    const error = await failure("invalid-file", () => opened(graph));
    expect(error.message).toContain("group is [0]");
  });

  it("samples of no elements are refused", async () => {
    const graph = graphOf([0], (b, x) => b.matmul(b.add("Pad", [x, b.int64([0, 0, 0, 4])]), weights(b)));
    const error = await failure("unsupported", async () => open(graph));
    expect(error.message).toContain("Samples have from 1 to");
  });
});

import { describe, expect, it } from "vitest";
import { floats, graphOf, linearGraph, numbers, smallNetwork } from "../../../test/support/models.ts";
import type { Graph } from "../../onnx/graph.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { settleBatch } from "./batching.ts";
import { classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";

const runtime = nodeRuntime("cpu", 1);
const settled = (graph: Graph) => settleBatch(classifierFile(graph, { name: "m" }), runtime);
const fixed = (graph: Graph): Graph => ({
  ...graph,
  inputs: graph.inputs.map((v) => ({ ...v, dims: [1, ...v.dims!.slice(1)] })),
  outputs: graph.outputs.map((v) => ({ ...v, dims: null })),
});

describe("settleBatch", () => {
  it("frees a batch of one where the graph lets any number through, with the same gradients", async () => {
    const graph = smallNetwork([1, 4, 4], 3);
    const file = await settled(fixed(graph));
    expect(file.batch).toBeNull();
    const [freed, open] = [openClassifier(file, runtime), openClassifier(await settled(graph), runtime)];
    const x = floats([3, 1, 4, 4], numbers(48, 5));
    const goal = { kind: "untargeted", labels: Int32Array.of(0, 1, 2) } as const;
    expect(await freed.gradient(x, goal)).toEqual(await open.gradient(x, goal));
    await Promise.all([freed.release(), open.release()]);
  });

  it("keeps one that a Reshape fixes", async () => {
    const graph = graphOf([4], (b, x) => b.mul(b.reshape(x, [1, 4]), b.scalar(2, x)), 1);
    expect((await settled(graph)).batch).toBe(1);
  });

  it("runs samples one at a time that change each other's logits, so that gradients are those of each", async () => {
    const weights = numbers(12, 1);
    const mixing = graphOf([4], (b, x) => {
      const centred = b.sub(x, b.add("ReduceMean", [x], { axes: [0], keepdims: 1 }));
      return b.matmul(b.mul(b.plus(x, centred), b.plus(x, centred)), b.constant(floats([4, 3], weights)));
    });
    const file = await settled(mixing);
    expect(file.batch).toBe(1);
    expect(file.notes?.map(({ code }) => code)).toEqual(["rows-mix"]);
    const model = openClassifier(file, runtime);
    const x = floats([2, 4], numbers(8, 2));
    const both = await model.gradient(x, { kind: "untargeted", labels: Int32Array.of(0, 1) });
    const second = await model.gradient(floats([1, 4], x.data.slice(4)), {
      kind: "untargeted",
      labels: Int32Array.of(1),
    });
    expect(both.gradient.data.slice(4)).toEqual(second.gradient.data);
    await model.release();
  });

  it("finds what changes the logits of others only at the ends of the bounds", async () => {
    const mixing = graphOf([4], (b, x) => {
      const high = b.add("Relu", [b.sub(x, b.scalar(0.99, x))]);
      const mean = b.add("ReduceMean", [high], { axes: [0], keepdims: 1 });
      return b.matmul(b.sub(x, mean), b.constant(floats([4, 3], numbers(12, 1))));
    });
    expect((await settled(mixing)).batch).toBe(1);
  });

  it("leaves a classifier alone that takes any batch", async () => {
    const file = classifierFile(linearGraph([4], numbers(12, 3), [0, 0, 0]), { name: "m" });
    expect(await settleBatch(file, runtime)).toBe(file);
  });
});

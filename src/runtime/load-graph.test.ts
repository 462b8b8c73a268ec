import { expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats, graphOf } from "../../test/support/models.ts";
import type { Runtime } from "../runtime.ts";
import type { Tensor } from "../tensor.ts";
import { loadGraph } from "./load-graph.ts";

/** A runtime that answers this, whatever it is asked. */
const answering = (y: Tensor): Pick<Runtime, "load"> => ({
  load: async () => ({ inputs: ["x"], outputs: ["y"], run: async () => ({ y }), release: async () => undefined }),
});
/** From x [N, 2, 3] to y [2 N, 3]. */
const graph = graphOf([2, 3], (b, x) => b.alias("y", b.reshape(x, [-1, 3])));
const x = floats([4, 2, 3], new Float32Array(24));

it("an answer of the shape that the graph states passes", async () => {
  expect(graph.outputs[0]!.dims).toEqual(["2*N", 3]);
  const program = await loadGraph(answering(floats([8, 3], new Float32Array(24))), graph);
  expect((await program.run({ x }))["y"]!.dims).toEqual([8, 3]);
});

it.each([[[0, 3]], [[4, 3]], [[8]], [[8, 1, 3]]])(
  "an answer of [%s] is refused: missing rows are no zeros",
  async (dims) => {
    const size = dims.reduce((a, b) => a * b, 1);
    const program = await loadGraph(answering(floats(dims, new Float32Array(size))), graph);
    const error = await failure("mismatch", () => program.run({ x }));
    expect(error.message).toContain(`[${dims.join(", ")}]`);
    expect(error.message).toContain("[8, 3]");
  },
);

it("an answer of another type is refused, and a size that the graph leaves open is any", async () => {
  const other: Tensor = { type: "float64", dims: [8, 3], data: new Float64Array(24) };
  await failure("mismatch", async () => (await loadGraph(answering(other), graph)).run({ x }));
  const open = { ...graph, outputs: [{ name: "y", type: null, dims: [null, 3] }] };
  await (await loadGraph(answering(other), open)).run({ x });
});

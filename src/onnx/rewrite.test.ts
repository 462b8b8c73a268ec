import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { withProgram } from "../../test/support/gradient-check.ts";
import { ramp, smallClassifier, smallFile } from "../../test/support/onnx.ts";
import { subgraph } from "../../test/support/subgraph.ts";
import { tensor } from "../tensor.ts";
import { emptyGraph } from "./builder.ts";
import { readOnnx } from "./file.ts";
import type { Dim, Graph } from "./graph.ts";
import { Ops } from "./ops.ts";
import { bindInput, freeNames, renameValues } from "./rewrite.ts";

const image = ramp([2, 1, 6, 6]);
const scoresOf = (graph: Graph, input = "image", output = "scores") =>
  withProgram(graph, async (program) => (await program.run({ [input]: image }))[output]);

describe("renaming values", () => {
  it("renames inputs, outputs, initializers and what is between, and the graph computes the same", async () => {
    for (const graph of [smallClassifier(), readOnnx(smallFile())]) {
      const between = graph.nodes[0]!.outputs[0]!;
      const renamed = renameValues(
        graph,
        new Map([
          ["image", "x"],
          ["scores", "y"],
          ["fc.weight", "w"],
          [between, "h"],
        ]),
      );
      expect(renamed.inputs.map((v) => v.name)).toEqual(["x"]);
      expect(renamed.outputs.map((v) => v.name)).toEqual(["y"]);
      expect([...renamed.initializers.keys()]).toContain("w");
      expect(await scoresOf(renamed, "x", "y")).toEqual(await scoresOf(graph));
      expect(graph.inputs[0]!.name).toBe("image");
    }
  });

  it("gives two values each other's names", async () => {
    const graph = readOnnx(smallFile());
    const swapped = renameValues(
      graph,
      new Map([
        ["image", "scores"],
        ["scores", "image"],
      ]),
    );
    expect(await scoresOf(swapped, "scores", "image")).toEqual(await scoresOf(graph));
  });

  it("renames inside sub-graphs, where what they make themselves makes way; whatever the names", async () => {
    const b = new Ops(emptyGraph("g"));
    const x = b.input({ name: "x", type: "float32", dims: [2] });
    const c = b.input({ name: "c", type: "bool", dims: [] });
    const h = b.neg(x);
    const inner = (build: (i: Ops) => string) => ({ graph: subgraph(17, [], (i) => [build(i)]) });
    const nested = (i: Ops) =>
      i.add("If", [c], { then_branch: inner((j) => j.exp(h)), else_branch: inner((j) => j.mul(x, j.neg(h))) });
    b.alias("y", b.add("If", [c], { then_branch: inner((i) => i.plus(nested(i), x)), else_branch: inner(nested) }));
    const graph = b.finish(["y"]);
    const outer = ["x", "c", "y", h];
    const all = [...new Set([...outer, "new", ...graph.nodes.flatMap((node) => [...node.attributes.innerValues()])])];
    const feeds = (names: ReadonlyMap<string, string>, truth: number) => ({
      [names.get("x") ?? "x"]: tensor("float32", [2], Float32Array.of(0.5, -2)),
      [names.get("c") ?? "c"]: tensor("bool", [], Uint8Array.of(truth)),
    });
    const values = (of: Graph, names: ReadonlyMap<string, string>) =>
      withProgram(of, async (program) =>
        Promise.all([0, 1].map(async (truth) => Object.values(await program.run(feeds(names, truth)))[0]!.data)),
      );
    const expected = await values(graph, new Map());
    const someNames = fc.shuffledSubarray(all, { minLength: outer.length, maxLength: outer.length });
    await fc.assert(
      fc.asyncProperty(someNames, async (targets) => {
        const names = new Map(outer.map((name, i) => [name, targets[i]!]));
        expect(await values(renameValues(graph, names), names)).toEqual(expected);
      }),
      { numRuns: 60, seed: 3 },
    );
  });
});

describe("freeing names", () => {
  it("moves what has them out of the way, to names that are free", () => {
    const graph = renameValues(
      smallClassifier(),
      new Map([
        ["image", "x"],
        ["scores", "x_"],
        ["fc.bias", "labels"],
      ]),
    );
    const free = freeNames(graph, ["x", "labels", "x__"]);
    expect(free.inputs[0]!.name).toBe("x___");
    expect(free.outputs[0]!.name).toBe("x_");
    expect([...free.initializers.keys()]).toContain("labels_");
  });

  it("moves what sub-graphs have to themselves, too", () => {
    const b = new Ops(emptyGraph("g"));
    const x = b.input({ name: "image", type: "float32", dims: [2] });
    const own = subgraph(17, [], (i) => [i.neg(x)]);
    const [first, second] = [own.node[0]!, own.node[1]!];
    first.output[0] = second.input[0] = "logits";
    b.alias(
      "y",
      b.add("If", [b.input({ name: "c", type: "bool", dims: [] })], {
        then_branch: { graph: own },
        else_branch: { graph: own },
      }),
    );
    const free = freeNames(b.finish(["y"]), ["logits"]);
    const inner = free.nodes.flatMap((node) => [...node.attributes.innerValues()]);
    expect(inner).not.toContain("logits");
    // One of each branch, and the name of the result, which both have.
    expect(new Set(inner).size).toBe(3);
  });

  it("leaves a graph alone that has none of them", () => {
    const graph = smallClassifier();
    expect(freeNames(graph, ["x", "labels"])).toBe(graph);
  });
});

describe("binding the shape of an input", () => {
  const graph = smallClassifier();
  const withDims = (dims: readonly Dim[] | null): Graph => ({
    ...graph,
    inputs: [{ name: "image", type: "float32", dims }],
  });
  const bound = (dims: readonly Dim[] | null) => bindInput(withDims(dims), "image", [1, 6, 6]).inputs[0]!.dims;

  it("fills in what is open, and keeps a batch that is fixed", () => {
    expect(bound(["batch", 1, "h", null])).toEqual(["N", 1, 6, 6]);
    expect(bound(null)).toEqual(["N", 1, 6, 6]);
    expect(bound([4, null, null, null])).toEqual([4, 1, 6, 6]);
  });

  it.each([[["N", 3, 6, 6]], [["N", 1, 6]], [["N", 1, 6, 6, 1]], [[]]])(
    "refuses samples that do not fit %j",
    async (dims) => {
      const error = await failure("mismatch", () => bound(dims));
      expect(error.message).toContain("[1,6,6]");
      expect(error.data).toEqual({ input: dims, sample: [1, 6, 6] });
    },
  );

  it("leaves other inputs alone", () => {
    expect(bindInput(graph, "other", [9]).inputs).toEqual(graph.inputs);
  });
});

import { create } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType, AttributeProtoSchema, GraphProtoSchema, NodeProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { withProgram } from "../../test/support/gradient-check.ts";
import { changed, ramp, smallClassifier, smallFile } from "../../test/support/onnx.ts";
import { readOnnx } from "./file.ts";
import type { Dim, Graph } from "./graph.ts";
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

  it("refuses a name that a sub-graph uses, also where the node itself does not", async () => {
    const bytes = changed(smallFile(), (model) => {
      const branch = create(GraphProtoSchema, {
        name: "b",
        node: [create(NodeProtoSchema, { opType: "Neg", input: ["image"], output: ["own"] })],
      });
      const attribute = [
        create(AttributeProtoSchema, { name: "then_branch", type: AttributeProto_AttributeType.GRAPH, g: branch }),
      ];
      model.graph!.node.push(create(NodeProtoSchema, { opType: "If", input: ["fc.bias"], output: ["z"], attribute }));
    });
    expect(
      (await failure("unsupported", () => renameValues(readOnnx(bytes), new Map([["image", "x"]])))).message,
    ).toContain('"image"');
    expect(renameValues(readOnnx(bytes), new Map([["scores", "y"]])).outputs[0]!.name).toBe("y");
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

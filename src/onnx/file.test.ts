import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  SparseTensorProtoSchema,
  type TensorProto_DataType,
  TensorProtoSchema,
  TypeProto_SequenceSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure, survives } from "../../test/support/datasets.ts";
import { runtime } from "../../test/support/gradient-check.ts";
import { changed, exported, exportedBytes, smallClassifier, smallFile } from "../../test/support/onnx.ts";
import { readOnnx, writeOnnx } from "./file.ts";
import { bindInput, renameValues } from "./rewrite.ts";
import { inferShapes } from "./shapes.ts";
import { readTensor } from "./tensor-proto.ts";

const varint = (no: number, value: number) => ({ no, wireType: 0, data: Uint8Array.of(value) });

describe("reading and writing", () => {
  it.each(exported)("%s, as torch exported it, comes out byte for byte", (name) => {
    const bytes = exportedBytes(name);
    expect(Buffer.compare(writeOnnx(readOnnx(bytes)), bytes)).toBe(0);
  });

  it("keeps what it reads of a graph made here", () => {
    const graph = smallClassifier();
    const again = readOnnx(writeOnnx(graph));
    expect(again.inputs).toEqual(graph.inputs);
    expect(again.outputs).toEqual(graph.outputs);
    expect(again.opsets).toEqual(graph.opsets);
    expect([...again.initializers.keys()]).toEqual([...graph.initializers.keys()]);
    expect(again.nodes.map(({ op, inputs, outputs }) => [op, inputs, outputs])).toEqual(
      graph.nodes.map(({ op, inputs, outputs }) => [op, inputs, outputs]),
    );
  });

  it("keeps fields that it does not know: of the model, the graph, nodes, initializers, inputs and operator sets", () => {
    const bytes = changed(smallFile(), (model) => {
      const graph = model.graph!;
      for (const [i, message] of [
        model,
        graph,
        ...graph.node,
        ...graph.initializer,
        ...graph.input,
        ...model.opsetImport,
      ].entries())
        message.$unknown = [varint(1000 + i, i % 100)];
    });
    expect(bytes.length).toBeGreaterThan(smallFile().length);
    expect(Buffer.compare(writeOnnx(readOnnx(bytes)), bytes)).toBe(0);
  });

  it("keeps unknown fields of nodes and initializers whose values were renamed", () => {
    const bytes = changed(smallFile(), (model) => {
      model.graph!.node[0]!.$unknown = [varint(1000, 42)];
      model.graph!.initializer[0]!.$unknown = [varint(1001, 43)];
    });
    const renamed = renameValues(
      readOnnx(bytes),
      new Map([
        ["image", "x"],
        ["conv.weight", "w"],
      ]),
    );
    const { graph } = readOnnx(writeOnnx(renamed)).source!;
    expect(graph!.node[0]!.input).toEqual(["x", "w", "conv.bias"]);
    expect(graph!.node[0]!.$unknown).toEqual([varint(1000, 42)]);
    expect(graph!.initializer[0]!.name).toBe("w");
    expect(graph!.initializer[0]!.$unknown).toEqual([varint(1001, 43)]);
  });

  it("keeps documentation, metadata and quantization annotations", () => {
    const bytes = changed(smallFile(), (model) => {
      model.docString = "about";
      model.graph!.docString = "about the graph";
      model.graph!.quantizationAnnotation.push({
        $typeName: "onnx.TensorAnnotation",
        tensorName: "image",
        quantParameterTensorNames: [],
      });
    });
    expect(Buffer.compare(writeOnnx(readOnnx(bytes)), bytes)).toBe(0);
  });

  it("keeps an input's own message until it is given another shape", () => {
    const bytes = changed(smallFile(), (model) => {
      model.graph!.input[0]!.docString = "pixels";
    });
    const docs = (file: Uint8Array) => readOnnx(file).source!.graph!.input[0]!.docString;
    expect(docs(writeOnnx(readOnnx(bytes)))).toBe("pixels");
    const open = readOnnx(bytes, "small");
    const [input] = open.inputs;
    const bound = bindInput({ ...open, inputs: [{ ...input!, dims: [null, 1, null, null] }] }, "image", [1, 6, 6]);
    expect(readOnnx(writeOnnx(bound)).inputs).toEqual([{ name: "image", type: "float32", dims: ["N", 1, 6, 6] }]);
  });

  it("reads initializers that are also inputs (IR version 3) as no inputs, and ONNX Runtime runs what it writes", async () => {
    const bytes = changed(smallFile(), (model) => {
      model.irVersion = 3n;
      for (const { name } of model.graph!.initializer) model.graph!.input.push(create(ValueInfoProtoSchema, { name }));
    });
    const graph = readOnnx(bytes);
    expect(graph.inputs.map((v) => v.name)).toEqual(["image"]);
    const program = await runtime.load(writeOnnx(graph));
    expect(program.inputs).toEqual(["image"]);
    await program.release();
  });

  it("takes the domain ai.onnx for the standard one", () => {
    const bytes = changed(smallFile(), (model) => {
      model.opsetImport[0]!.domain = "ai.onnx";
      for (const node of model.graph!.node) node.domain = "ai.onnx";
    });
    const graph = readOnnx(bytes);
    expect([...graph.opsets]).toEqual([["", 17]]);
    expect(graph.nodes.map((node) => node.domain)).toEqual(graph.nodes.map(() => ""));
    expect(Buffer.compare(writeOnnx(graph), bytes)).toBe(0);
  });

  it("takes negative and empty sizes, and missing types, for unknown ones", () => {
    const bytes = changed(smallFile(), (model) => {
      const type = model.graph!.input[0]!.type!.value;
      if (type.case !== "tensorType") throw new Error("no tensor");
      const { dim } = type.value.shape!;
      dim[0]!.value = { case: "dimValue", value: -1n };
      dim[1]!.value = { case: "dimParam", value: "" };
      dim[2]!.value = { case: undefined };
      model.graph!.output[0]!.type = create(TypeProtoSchema);
    });
    const graph = readOnnx(bytes);
    expect(graph.inputs[0]!.dims).toEqual([null, null, null, 6]);
    expect(graph.outputs).toEqual([{ name: "scores", type: null, dims: null }]);
    expect(Buffer.compare(writeOnnx(graph), bytes)).toBe(0);
  });

  it("writes an output of unknown type so that ONNX Runtime still loads it", async () => {
    const graph = smallClassifier();
    const program = await runtime.load(writeOnnx({ ...graph, outputs: [{ name: "scores", type: null, dims: null }] }));
    expect(program.outputs).toEqual(["scores"]);
    await program.release();
  });

  it("knows the values of sparse initializers as given, and keeps them", () => {
    const bytes = changed(smallFile(), (model) => {
      const { initializer } = model.graph!;
      const values = initializer.find((t) => t.name === "fc.bias")!;
      model.graph!.initializer = initializer.filter((t) => t !== values);
      model.graph!.sparseInitializer = [create(SparseTensorProtoSchema, { values, dims: [3n] })];
    });
    expect(Buffer.compare(writeOnnx(readOnnx(bytes)), bytes)).toBe(0);
  });
});

describe("files that are no models", () => {
  it.each([
    ["nothing", new Uint8Array()],
    ["text", new TextEncoder().encode("<html>not found</html>")],
    ["zip", Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0)],
    [
      "no graph",
      changed(smallFile(), (model) => {
        delete model.graph;
      }),
    ],
    [
      "no nodes",
      changed(smallFile(), (model) => {
        model.graph!.node = [];
      }),
    ],
    [
      "no outputs",
      changed(smallFile(), (model) => {
        model.graph!.output = [];
      }),
    ],
  ])("%s", async (_, bytes) => {
    const error = await failure("invalid-file", () => readOnnx(bytes, "m.onnx"));
    expect(error.message).toContain("m.onnx");
  });

  it("inputs that are no tensors", async () => {
    const bytes = changed(smallFile(), (model) => {
      model.graph!.input[0]!.type = create(TypeProtoSchema, {
        value: { case: "sequenceType", value: create(TypeProto_SequenceSchema) },
      });
    });
    expect((await failure("unsupported", () => readOnnx(bytes))).message).toContain('"image" is a sequence');
  });

  it("every cut of a file", async () => {
    const bytes = smallFile();
    let complete = 0;
    for (let length = 0; length < bytes.length; length++)
      await survives(() => {
        readOnnx(bytes.subarray(0, length));
        complete++;
      });
    // Protobuf has no end mark: a file that lacks whole fields at its end may still be one. Only the operator sets are.
    expect(complete).toBeLessThanOrEqual(2);
  });

  it("random damage: a PerturbError or a graph, whose shapes can be asked for, and which can be written", async () => {
    const bytes = smallFile();
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(damage, (changes) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] = value;
        return survives(() => {
          const graph = readOnnx(damaged);
          inferShapes(graph);
          readOnnx(writeOnnx(graph));
        });
      }),
      { numRuns: 1500, seed: 7 },
    );
  });

  it("random damage to an exported file", async () => {
    const bytes = exportedBytes("vit");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(40_000), fc.nat(255)), { minLength: 1, maxLength: 20 }), (changes) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] = value;
        return survives(() => inferShapes(readOnnx(damaged)));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it("a tensor that claims more elements than it has bytes", async () => {
    const bytes = changed(smallFile(), (model) => {
      model.graph!.initializer[0]!.dims = [2n ** 40n, 2n ** 20n];
    });
    expect((await failure("invalid-file", () => readOnnx(bytes, "m.onnx"))).message).toMatch(
      /^m\.onnx: the tensor "conv\.weight"/,
    );
  });

  it("types that are not known are no values to compute with", async () => {
    const proto = create(TensorProtoSchema, { name: "t", dataType: 99 as TensorProto_DataType, dims: [1n] });
    expect((await failure("unsupported", () => readTensor(proto))).message).toContain("99");
  });
});

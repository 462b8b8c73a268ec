import { create } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
} from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { withDataFiles } from "../../test/support/external.ts";
import { changed, smallFile } from "../../test/support/onnx.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import { type DataFiles, placeOf, withData } from "../models/formats/data-files.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { Ops } from "../onnx/ops.ts";
import { readTensor } from "../onnx/tensor-proto.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { tensor } from "../tensor.ts";
import { harden } from "./harden.ts";

const runtimes = [nodeRuntime("cpu", 1)] as const;
const size = 130;
const data = datasetOf({
  x: new Float32Array(size * 36).map((_, i) => (i % 13) / 13),
  shape: [1, 6, 6],
  labels: Array.from({ length: size }, (_, i) => i % 3),
  classes: 3,
});
const few = { epsilon: 0.1, runtimes, epochs: 2, validation: 50, batch: 30 };
const whole = smallFile();
/** Weights in two files, one of them in a folder below; shapes beside the biases. */
const twoFiles = (bytes = whole) =>
  withDataFiles(bytes, (name) => (name.endsWith("weight") ? "deep/./w.bin" : "b.data"), 24);
const byName = (bytes: Uint8Array, files: DataFiles = new Map()) =>
  new Map([...withData(readOnnx(bytes), files, "m").initializers].map(([name, t]) => [name, readTensor(t)]));
/** As the model names them: "deep/./w.bin" is "deep/w.bin". */
const given = (files: DataFiles): DataFiles =>
  new Map([...files].map(([path, bytes]) => [path.replace("/./", "/"), bytes]));

describe("harden, of a model with weights in other files", () => {
  it("learns what it learns of one file, bit for bit, and changes the elements' bytes alone", async () => {
    const { onnx, files } = twoFiles();
    const inside = await harden(whole, data, few);
    const outside = await harden(onnx, data, { ...few, files: given(files) });
    expect([...outside.files.keys()]).toEqual(["deep/w.bin", "b.data"]);
    expect(byName(outside.last, outside.lastFiles)).toEqual(byName(inside.last));
    expect(byName(outside.model, outside.files)).toEqual(byName(inside.model));
    expect(byName(inside.last)).not.toEqual(byName(whole));
    expect([outside.model, outside.last]).toEqual([onnx, onnx]);
    // Every byte outside of the four parameters is that of the file given.
    const learned = outside.parameters.map(({ name }) => placeOf(readOnnx(onnx).initializers.get(name)!, "m"));
    for (const [path, before] of given(files)) {
      const after = outside.lastFiles.get(path)!.slice();
      expect(Buffer.compare(after, before)).not.toBe(0);
      for (const { file, start, end } of learned) if (file === path) after.set(before.subarray(start, end), start);
      expect(Buffer.compare(after, before)).toBe(0);
    }
  });

  it("without epochs gives the same bytes, and a file without a change is never copied", async () => {
    const { onnx, files } = twoFiles();
    const none = await harden(onnx, data, { ...few, epochs: 0, files: given(files) });
    expect([none.model, none.last]).toEqual([onnx, onnx]);
    expect([none.files, none.lastFiles]).toEqual([given(files), given(files)]);
    const biases = await harden(onnx, data, { ...few, only: ["fc.bias"], files: given(files) });
    expect(biases.lastFiles.get("deep/w.bin")).toBe(files.get("deep/./w.bin"));
    expect(biases.lastFiles.get("b.data")).not.toEqual(files.get("b.data"));
  });

  it("learns half-precision weights, and recomputes statistics, there too", async () => {
    const b = new Ops(emptyGraph("half"));
    const image = b.input({ name: "image", type: "float32", dims: ["N", 1, 6, 6] });
    const one = (name: string, value: number) => b.parameter(name, tensor("float32", [1], Float32Array.of(value)));
    const norm = [one("scale.weight", 1), one("shift", 0.1), one("mean", 0), one("variance", 1)];
    const pixels = b.cast(b.add("Flatten", [b.add("BatchNormalization", [image, ...norm])], { axis: 1 }), "float16");
    // 1, -2 and 0.5 in turn.
    const bits = Uint16Array.from({ length: 108 }, (_, i) => [0x3c00, 0xc000, 0x3800][(i * i) % 3]!);
    const logits = b.matmul(pixels, b.parameter("half.weight", tensor("float16", [36, 3], bits)));
    b.alias("scores", b.cast(logits, "float32"));
    const half = writeOnnx(b.finish(["scores"]));
    const { onnx, files } = twoFiles(half);
    const more = { ...few, batchNorm: "recalibrate" } as const;
    const inside = await harden(half, data, more);
    const outside = await harden(onnx, data, { ...more, files: given(files) });
    const [before, after] = [byName(half), byName(outside.last, outside.lastFiles)];
    expect(after).toEqual(byName(inside.last));
    for (const name of ["half.weight", "mean", "variance"]) expect(after.get(name)).not.toEqual(before.get(name));
  });

  it("learns the tensor of a Constant node there", async () => {
    const asConstant = (bytes: Uint8Array) =>
      changed(bytes, ({ graph }) => {
        const [t] = graph!.initializer.splice(
          graph!.initializer.findIndex(({ name }) => name === "fc.weight"),
          1,
        );
        const value = create(AttributeProtoSchema, { name: "value", type: AttributeProto_AttributeType.TENSOR, t: t! });
        graph!.node.unshift(create(NodeProtoSchema, { opType: "Constant", output: ["fc.weight"], attribute: [value] }));
      });
    const { onnx, files } = twoFiles();
    const outside = await harden(asConstant(onnx), data, { ...few, files: given(files) });
    expect(outside.parameters.map(({ name }) => name)).toContain("fc.weight");
    const plain = await harden(onnx, data, { ...few, files: given(files) });
    expect(outside.last).toEqual(asConstant(onnx));
    expect(outside.lastFiles).toEqual(plain.lastFiles);
  });

  it("refuses what cannot be written again before the first step", async () => {
    const { onnx, files } = twoFiles();
    const refused = async (code: Parameters<typeof failure>[0], model: Uint8Array, of: DataFiles, words: RegExp) =>
      expect((await failure(code, () => harden(model, data, { ...few, files: of }))).message).toMatch(words);
    const entry = (name: string, key: string, value: string) =>
      changed(onnx, ({ graph }) => {
        const t = graph!.initializer.find((one) => one.name === name)!;
        const kept = t.externalData.filter((one) => one.key !== key);
        t.externalData = [...kept, create(StringStringEntryProtoSchema, { key, value })];
      });
    const all = given(files);
    await refused("not-found", onnx, new Map(), /"conv.weight" in another file, "deep\/w.bin", and none is given/);
    await refused("not-found", onnx, new Map([["b.data", all.get("b.data")!]]), /only "b.data" are given/);
    await refused("invalid-file", onnx, new Map(all).set("b.data", new Uint8Array(30)), /b.data .* has 30/);
    await refused("unsupported", entry("fc.bias", "checksum", "ab"), all, /entry "checksum"/);
    await refused("invalid-file", entry("fc.bias", "length", "8"), all, /needs 12/);
    await refused("invalid-file", entry("fc.bias", "offset", "0x10"), all, /at byte NaN/);
    for (const location of ["../b.data", "/b.data", "c:/b.data", "a\\b", "deep/../b.data", ""])
      await refused("unsafe-file", entry("fc.bias", "location", location), all, /plain paths/);
    const offset = String(placeOf(readOnnx(onnx).initializers.get("conv.bias")!, "m").start + 4);
    await refused(
      "unsupported",
      entry("fc.bias", "offset", offset),
      all,
      /"conv.bias" and "fc.bias" in the same bytes/,
    );
    // @ts-expect-error: files are a Map.
    await failure("usage", () => harden(onnx, data, { ...few, files: { "b.data": new Uint8Array() } }));
  });
});

import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType, TensorProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure, survives } from "../../test/support/datasets.ts";
import { type ElementType, type Tensor, tensor } from "../tensor.ts";
import { elementType, readTensor, typeCode, writeTensor } from "./tensor-proto.ts";

/** Two extreme values of every type, their bytes (little-endian), and the typed field that may hold them instead. */
const types: { [T in ElementType]: readonly [Tensor<T>, readonly number[], Partial<TensorProto>] } = {
  float32: [
    tensor("float32", [2], Float32Array.of(1.5, -Infinity)),
    [0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0xff],
    { floatData: [1.5, -Infinity] },
  ],
  float64: [tensor("float64", [1], Float64Array.of(-1.5)), [0, 0, 0, 0, 0, 0, 0xf8, 0xbf], { doubleData: [-1.5] }],
  float16: [
    tensor("float16", [2], Uint16Array.of(0x3c00, 0xfc00)),
    [0, 0x3c, 0, 0xfc],
    { int32Data: [0x3c00, 0xfc00] },
  ],
  bfloat16: [
    tensor("bfloat16", [2], Uint16Array.of(0x3f80, 0xff80)),
    [0x80, 0x3f, 0x80, 0xff],
    { int32Data: [0x3f80, 0xff80] },
  ],
  int8: [tensor("int8", [2], Int8Array.of(-128, 127)), [0x80, 0x7f], { int32Data: [-128, 127] }],
  uint8: [tensor("uint8", [2], Uint8Array.of(0, 255)), [0, 0xff], { int32Data: [0, 255] }],
  int16: [tensor("int16", [2], Int16Array.of(-32768, 32767)), [0, 0x80, 0xff, 0x7f], { int32Data: [-32768, 32767] }],
  uint16: [tensor("uint16", [2], Uint16Array.of(1, 65535)), [1, 0, 0xff, 0xff], { int32Data: [1, 65535] }],
  int32: [
    tensor("int32", [2], Int32Array.of(-(2 ** 31), 2)),
    [0, 0, 0, 0x80, 2, 0, 0, 0],
    { int32Data: [-(2 ** 31), 2] },
  ],
  uint32: [
    tensor("uint32", [2], Uint32Array.of(2 ** 32 - 1, 2)),
    [0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0],
    { uint64Data: [2n ** 32n - 1n, 2n] },
  ],
  int64: [
    tensor("int64", [1], BigInt64Array.of(-(2n ** 63n))),
    [0, 0, 0, 0, 0, 0, 0, 0x80],
    { int64Data: [-(2n ** 63n)] },
  ],
  uint64: [
    tensor("uint64", [1], BigUint64Array.of(2n ** 64n - 1n)),
    Array<number>(8).fill(0xff),
    { uint64Data: [2n ** 64n - 1n] },
  ],
  bool: [tensor("bool", [3], Uint8Array.of(0, 1, 1)), [0, 1, 1], { int32Data: [0, 1, 1] }],
};
const all = Object.entries(types) as [ElementType, readonly [Tensor, readonly number[], Partial<TensorProto>]][];

const proto = (fields: object): TensorProto =>
  create(TensorProtoSchema, { name: "w", dataType: TensorProto_DataType.FLOAT, ...fields });

describe("tensors of a file", () => {
  it.each(all)("%s: raw bytes, typed fields, and what is written are one", (type, [value, bytes, fields]) => {
    const dims = value.dims.map(BigInt);
    expect(readTensor(proto({ dims, dataType: typeCode(type), rawData: Uint8Array.from(bytes) }))).toEqual(value);
    expect(readTensor(proto({ dims, dataType: typeCode(type), ...fields }))).toEqual(value);
    const written = writeTensor("w", value);
    expect(Array.from(written.rawData)).toEqual(bytes);
    expect(readTensor(written)).toEqual(value);
    expect(elementType(typeCode(type))).toBe(type);
  });

  it("writes a part of a larger array as that part alone", () => {
    const part = tensor("float32", [2], new Float32Array([1, 2, 3, 4]).subarray(1, 3));
    expect(readTensor(writeTensor("w", part)).data).toEqual(Float32Array.of(2, 3));
  });

  it("reads bytes at any offset of the file", () => {
    const file = new Uint8Array(9);
    file.set([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], 1);
    expect(readTensor(proto({ dims: [2n], rawData: file.subarray(1) })).data).toEqual(Float32Array.of(1, 2));
    expect(readTensor(proto({ dims: [2n], rawData: Buffer.from(file).subarray(1) })).data).toEqual(
      Float32Array.of(1, 2),
    );
  });

  it("reads scalars and empty tensors", () => {
    expect(readTensor(proto({ dims: [], floatData: [3] }))).toEqual(tensor("float32", [], Float32Array.of(3)));
    expect(readTensor(proto({ dims: [0n, 4n] }))).toEqual(tensor("float32", [0, 4], new Float32Array()));
  });

  it.each([
    ["too few bytes", { dims: [2n], rawData: new Uint8Array(4) }],
    ["too many bytes", { dims: [2n], rawData: new Uint8Array(12) }],
    ["a part of an element", { dims: [1n], rawData: new Uint8Array(3) }],
    ["too few elements", { dims: [2n], floatData: [1] }],
    ["the field of another type", { dims: [1n], int32Data: [1] }],
    ["a negative size", { dims: [-1n], floatData: [] }],
    ["two negative sizes", { dims: [-1n, -1n], floatData: [1] }],
    ["sizes beyond all numbers", { dims: Array<bigint>(40).fill(2n ** 62n), floatData: [1] }],
    ["bytes for an empty tensor", { dims: [0n], rawData: new Uint8Array(4) }],
  ])("refuses %s, and names the tensor", async (_, fields) => {
    expect((await failure("invalid-file", () => readTensor(proto(fields)))).message).toContain('tensor "w"');
  });

  it.each([
    ["STRING", { dataType: TensorProto_DataType.STRING }],
    ["COMPLEX64", { dataType: TensorProto_DataType.COMPLEX64 }],
    ["another file", { dataLocation: TensorProto_DataLocation.EXTERNAL }],
  ])("says that %s is not supported", async (what, fields) => {
    expect((await failure("unsupported", () => readTensor(proto({ dims: [1n], ...fields })))).message).toContain(what);
  });

  it("never allocates by a size alone", async () => {
    const sizes = fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.uint8Array({ maxLength: 64 }), (dims, rawData) =>
        survives(() => readTensor(proto({ dims, rawData }))),
      ),
    );
  });
});

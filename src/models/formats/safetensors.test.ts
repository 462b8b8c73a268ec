import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ARRAY_OF, bytesPerElement, type ElementType, product, type Tensor } from "../../tensor.ts";
import { decodeElements } from "./binary.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

const types = Object.keys(ARRAY_OF) as ElementType[];
const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...types), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([type, dims]) => {
    const length = product(dims) * bytesPerElement(type);
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ type, dims, data: decodeElements(type, type === "bool" ? bytes.map((b) => b & 1) : bytes) }));
  });
const anyName = fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__");
const anyDict = fc.array(fc.tuple(anyName, anyTensor), { maxLength: 6 }).map((entries) => new Map(entries));

/** Compared as bits: a NaN equals itself only so. */
const bits = (dict: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries(
    [...dict].map(([name, { type, dims, data }]) => [
      `k${name}`,
      { type, dims, bytes: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] },
    ]),
  );

const file = (header: unknown, data: number[] = []): Uint8Array => {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
};
const u8 = (shape: unknown, start: unknown, end: unknown) => ({ dtype: "U8", shape, data_offsets: [start, end] });

describe("readSafetensors", () => {
  // Written by the reference implementation, safetensors 0.8.0 for Python.
  it("reads every type of the reference implementation", () => {
    const bytes = readFileSync(new URL("../../../test/fixtures/pytorch/dtypes.safetensors", import.meta.url));
    const matrix = { type: "float32", dims: [2, 3], data: new Float32Array([0, 1, 2, 3, 4, 5]) };
    expect(Object.fromEntries(readSafetensors(bytes, "dtypes.safetensors"))).toEqual({
      float32: { type: "float32", dims: [2], data: new Float32Array([1.5, -0.25]) },
      float64: { type: "float64", dims: [1], data: new Float64Array([0.1]) },
      float16: { type: "float16", dims: [2], data: new Uint16Array([0x3e00, 0xc000]) },
      bfloat16: { type: "bfloat16", dims: [2], data: new Uint16Array([0x3fc0, 0xc000]) },
      int64: { type: "int64", dims: [2], data: new BigInt64Array([2n ** 62n, -1n]) },
      int32: { type: "int32", dims: [1], data: new Int32Array([-(2 ** 31)]) },
      int16: { type: "int16", dims: [1], data: new Int16Array([-(2 ** 15)]) },
      int8: { type: "int8", dims: [1], data: new Int8Array([-128]) },
      uint8: { type: "uint8", dims: [1], data: new Uint8Array([255]) },
      bool: { type: "bool", dims: [2], data: new Uint8Array([1, 0]) },
      uint16: { type: "uint16", dims: [1], data: new Uint16Array([65535]) },
      uint32: { type: "uint32", dims: [1], data: new Uint32Array([2 ** 32 - 1]) },
      uint64: { type: "uint64", dims: [1], data: new BigUint64Array([2n ** 63n + 1n]) },
      scalar: { type: "int64", dims: [], data: new BigInt64Array([7n]) },
      empty: { type: "float32", dims: [0, 3], data: new Float32Array(0) },
      "2": matrix,
      "10": matrix,
    });
  });

  it("accepts the smallest file, metadata, padding, and bytes that are not aligned", () => {
    expect(readSafetensors(file("{}"), "x").size).toBe(0);
    const header = `{"__metadata__":{"format":"pt"},"a":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}}   `;
    const shifted = new Uint8Array([0, ...file(header, [1, 2])]).subarray(1);
    expect(readSafetensors(shifted, "x")).toEqual(
      new Map([["a", { type: "uint16", dims: [1], data: new Uint16Array([0x201]) }]]),
    );
  });

  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array()],
    ["half a length", new Uint8Array(7)],
    ["a header that is not there", new Uint8Array([16, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d])],
    ["a header of 2^63 bytes", new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b, 0x7d])],
    ["a header that is no object", file("[]")],
    ["a header that begins with a space", file(" {}")],
    ["a header that is no JSON", file("{a:1}")],
    ["a header of nests", file(`{"a":${"[".repeat(1e5)}`)],
    ["a header that is not UTF-8", new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d])],
    ["a name twice", file(`{"a":${JSON.stringify(u8([1], 0, 1))},"\\u0061":${JSON.stringify(u8([1], 0, 1))}}`, [1])],
    ["a field twice", file(`{"a":{"dtype":"I8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, [1])],
    ["a tensor that is no object", file({ a: null })],
    ["no dtype", file({ a: { shape: [1], data_offsets: [0, 1] } }, [1])],
    ["no shape", file({ a: { dtype: "U8", data_offsets: [0, 1] } }, [1])],
    ["no offsets", file({ a: { dtype: "U8", shape: [1] } }, [1])],
    ["three offsets", file({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1, 2] } }, [1])],
    ["a negative size", file({ a: u8([-1, -1], 0, 1) }, [1])],
    ["half a size", file({ a: u8([0.5, 2], 0, 1) }, [1])],
    ["a size that is text", file({ a: u8(["1"], 0, 1) }, [1])],
    ["sizes that overflow", file({ a: u8([2 ** 40, 2 ** 40], 0, 1) }, [1])],
    ["a shape larger than its data", file({ a: u8([2 ** 40], 0, 1) }, [1])],
    ["offsets larger than the file", file({ a: u8([2 ** 40], 0, 2 ** 40) }, [1])],
    ["a negative offset", file({ a: u8([1], -1, 0) }, [1])],
    ["offsets backwards", file({ a: u8([1], 1, 0) }, [1])],
    ["offsets that are text", file({ a: u8([1], "0", "1") }, [1])],
    ["an overlap", file({ a: u8([2], 0, 2), b: u8([2], 1, 3) }, [1, 2, 3])],
    ["the same data twice", file({ a: u8([1], 0, 1), b: u8([1], 0, 1) }, [1])],
    ["a hole", file({ a: u8([1], 0, 1), b: u8([1], 2, 3) }, [1, 2, 3])],
    ["a hole in front", file({ a: u8([1], 1, 2) }, [1, 2])],
    ["bytes behind the last tensor", file({ a: u8([1], 0, 1) }, [1, 2])],
    ["metadata that are no texts", file({ __metadata__: { epoch: 3 } })],
    ["metadata that are a list", file({ __metadata__: ["a"] })],
  ])("refuses %s", (_, bytes) => {
    expect(() => readSafetensors(bytes, "x.safetensors")).toThrow(expect.objectContaining({ code: "invalid-file" }));
    expect(() => readSafetensors(bytes, "x.safetensors")).toThrow(/^x\.safetensors, byte \d+: /);
  });

  it("refuses a long header before it looks at the bytes", () => {
    const bytes = new Uint8Array([1, 0, 0x40, 0, 0, 0, 0, 0, 0x7b, 0x7d]);
    expect(() => readSafetensors(bytes, "x")).toThrow(/a header of 4194305 bytes; at most 4194304 are read/);
  });

  it("names a dtype that is not read", () => {
    const bytes = file({ a: { dtype: "F8_E4M3", shape: [1], data_offsets: [0, 1] } }, [1]);
    expect(() => readSafetensors(bytes, "x")).toThrow(expect.objectContaining({ code: "unsupported" }));
    expect(() => readSafetensors(bytes, "x")).toThrow(/"F8_E4M3"; F64/);
  });
});

describe("writeSafetensors", () => {
  it("is read back bit for bit", () => {
    fc.assert(
      fc.property(anyDict, fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined }), (dict, metadata) => {
        expect(bits(readSafetensors(writeSafetensors(dict, metadata), "x"))).toEqual(bits(dict));
      }),
    );
  });

  it("aligns each tensor to its element", () => {
    fc.assert(
      fc.property(anyDict, (dict) => {
        const bytes = writeSafetensors(dict);
        const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
        const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
        for (const [name, { type }] of dict)
          expect((8 + headerLength + header[name].data_offsets[0]) % bytesPerElement(type)).toBe(0);
      }),
    );
  });

  // The bytes that safetensors 0.8.0 for Python writes for {"a": float32 [1, 2]} and {"format": "pt"}.
  it("writes what the reference implementation writes", () => {
    const dict = new Map<string, Tensor>([["a", { type: "float32", dims: [2], data: new Float32Array([1, 2]) }]]);
    expect(Buffer.from(writeSafetensors(dict, { format: "pt" })).toString("hex")).toBe(
      "58000000000000007b225f5f6d657461646174615f5f223a7b22666f726d6174223a227074227d2c2261223a7b226474797065223a22463332222c227368617065223a5b325d2c22646174615f6f666673657473223a5b302c385d7d7d2020200000803f00000040",
    );
  });

  it("writes the elements of a view only", () => {
    const data = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
    const back = readSafetensors(
      writeSafetensors(new Map<string, Tensor>([["a", { type: "float32", dims: [2], data }]])),
      "x",
    );
    expect(back.get("a")!.data).toEqual(new Float32Array([2, 3]));
  });

  it("refuses the name of the metadata, and data that do not fit", () => {
    const data = new Uint8Array(1);
    const write = (name: string, dims: number[]) => () =>
      writeSafetensors(new Map([[name, { type: "uint8", dims, data }]]));
    expect(write("__metadata__", [1])).toThrow(expect.objectContaining({ code: "usage" }));
    expect(write("a", [2])).toThrow(expect.objectContaining({ code: "mismatch" }));
  });
});

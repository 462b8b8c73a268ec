import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { failure, survives } from "../../test/support/datasets.ts";
import { ARRAY_OF, type ElementType, product, type Tensor, toFloat32 } from "../tensor.ts";
import { readNpy, writeNpy } from "./npy.ts";
import { openNpzEntries, readNpz, writeNpz } from "./npz.ts";

const fixture = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(await readFile(new URL(`../../test/fixtures/datasets/${name}`, import.meta.url)));

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** A .npy file of version 1 with this header, padded as numpy does, and `data` behind it. */
function npy(header: string, data: ArrayLike<number> = []): Uint8Array {
  const padded = header.padEnd(117);
  return Uint8Array.of(
    ...latin1("\x93NUMPY\x01\x00"),
    padded.length + 1,
    0,
    ...latin1(`${padded}\n`),
    ...Array.from(data),
  );
}

const header = (shape: string, descr = "'|u1'", fortran = "False") =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

const numpyTypes = {
  f2: "float16", f4: "float32", f8: "float64", i1: "int8", u1: "uint8", i2: "int16", u2: "uint16",
  i4: "int32", u4: "uint32", i8: "int64", u8: "uint64", b1: "bool",
} as const satisfies Record<string, ElementType>; // biome-ignore format: a table

describe("readNpy", () => {
  it("reads every type that numpy writes, in both byte orders and both layouts", async () => {
    const arrays = readNpz(await fixture("types.npz"), "types.npz");
    const whole = Array.from({ length: 24 }, (_, i) => i - 11);
    for (const [code, type] of Object.entries(numpyTypes)) {
      const expected = whole.map((v) => {
        if (type === "bool") return v % 3 === 0 ? 1 : 0;
        if (type.startsWith("float")) return v / 8;
        return type.startsWith("uint") ? v + 11 : v;
      });
      for (const order of ["little", "big"])
        for (const layout of ["C", "F"]) {
          const t = arrays.get(`${code}_${order}_${layout}`)!;
          expect(t.type).toBe(type);
          expect(t.dims).toEqual([2, 3, 4]);
          expect(t.data).toBeInstanceOf(ARRAY_OF[type]);
          const values = type === "float16" ? toFloat32(t).data : t.data;
          expect(Array.from(values as ArrayLike<number | bigint>, Number), `${code} ${order} ${layout}`).toEqual(
            expected,
          );
        }
    }
    expect(arrays.get("scalar")).toEqual({ type: "float64", dims: [], data: Float64Array.of(2.5) });
    expect(arrays.get("vector")).toEqual({ type: "int64", dims: [3], data: BigInt64Array.of(1n, 2n, 3n) });
    expect(arrays.get("empty")).toEqual({ type: "float32", dims: [0, 3], data: new Float32Array(0) });
  });

  it.each([1, 2, 3])("reads version %i", async (version) => {
    const t = readNpy(await fixture(`version${version}.npy`), "v.npy");
    expect(t).toEqual({ type: "int32", dims: [2, 3, 4], data: Int32Array.from({ length: 24 }, (_, i) => i - 11) });
  });

  it("reads from a view that is not aligned", async () => {
    const bytes = await fixture("version1.npy");
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readNpy(shifted.subarray(3), "v.npy")).toEqual(readNpy(bytes, "v.npy"));
  });

  it("copies from a Node Buffer, whose slices share their memory", () => {
    const file = Buffer.concat([
      Buffer.alloc(3),
      writeNpy({ type: "float32", dims: [3], data: Float32Array.of(1, 2, 3) }),
    ]).subarray(3);
    const read = readNpy(file, "view.npy");
    file.fill(0);
    expect([...read.data]).toEqual([1, 2, 3]);
  });

  it("refuses Python objects without reading them", async () => {
    const error = await failure("unsafe-file", async () => readNpy(await fixture("object.npy"), "object.npy"));
    expect(error.data).toEqual({ file: "object.npy", descr: "|O" });
  });

  it.each(["fields.npy", "text.npy", "complex.npy"])("refuses %s as unsupported", async (name) => {
    await failure("unsupported", async () => readNpy(await fixture(name), name));
  });

  it.each([
    ["no magic", latin1("NUMPY".padEnd(80))],
    ["nothing", new Uint8Array(0)],
    ["only the magic", latin1("\x93NUMPY")],
    ["another version", npy(header("(2,)"), [1, 2]).with(6, 4)],
    ["a length that ends early", latin1("\x93NUMPY\x02\x00\x10")],
    ["a header that ends early", npy(header("(2,)")).subarray(0, 40)],
    ["a header of 4 GiB", latin1("\x93NUMPY\x02\x00\xff\xff\xff\xff")],
    ["data that end early", npy(header("(2,)"), [1])],
    ["data that go on", npy(header("(2,)"), [1, 2, 3])],
    ["a shape beyond all bounds", npy(header("(9007199254740991, 9007199254740991)"))],
    ["an infinite shape times zero", npy(header(`(${"99999999, ".repeat(50)}0)`))],
    ["a shape that is no tuple", npy(header("5"), [1, 2, 3, 4, 5])],
    ["a negative size", npy(header("(-1,)"))],
    ["no shape", npy("{'descr': '|u1', 'fortran_order': False}")],
    ["no descr", npy("{'fortran_order': False, 'shape': (0,)}")],
    ["a layout that is no bool", npy(header("(0,)", "'|u1'", "1"))],
    ["code", npy("__import__('os').system('true')")],
    ["no dict", npy("(1, 2)")],
  ])("refuses %s as invalid-file", async (_, bytes) => {
    const error = await failure("invalid-file", () => readNpy(bytes, "x.npy"));
    expect(error.message).toContain("x.npy");
  });

  it("says where a file that is cut short ends", async () => {
    const error = await failure("invalid-file", () => readNpy(npy(header("(2, 2)"), [1, 2, 3]), "x.npy"));
    expect(error.data).toEqual({ file: "x.npy", expected: 132, got: 131 });
  });

  it("takes any byte but 0 as true", () => {
    expect(readNpy(npy(header("(3,)", "'|b1'"), [0, 1, 7]), "b").data).toEqual(Uint8Array.of(0, 1, 1));
  });
});

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...Object.values(numpyTypes)), fc.array(fc.nat(4), { maxLength: 5 }))
  .chain(([type, dims]) => {
    const length = product(dims) * ARRAY_OF[type].BYTES_PER_ELEMENT;
    const bytes = fc.array(fc.nat(type === "bool" ? 1 : 255), { minLength: length, maxLength: length });
    return bytes.map((data) => ({ type, dims, data: new ARRAY_OF[type](Uint8Array.from(data).buffer) }) as Tensor);
  });

const sameBytes = (a: Tensor, b: Tensor) => {
  expect([a.type, a.dims]).toEqual([b.type, b.dims]);
  expect(new Uint8Array(a.data.buffer)).toEqual(new Uint8Array(b.data.buffer));
};

describe("writeNpy", () => {
  it("writes what numpy writes", async () => {
    const data = Int32Array.from({ length: 24 }, (_, i) => i - 11);
    expect(writeNpy({ type: "int32", dims: [2, 3, 4], data })).toEqual(await fixture("version1.npy"));
  });

  it("round trips every type and shape, bit for bit", () => {
    fc.assert(fc.property(anyTensor, (t) => sameBytes(readNpy(writeNpy(t), "t"), t)));
  });

  it("starts the data at a multiple of 64 bytes, whatever the shape", () => {
    for (let rank = 0; rank <= 60; rank++) {
      const bytes = writeNpy({ type: "uint8", dims: Array(rank).fill(1), data: Uint8Array.of(7) });
      expect((bytes.length - 1) % 64).toBe(0);
      expect(readNpy(bytes, "t").dims).toHaveLength(rank);
    }
  });

  it("writes the elements of a view only", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    expect(readNpy(writeNpy({ type: "float32", dims: [2], data }), "t").data).toEqual(Float32Array.of(2, 3));
  });

  it("refuses bfloat16, which numpy lacks", async () => {
    await failure("unsupported", () => writeNpy({ type: "bfloat16", dims: [1], data: Uint16Array.of(1) }));
  });
});

describe("npz", () => {
  const x: Tensor = { type: "float32", dims: [2, 3], data: Float32Array.of(0, 0.5, 1, -1, 2, 3) };
  const y: Tensor = { type: "int64", dims: [2], data: BigInt64Array.of(3n, -4n) };

  it("reads stored and deflated archives of numpy", async () => {
    const stored = readNpz(await fixture("stored.npz"), "stored.npz");
    expect([...stored.keys()]).toEqual(["x", "y"]);
    expect(stored.get("y")).toEqual({ type: "int64", dims: [2], data: BigInt64Array.of(1n, 0n) });
    expect(readNpz(await fixture("types.npz"), "types.npz").size).toBe(51);
  });

  it.each([false, true])("round trips with compress %s", (compress) => {
    const entries = fc.dictionary(fc.stringMatching(/^[a-zA-Z_][a-zA-Z_ ./é]*$/), anyTensor, { maxKeys: 4 });
    fc.assert(
      fc.property(entries, (tensors) => {
        const read = readNpz(writeNpz(tensors, { compress }), "t");
        expect([...read.keys()].sort()).toEqual(Object.keys(tensors).sort());
        for (const [name, t] of read) sameBytes(t, tensors[name]!);
      }),
      { numRuns: 50 },
    );
  });

  it("writes the same bytes at any time", async () => {
    const before = writeNpz({ x, y }, { compress: true });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(writeNpz({ x, y }, { compress: true })).toEqual(before);
    const view = new DataView(before.buffer, before.byteOffset);
    expect([view.getUint16(10, true), view.getUint16(12, true)]).toEqual([0, 0x21]); // 00:00, 1980-01-01
  });

  it("reads an array only when it is asked for", async () => {
    const bytes = writeNpz({ x, y });
    const at = bytes.findIndex((_, i) => String.fromCharCode(...bytes.subarray(i, i + 6)) === "\x93NUMPY");
    const entries = openNpzEntries(bytes.with(at + 1, 0), "t.npz");
    expect(entries.get("y")!()).toEqual(y);
    await failure("invalid-file", () => entries.get("x")!());
  });

  it("refuses Python objects, and leaves out entries that are no arrays", async () => {
    const archive = zipSync({
      "x.npy": writeNpy(x),
      "object.npy": await fixture("object.npy"),
      "notes.txt": latin1("-"),
    });
    await failure("unsafe-file", () => readNpz(archive, "t.npz"));
    expect([...openNpzEntries(archive, "t.npz").keys()]).toEqual(["x", "object"]);
  });
});

it("damaged .npy and .npz files only ever throw PerturbError", async () => {
  const files = await Promise.all(["types.npz", "stored.npz", "version1.npy", "version2.npy"].map(fixture));
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  const cut = fc.option(fc.nat(), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), edits, cut, async (file, changes, length) => {
      const bytes = file.slice(0, length === undefined ? file.length : length % file.length);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      await survives(() => readNpz(bytes, "t"));
      await survives(() => readNpy(bytes, "t"));
    }),
    { numRuns: 500 },
  );
});

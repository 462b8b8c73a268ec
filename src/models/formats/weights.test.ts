import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { unzipSync, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { PerturbError } from "../../errors.ts";
import { product } from "../../tensor.ts";
import { writeSafetensors } from "./safetensors.ts";
import { readWeights } from "./weights.ts";

const folder = new URL("../../../test/fixtures/pytorch/", import.meta.url);
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const files = readdirSync(folder).filter((name) => /\.(pth|safetensors)$/.test(name));

/** Reads damaged bytes: dense tensors, or a PerturbError that names the file. */
function readOrRefuse(bytes: Uint8Array): void {
  try {
    for (const { dims, data } of readWeights(bytes, "damaged").values()) expect(data.length).toBe(product(dims));
  } catch (error) {
    if (!(error instanceof PerturbError)) throw error;
    expect(error.message).toMatch(/^damaged[,:] /);
    expect(error.message.length).toBeLessThan(4000);
    expect(["invalid-file", "unsafe-file", "unsupported"]).toContain(error.code);
  }
}

/** Some bytes overwritten, some put in, the end cut off. */
const anyDamage = (size: number) =>
  fc.record({
    edits: fc.array(fc.tuple(fc.nat(size - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x28, 0x7f, 0x80, 0xff))), {
      maxLength: 8,
    }),
    cut: fc.oneof({ weight: 3, arbitrary: fc.constant(size) }, { weight: 1, arbitrary: fc.nat(size) }),
    insert: fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ maxLength: 16 })),
    insertAt: fc.nat(size),
  });
type Damage = ReturnType<typeof anyDamage> extends fc.Arbitrary<infer D> ? D : never;

function damage(bytes: Uint8Array, { edits, cut, insert, insertAt }: Damage): Uint8Array {
  const copy = bytes.slice();
  for (const [at, value] of edits) copy[at] = value;
  const middle = Math.min(insertAt, cut);
  return concat(copy.subarray(0, middle), insert, copy.subarray(middle, cut));
}

const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe("readWeights", () => {
  it("finds the format by content", () => {
    const legacy = readWeights(fixture("lenet_legacy.pth"), "a.bin");
    expect(readWeights(fixture("lenet_zip.pth"), "b.safetensors")).toEqual(legacy);
    expect(readWeights(writeSafetensors(legacy), "c.pth")).toEqual(legacy);
  });

  it("gives the network's own names, whatever the format", () => {
    const dict = readWeights(fixture("lenet_zip.pth"), "lenet_zip.pth");
    const wrapped = writeSafetensors(new Map(Array.from(dict, ([name, t]) => [`module.${name}`, t])));
    expect(readWeights(wrapped, "x.safetensors")).toEqual(dict);
  });

  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array()],
    ["text", new TextEncoder().encode("conv1.weight = [1, 2]")],
    ["an array of NumPy", new TextEncoder().encode("\x93NUMPY\x01\x00")],
  ])("refuses %s and lists the formats", (_, bytes) => {
    expect(() => readWeights(bytes, "x")).toThrow(expect.objectContaining({ code: "invalid-file" }));
    expect(() => readWeights(bytes, "x")).toThrow(/safetensors, torch/);
  });
});

describe("damaged files are read or refused, never worse", () => {
  it.each(files)("%s", (name) => {
    const bytes = fixture(name);
    fc.assert(
      fc.property(anyDamage(bytes.length), (d) => readOrRefuse(damage(bytes, d))),
      { numRuns: 60 },
    );
    const head = anyDamage(Math.min(bytes.length, 700));
    const rest = bytes.subarray(700);
    fc.assert(
      fc.property(head, (d) => readOrRefuse(concat(damage(bytes.subarray(0, 700), d), rest))),
      { numRuns: 60 },
    );
    for (const length of [0, 1, 2, 4, 10, 21, 22, 100, bytes.length >> 1, bytes.length - 1])
      readOrRefuse(bytes.slice(0, length));
  });

  it("an archive that says it is zip64", () => {
    const bytes = fixture("dtypes_zip.pth");
    bytes.fill(0xff, bytes.length - 12, bytes.length - 10);
    readOrRefuse(bytes);
    expect(() => readWeights(bytes, "damaged")).toThrow(/zip64/);
  });

  // With right checksums, so that the damage reaches the pickle.
  it.each(["dtypes_zip.pth", "views_zip.pth", "pickled_module_zip.pth"])("the pickle of %s", (name) => {
    const records = unzipSync(fixture(name));
    const key = Object.keys(records).find((entry) => entry.endsWith("/data.pkl"))!;
    const pickle = records[key]!;
    fc.assert(
      fc.property(anyDamage(pickle.length), (d) =>
        readOrRefuse(zipSync({ ...records, [key]: damage(pickle, d) }, { level: 0 })),
      ),
      { numRuns: 300 },
    );
  });

  it("bytes behind each format's first ones", () => {
    const starts = ["PK\x03\x04", "\x80\x02", "\x80\x04\x95", "\x10\x00\x00\x00\x00\x00\x00\x00{"];
    const anyStart = fc.constantFrom(...starts).map((text) => Uint8Array.from(text, (c) => c.charCodeAt(0)));
    fc.assert(
      fc.property(anyStart, fc.uint8Array({ maxLength: 64 }), (start, rest) => readOrRefuse(concat(start, rest))),
      { numRuns: 2000 },
    );
  });
});

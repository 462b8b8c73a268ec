import { existsSync, readFileSync } from "node:fs";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { PerturbError } from "../../errors.ts";
import { type Tensor, toFloat32 } from "../../tensor.ts";
import { readTorch } from "./torch.ts";

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../../test/fixtures/pytorch/${name}`, import.meta.url));
const read = (name: string) => readTorch(fixture(name), name);
const values = (t: Tensor | undefined): number[] => [...toFloat32(t!).data];

function failure(run: () => unknown): PerturbError {
  try {
    run();
  } catch (error) {
    if (error instanceof PerturbError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** Shapes, first two and last values, and sums in float64, as torch 2.13 loads lenet_zip.pth. */
const LENET = {
  "conv1.weight": { dims: [10, 1, 5, 5], first: [0.13738568127155304, -0.12745293974876404], sum: 5.311422808765201 },
  "conv1.bias": { dims: [10], first: [-0.05524244159460068, -0.016456574201583862], sum: 0.13009182130917907 },
  "conv2.weight": {
    dims: [20, 10, 5, 5],
    first: [0.050359297543764114, -0.10364781320095062],
    sum: -61.23690024348616,
  },
  "conv2.bias": { dims: [20], first: [-0.008886493742465973, -0.018393538892269135], sum: -0.36400623904773965 },
  "fc1.weight": { dims: [50, 320], first: [-0.04763609170913696, 0.04203208535909653], sum: -80.564423704246 },
  "fc1.bias": { dims: [50], first: [0.09369677305221558, 0.07974794507026672], sum: 3.3766982764936984 },
  "fc2.weight": { dims: [10, 50], first: [0.13734695315361023, -0.03312157839536667], sum: -14.209908970049582 },
  "fc2.bias": { dims: [10], first: [0.046406686305999756, 0.18397437036037445], sum: -0.27218350023031235 },
};

describe("the network of a file", () => {
  it.each(["lenet_zip", "lenet_legacy", "checkpoint_zip", "checkpoint_legacy", "dataparallel_zip"])(
    "%s.pth",
    (name) => {
      const dict = read(`${name}.pth`);
      expect([...dict.keys()]).toEqual(Object.keys(LENET));
      for (const [key, { dims, first, sum }] of Object.entries(LENET)) {
        const { type, dims: got, data } = dict.get(key)! as Tensor<"float32">;
        expect({ type, dims: got, first: Array.from(data.subarray(0, 2)) }).toEqual({ type: "float32", dims, first });
        expect(data.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 9);
      }
    },
  );

  it("notices a flipped bit in a weight", () => {
    const bytes = fixture("lenet_zip.pth");
    bytes[40_000]! ^= 1;
    expect(failure(() => readTorch(bytes, "lenet_zip.pth")).message).toMatch(/checksum of entry "lenet_zip\/data\/4"/);
  });

  it("holds the very bytes of the archive's records", () => {
    const records = unzipSync(fixture("lenet_zip.pth"));
    for (const [i, { data }] of [...read("lenet_zip.pth").values()].entries())
      expect(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toEqual(records[`lenet_zip/data/${i}`]);
  });

  it.skipIf(!existsSync(new URL("../../../../shared/reference/seed/", import.meta.url)))(
    "the tutorial's weights, stored from a GPU (skipped where the shared reference files are absent)",
    () => {
      const url = new URL("../../../../shared/reference/seed/lenet_mnist_model.pth", import.meta.url);
      const dict = readTorch(readFileSync(url), "lenet_mnist_model.pth");
      expect([...dict.keys()]).toEqual(Object.keys(LENET));
      expect(values(dict.get("fc1.weight")).slice(0, 2)).toEqual([-0.04323185235261917, -0.045104123651981354]);
      expect(values(dict.get("conv2.weight")).reduce((a, b) => a + b, 0)).toBeCloseTo(-34.887343950849754, 9);
    },
  );
});

describe("views and types", () => {
  it.each(["views_zip.pth", "views_legacy.pth"])("%s", (name) => {
    const dict = read(name);
    expect(dict.get("a")).toMatchObject({ type: "float32", dims: [3, 4] });
    expect(values(dict.get("a"))).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(dict.get("at")).toMatchObject({ type: "float32", dims: [4, 3] });
    expect(values(dict.get("at"))).toEqual([4, 8, 12, 5, 9, 13, 6, 10, 14, 7, 11, 15]);
    expect(dict.get("half")).toEqual({ type: "float16", dims: [2], data: new Uint16Array([0x3e00, 0xc000]) });
    expect(dict.get("n")).toEqual({ type: "int64", dims: [], data: new BigInt64Array([7n]) });
    expect(dict.get("d")).toEqual({ type: "float64", dims: [1], data: new Float64Array([1 / 3]) });
    if (name === "views_zip.pth")
      expect(dict.get("bf")).toEqual({ type: "bfloat16", dims: [2], data: new Uint16Array([0x3fc0, 0xc000]) });
  });

  // Written by torch 2.13, protocol 4 (zip) and 2 (legacy), in a checkpoint with an optimizer and many plain values.
  it.each(["dtypes_zip.pth", "dtypes_legacy.pth"])("%s: every type, parameters, tied and expanded tensors", (name) => {
    expect(Object.fromEntries(read(name))).toEqual({
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
      parameter: { type: "float32", dims: [2, 3], data: new Float32Array([0, 1, 2, 3, 4, 5]) },
      tied: { type: "float32", dims: [2, 3], data: new Float32Array([0, 1, 2, 3, 4, 5]) },
      "tied.t": { type: "float32", dims: [3, 2], data: new Float32Array([0, 3, 1, 4, 2, 5]) },
      row: { type: "float32", dims: [3], data: new Float32Array([3, 4, 5]) },
      column: { type: "float32", dims: [2], data: new Float32Array([1, 4]) },
      expanded: { type: "float32", dims: [2, 2], data: new Float32Array(4) },
      empty: { type: "float32", dims: [0, 3], data: new Float32Array(0) },
      scalar: { type: "int64", dims: [], data: new BigInt64Array([7n]) },
    });
  });
});

describe("files that ask for code", () => {
  it.each([
    ["evil_raw.pth", "posix.system", 2],
    ["evil_legacy.pth", "posix.system", 189],
    ["evil_zip.pth", "posix.system", 116],
    ["evil_mixed_zip.pth", "posix.system", 749],
  ])("%s", (name, global, byte) => {
    const error = failure(() => read(name));
    expect(error).toMatchObject({ code: "unsafe-file", data: { file: name, global, byte } });
    expect(error.message).toContain("torch.save(model.state_dict()");
    expect(existsSync("pwned-by-pickle")).toBe(false);
  });

  it("tells how to save a pickled module's weights", () => {
    const error = failure(() => read("pickled_module_zip.pth"));
    expect(error).toMatchObject({ code: "unsafe-file", data: { global: "__main__.Net" } });
    expect(error.message).toMatch(/whole pickled model.*torch\.save\(model\.state_dict\(\)/);
  });
});

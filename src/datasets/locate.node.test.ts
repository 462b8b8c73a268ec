import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, failure, firstBatch } from "../../test/support/datasets.ts";
import { datasets } from "./index.ts";
import { openDataset } from "./locate.node.ts";
import { writeNpy } from "./npy.ts";
import { writeNpz } from "./npz.ts";

const IMAGES = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 51, 102, 153, 204, 255);
const LABELS = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 4, 1);
const X = { type: "uint8", dims: [2, 1, 1, 3], data: IMAGES.slice(16) } as const;
const Y = { type: "uint8", dims: [2], data: LABELS.slice(8) } as const;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "perturb-locate-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes files into a new folder and gives its path. */
async function files(name: string, contents: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const to = join(folder, name);
  await mkdir(to, { recursive: true });
  for (const [file, bytes] of Object.entries(contents)) await writeFile(join(to, file), bytes);
  return to;
}

const EXPECTED = { size: 2, shape: [1, 1, 3], classes: 5 };

describe("openDataset by name", () => {
  it("opens MNIST from its package", async () => {
    const set = await openDataset("mnist");
    expect(set).toMatchObject({ name: "mnist", size: 10_000 });
    expect((await openDataset("mnist", { split: "train" })).size).toBe(60_000);
  });

  it("sees it in the shape that is asked for", async () => {
    const { x } = await firstBatch(await openDataset("mnist", { shape: [784] }), 3);
    expect(x.dims).toEqual([3, 784]);
    await failure("mismatch", () => openDataset("mnist", { shape: [3, 32, 32] }));
  });

  it("refuses labels, or fewer classes", async () => {
    await failure("usage", () => openDataset("mnist", { labels: "y.npy" }));
    await failure("mismatch", () => openDataset("mnist", { classes: 9 }));
    expect((await openDataset("mnist", { classes: 11 })).classes).toBe(10);
  });

  it("suggests a name for one that is not known", async () => {
    const error = await failure("not-found", () => openDataset("minst"));
    expect(error.message).toContain("Did you mean mnist?");
    expect(error.data["known"]).toEqual(Object.keys(datasets));
    await failure("not-found", () => openDataset("constructor"));
  });
});

describe("openDataset by path", () => {
  it.each(["t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte", "t10k-images-idx3-ubyte.gz"])(
    "opens a folder with %s",
    async (file) => {
      const pack = (bytes: Uint8Array) => (file.endsWith(".gz") ? gzipSync(bytes) : bytes);
      const labels = file.replace("images", "labels").replace("idx3", "idx1");
      const path = await files(file, { [file]: pack(IMAGES), [labels]: pack(LABELS) });
      expect(await openDataset(path)).toMatchObject({ ...EXPECTED, name: file });
      await failure("not-found", () => openDataset(path, { split: "train" }));
    },
  );

  it("opens an IDX file, its labels given or beside it", async () => {
    const path = await files("pair", {
      "my-images-idx3-ubyte": IMAGES,
      "my-labels-idx1-ubyte": LABELS,
      "x.idx": IMAGES,
    });
    expect(await openDataset(join(path, "my-images-idx3-ubyte"))).toMatchObject(EXPECTED);
    await failure("usage", () => openDataset(join(path, "x.idx")));
    const labels = join(path, "my-labels-idx1-ubyte");
    expect(await openDataset(join(path, "x.idx"), { labels, classes: 7 })).toMatchObject({ ...EXPECTED, classes: 7 });
    await failure("mismatch", () => openDataset(join(path, "x.idx"), { labels, classes: 3 }));
    await failure("not-found", () => openDataset(join(path, "x.idx"), { labels: join(path, "gone") }));
  });

  it("opens .npy with labels, and .npz", async () => {
    const path = await files("arrays", {
      "x.npy": writeNpy(X),
      "images.npy": writeNpy(X),
      "labels.npy": writeNpy(Y),
      "set.npz": writeNpz({ x: X, y: Y }),
      "images.npz": writeNpz({ x: X }),
    });
    const labels = join(path, "labels.npy");
    const whole = await collect(await openDataset(join(path, "x.npy"), { labels }), { batch: 2 });
    expect(whole).toMatchObject({ labels: [4, 1], x: [0, 0.2, 0.4, 0.6, 0.8, 1].map(Math.fround) });
    for (const set of [
      await openDataset(join(path, "images.npy")),
      await openDataset(join(path, "set.npz")),
      await openDataset(join(path, "images.npz"), { labels }),
    ]) {
      expect(set).toMatchObject(EXPECTED);
      expect(await collect(set, { batch: 2 })).toEqual(whole);
    }
    await failure("usage", () => openDataset(join(path, "x.npy")));
    await failure("mismatch", () => openDataset(join(path, "images.npz")));
  });

  it("reads what perturb attack wrote: its examples, not what they were made from", async () => {
    const at = (epsilon: number) => [epsilon, epsilon];
    const list = (values: number[]) =>
      ({ type: "float64", dims: [values.length], data: Float64Array.from(values) }) as const;
    const pixels = (...values: number[]) =>
      ({ type: "float32", dims: [4, 1], data: Float32Array.from(values) }) as const;
    const examples = {
      x: pixels(0, 0, 0, 0),
      x_adv: pixels(0.1, 0.2, 0.3, 0.4),
      label: { type: "int32", dims: [4], data: Int32Array.of(2, 1, 2, 1) },
      epsilon: list([...at(0.1), ...at(8 / 255)]),
    } as const;
    const path = await files("written", { "adversarial.npz": writeNpz(examples) });
    const set = await openDataset(join(path, "adversarial.npz"));
    expect(await collect(set, { batch: 2 })).toMatchObject({ labels: [2, 1], x: [0.1, 0.2].map(Math.fround) });
    expect(set.assumptions?.[0]).toContain("at ε = 0.1 of 8/255, 0.1 were taken");
    const other = await openDataset(join(path, "adversarial.npz"), { dataEpsilon: 8 / 255 });
    expect(await collect(other, { batch: 2 })).toMatchObject({ x: [0.3, 0.4].map(Math.fround) });
    await failure("usage", () => openDataset("mnist", { dataEpsilon: 0.1 }));
    const cut = { ...examples, label: { ...examples.label, dims: [3], data: Int32Array.of(2, 1, 2) } };
    const damaged = await files("damaged", { "adversarial.npz": writeNpz(cut) });
    await failure("mismatch", () => openDataset(join(damaged, "adversarial.npz")));
  });

  it("reads the pictures that perturb attack wrote at one ε, and asks which of several", async () => {
    const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    const path = join(folder, "written-pictures");
    await files("written-pictures/eps-0.1/7", { "000012-7-to-3-eps-0.1.png": png });
    const set = await openDataset(path);
    expect((await collect(set, { batch: 2 })).labels).toEqual([7]);
    expect(set).toMatchObject({
      name: "eps-0.1",
      assumptions: [expect.stringContaining("only the examples that fooled")],
    });
    await files("written-pictures/eps-0.2/7", { "000012-7-to-3-eps-0.2.png": png });
    expect((await failure("usage", () => openDataset(path))).message).toContain(join(path, "eps-0.1"));
    await files("written-pictures", { "adversarial.npz": Buffer.of() });
    // Its folder says as much as the one around it, and of other pictures nothing is said.
    const own = await openDataset(join(path, "eps-0.2"));
    expect(own).toMatchObject({ size: 1, adversarial: true });
    expect(own.assumptions).toEqual([expect.stringContaining(join(path, "adversarial.npz"))]);
    expect((await openDataset(join(path, "eps-0.2"), { dataEpsilon: 0.2 })).size).toBe(1);
    await failure("usage", () => openDataset(join(path, "eps-0.2"), { dataEpsilon: 0.1 }));
    await files("fraction/eps-8-255/7", { "000012-7-to-3-eps-8-255.png": png });
    const fraction = await openDataset(join(folder, "fraction"), { dataEpsilon: 8 / 255 });
    expect(fraction).toMatchObject({ name: "eps-8-255", adversarial: true });
    expect(fraction.assumptions![0]).not.toContain("npz");
    await files("plain/eps-0.2/7", { "000012-7-to-3-eps-0.2.png": png, "seven.png": png });
    expect((await openDataset(join(folder, "plain", "eps-0.2"))).adversarial).toBeUndefined();
    expect((await openDataset(path, { dataEpsilon: 0.2 })).name).toBe("eps-0.2");
    await failure("usage", () => openDataset(path, { dataEpsilon: 0.3 }));
  });

  it("opens an image folder, also inside its split", async () => {
    const path = join(folder, "pictures");
    for (const name of ["cat", "dog"]) {
      await mkdir(join(path, name), { recursive: true });
      await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } }).toFile(
        join(path, name, "a.png"),
      );
    }
    expect(await openDataset(path)).toMatchObject({
      name: "pictures",
      size: 2,
      shape: [3, 2, 2],
      classNames: ["cat", "dog"],
    });
    expect((await openDataset(path, { shape: [1, 3, 3], resize: true })).shape).toEqual([1, 3, 3]);
    expect((await openDataset(path, { shape: [12] })).shape).toEqual([12]);
    await failure("usage", () => openDataset(path, { labels: "y.npy" }));
    const parts = join(folder, "parts");
    await cp(path, join(parts, "train"), { recursive: true });
    expect(await openDataset(parts, { split: "train" })).toMatchObject({ name: "parts", classNames: ["cat", "dog"] });
    await failure("not-found", () => openDataset(parts));
  });

  it("refuses files and folders of other kinds", async () => {
    const path = await files("other", { "a.txt": Uint8Array.of(1, 2, 3), empty: new Uint8Array(0) });
    await failure("unsupported", () => openDataset(join(path, "a.txt")));
    await failure("unsupported", () => openDataset(join(path, "empty")));
    await failure("not-found", () => openDataset(path));
    await failure("not-found", () => openDataset(join(path, "gone.npy")));
  });
});

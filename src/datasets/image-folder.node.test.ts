import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, failure } from "../../test/support/datasets.ts";
import type { PictureSteps } from "../models/preprocessing/preprocessing.ts";
import { part } from "./draw.ts";
import { openImageFolder } from "./image-folder.node.ts";

let temporary = "";
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "perturb-images-"));
});
afterAll(() => rm(temporary, { recursive: true }));

type Rgb = readonly [number, number, number];

/** An image of these colours, row by row. */
const image = (width: number, colours: readonly Rgb[]): Sharp =>
  sharp(Uint8Array.from(colours.flat()), { raw: { width, height: colours.length / width, channels: 3 } });

const COLOURS: readonly Rgb[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
  [10, 200, 77],
  [0, 0, 0],
];
const plain = (value: number, width = 2, height = 2) =>
  image(
    width,
    Array.from({ length: width * height }, () => [value, value, value]),
  );

/** A folder of files, each written by a function of its path. */
async function folderOf(name: string, files: Readonly<Record<string, Sharp | string>>): Promise<string> {
  const folder = join(temporary, name);
  for (const [path, content] of Object.entries(files)) {
    const to = join(folder, path);
    await mkdir(dirname(to), { recursive: true });
    await (typeof content === "string" ? writeFile(to, content) : content.toFile(to));
  }
  return folder;
}

const bytes = (x: readonly number[]) => x.map((v) => Math.round(v * 255));

describe("openImageFolder", () => {
  it("resizes and crops as a pipeline of torchvision does, and says so", async () => {
    const picture = sharp(fileURLToPath(new URL("../../test/fixtures/resample/picture.png", import.meta.url)));
    const folder = await folderOf("photos", { "a/a.png": picture, "b/b.png": plain(77, 40, 90) });
    const { pipelines } = JSON.parse(
      await readFile(new URL("../../test/fixtures/resample/reference.json", import.meta.url), "utf8"),
    ) as { readonly pipelines: readonly (PictureSteps & { readonly crop: number; readonly sha256: string })[] };
    for (const { sha256, ...steps } of pipelines) {
      const shape = [steps.crop, steps.crop, 3];
      const dataset = await openImageFolder(folder, { shape, steps });
      expect(dataset.notes?.map(({ code }) => code)).toEqual(["prepared-pictures"]);
      const { x } = await collect(dataset, { batch: 2 });
      const first = Uint8Array.from(bytes(x.slice(0, x.length / 2)));
      expect(createHash("sha256").update(first).digest("hex")).toBe(sha256);
    }
    // Without sizes from a model, they are what comes out.
    expect((await openImageFolder(folder, { steps: { resize: 30, crop: [20, 24] } })).shape).toEqual([3, 20, 24]);
    const wrong = await openImageFolder(folder, { shape: [3, 32, 32], steps: { resize: 40, crop: 30 } });
    expect((await failure("mismatch", () => collect(wrong, { batch: 1 }))).message).toMatch(
      /is 30 × 30 pixels, and the model takes 32 × 32. Change `preprocessing.resize`/,
    );
    const sized = await openImageFolder(folder, { shape: [3, 32, 32] });
    expect((await failure("mismatch", () => collect(sized, { batch: 1 }))).message).toContain("`preprocessing.crop`");
  });

  it("where the channels may stand at either end, takes what the pictures fit, and refuses what they fit both ways", async () => {
    const folder = await folderOf("either", {
      "a/wide.png": image(2, [...COLOURS]),
      "b/square.png": plain(9, 3, 3),
    });
    // 2 wide, 3 high: as [3, 2, 3] they have their channels last.
    const set = await openImageFolder(folder, { shape: [3, 2, 3] });
    const { x } = await collect(set, { batch: 1, limit: 1 });
    expect(bytes([...x])).toEqual(COLOURS.flat());
    const square = await folderOf("square", { "a/square.png": plain(9, 3, 3) });
    const { message } = await failure("usage", () => openImageFolder(square, { shape: [3, 3, 3] }));
    expect(message).toContain("pictures of 3 × 3 pixels fit both");
    expect((await openImageFolder(square, { shape: [1, 3, 3] })).shape).toEqual([1, 3, 3]);
  });

  it("gives a model of channels last its own order", async () => {
    const folder = await folderOf("last", { "a/a.png": image(3, COLOURS), "b/b.png": image(3, COLOURS.toReversed()) });
    const { x } = await collect(await openImageFolder(folder, { shape: [2, 3, 3] }), { batch: 2 });
    expect(bytes(x)).toEqual([...COLOURS, ...COLOURS.toReversed()].flat());
    const grey = await openImageFolder(folder, { shape: [2, 3, 1] });
    expect([grey.shape, bytes((await collect(grey, { batch: 2 })).x)[4]]).toEqual([[2, 3, 1], 129]);
  });

  it("orders classes, folders and files by code unit, and leaves out what is hidden or no image", async () => {
    const folder = await folderOf("order", {
      "cat/b.png": plain(2),
      "cat/a.png": plain(1),
      "cat/Z.png": plain(0),
      "cat/10.png": plain(3),
      "cat/9.PNG.png": plain(4),
      "cat/sub/a.png": plain(5),
      "cat/notes.txt": "no image",
      "cat/.hidden.png": "no image",
      "Dog/x.png": plain(6),
      ".git/x.png": "no image",
      "labels.csv": "no class",
    });
    const set = await openImageFolder(folder);
    expect(set).toMatchObject({ name: "order", size: 7, classes: 2, classNames: ["Dog", "cat"], shape: [3, 2, 2] });
    const { x, labels, indices } = await collect(set, { batch: 3 });
    expect(labels).toEqual([0, 1, 1, 1, 1, 1, 1]);
    expect(indices).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(bytes(x.filter((_, i) => i % 12 === 0))).toEqual([6, 3, 4, 0, 1, 2, 5]);
    const part = await collect(set, { batch: 2, offset: 3, limit: 3 });
    expect([part.indices, part.batches]).toEqual([
      [3, 4, 5],
      [2, 1],
    ]);
    expect(part.x).toEqual(x.slice(36, 72));
  });

  it("gives RGB planes of bytes / 255", async () => {
    const folder = await folderOf("rgb", { "a/a.png": image(3, COLOURS) });
    const { x } = await collect(await openImageFolder(folder), { batch: 1 });
    expect(x).toEqual([0, 1, 2].flatMap((c) => COLOURS.map((colour) => Math.fround(colour[c]! / 255))));
  });

  it("turns RGB to grey by ITU-R 601 luma, as Pillow, and leaves grey as it is", async () => {
    const ramp = sharp(
      Uint8Array.from({ length: 6 }, (_, i) => i * 51),
      { raw: { width: 3, height: 2, channels: 1 } },
    );
    const folder = await folderOf("grey", {
      "a/colour.png": image(3, COLOURS),
      "a/grey.png": ramp.toColourspace("b-w").png(),
    });
    const set = await openImageFolder(folder, { shape: [1, 2, 3] });
    const { x } = await collect(set, { batch: 2 });
    expect(bytes(x)).toEqual([76, 150, 29, 255, 129, 0, 0, 51, 102, 153, 204, 255]);
    expect((await openImageFolder(join(temporary, "grey"))).shape).toEqual([3, 2, 3]);
    const grey = await openImageFolder(await folderOf("grey-only", { "a/grey.png": ramp.toColourspace("b-w").png() }));
    expect(grey.shape).toEqual([1, 2, 3]);
  });

  it("drops alpha without blending, and takes the first frame of a palette image", async () => {
    const rgba = sharp(Uint8Array.of(200, 100, 50, 0, 10, 20, 30, 128), { raw: { width: 2, height: 1, channels: 4 } });
    const palette = image(2, [
      [0, 0, 255],
      [255, 255, 0],
    ]);
    const folder = await folderOf("alpha", {
      "a/a.png": rgba,
      "a/b.gif": palette.clone().gif(),
      "a/c.png": palette.png({ palette: true }),
    });
    const { x } = await collect(await openImageFolder(folder), { batch: 3 });
    expect(bytes(x)).toEqual([200, 10, 100, 20, 50, 30, 0, 255, 0, 255, 255, 0, 0, 255, 0, 255, 255, 0]);
  });

  it("reads JPEG, lossless WebP and TIFF", async () => {
    const folder = await folderOf("formats", {
      "a/a.webp": image(3, COLOURS).webp({ lossless: true }),
      "a/b.tiff": image(3, COLOURS).tiff({ compression: "lzw" }),
      "a/c.jpg": plain(130, 3, 2).jpeg({ quality: 100 }),
    });
    const { x } = await collect(await openImageFolder(folder), { batch: 3 });
    const lossless = [0, 1, 2].flatMap((c) => COLOURS.map((colour) => colour[c]!));
    expect(bytes(x)).toEqual([...lossless, ...lossless, ...Array.from({ length: 18 }, () => 130)]);
  });

  it("does not turn images by their orientation tag, as Pillow's loader", async () => {
    const folder = await folderOf("turned", { "a/a.jpg": plain(9, 4, 2).withMetadata({ orientation: 6 }).jpeg() });
    expect((await openImageFolder(folder)).shape).toEqual([3, 2, 4]);
  });

  it("resizes when asked to, and only then", async () => {
    const folder = await folderOf("sizes", { "a/a.png": plain(7, 2, 2), "a/b.png": plain(90, 8, 5) });
    const strict = await openImageFolder(folder);
    const error = await failure("mismatch", () => collect(strict, { batch: 1 }));
    expect(error.data).toMatchObject({ got: [5, 8], expected: [2, 2] });
    for (const channels of [1, 3]) {
      const set = await openImageFolder(folder, { shape: [channels, 4, 3], resize: true });
      const { x } = await collect(set, { batch: 2 });
      expect(bytes(x)).toEqual([
        ...Array.from({ length: channels * 12 }, () => 7),
        ...Array.from({ length: channels * 12 }, () => 90),
      ]);
    }
  });

  it("stops when its signal fires", async () => {
    const set = await openImageFolder(await folderOf("signal", { "a/a.png": plain(1) }));
    await failure("cancelled", () => collect(set, { batch: 1, signal: AbortSignal.abort() }));
  });
});

describe("openImageFolder refuses", () => {
  it("a broken or a cut image, with its path", async () => {
    const whole = await image(3, COLOURS).png().toBuffer();
    for (const [name, content] of [
      ["text", "no image"],
      ["cut", whole.subarray(0, 50)],
    ] as const) {
      const folder = await folderOf(name, { "a/good.png": image(3, COLOURS) });
      await writeFile(join(folder, "a", "z.png"), content);
      const error = await failure("invalid-file", async () => collect(await openImageFolder(folder), { batch: 2 }));
      expect(error.message).toContain(join("a", "z.png"));
      expect(error.cause).toBeInstanceOf(Error);
    }
  });

  it("a drawing that bears an image's name", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"/>';
    const folder = await folderOf("svg", { "a/a.png": svg });
    await failure("unsupported", () => openImageFolder(folder));
  });

  it("an image of too many pixels, before decoding it", async () => {
    const png = await plain(0).png({ palette: false }).toBuffer();
    const header = new DataView(png.buffer, png.byteOffset);
    header.setUint32(16, 30_000); // width and height, and then the checksum of IHDR
    header.setUint32(20, 30_000);
    const { crc32 } = await import("../crc32.ts");
    header.setUint32(29, crc32(png.subarray(12, 29)));
    const folder = await folderOf("huge", { "a/a.txt": "" });
    await writeFile(join(folder, "a", "a.png"), png);
    await failure("unsafe-file", () => openImageFolder(folder));
  });

  it("a batch of more pixels than an array holds, before decoding it, also where it is drawn", async () => {
    const folder = await folderOf("huge", { "a/1.png": plain(9), "a/2.png": plain(9), "b/3.png": plain(9) });
    const set = await openImageFolder(folder, { shape: [3, 8192, 8192], resize: true });
    for (const data of [set, part(set, Int32Array.of(0, 2), 0)]) {
      const error = await failure("usage", () => collect(data, { batch: 2 }));
      expect(error.message).toContain("2 of the samples of shape [3,8192,8192] are 402653184 values");
    }
  });

  it("links that leave the folder, and links to folders; it follows links to files inside", async () => {
    const outside = join(temporary, "outside.png");
    await plain(5).toFile(outside);
    const folder = await folderOf("links", { "a/a.png": plain(1), "b/b.png": plain(2) });
    await symlink(join("..", "a", "a.png"), join(folder, "b", "c.png"));
    expect((await openImageFolder(folder)).size).toBe(3);
    for (const [name, target] of [
      ["file", outside],
      ["folder", folder],
      ["nothing", join(folder, "gone.png")],
    ] as const) {
      const copy = join(temporary, `links-${name}`);
      await cp(folder, copy, { recursive: true, verbatimSymlinks: true });
      await symlink(target, join(copy, "a", "z.png"));
      await failure("unsafe-file", () => openImageFolder(copy));
    }
  });

  it("folders that are missing, without classes, or without images", async () => {
    await failure("not-found", () => openImageFolder(join(temporary, "nowhere")));
    const flat = await folderOf("flat", { "a.png": plain(1) });
    await failure("not-found", () => openImageFolder(flat));
    await failure("not-found", async () => openImageFolder(await folderOf("empty", { "b/notes.txt": "" })));
  });

  it.each([[[2, 4, 4]], [[784]], [[3, 0, 4]], [[3, 1.5, 4]], [[3, 2 ** 20, 2 ** 20]]])(
    "the shape %o",
    async (shape) => {
      const folder = await folderOf("shape", { "a/a.png": plain(1) });
      await failure("usage", () => openImageFolder(folder, { shape }));
    },
  );
});

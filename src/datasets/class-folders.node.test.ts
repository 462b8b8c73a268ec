import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, failure } from "../../test/support/datasets.ts";
import { listClasses } from "./class-folders.node.ts";
import { parseClassList } from "./class-list.ts";
import { openDataset } from "./locate.node.ts";

let temporary = "";
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "perturb-classes-"));
});
afterAll(() => rm(temporary, { recursive: true }));

/** A folder with these files, all empty; a path that ends in a slash is a folder without any. */
async function folderOf(name: string, paths: readonly string[]): Promise<string> {
  const root = join(temporary, name);
  for (const path of paths) {
    await mkdir(path.endsWith("/") ? join(root, path) : dirname(join(root, path)), { recursive: true });
    if (!path.endsWith("/")) await writeFile(join(root, path), "");
  }
  return root;
}

const labelsOf = async (root: string, list?: string) => {
  const listed = await listClasses(root, list === undefined ? undefined : parseClassList(list, "classes.txt"));
  return { ...listed, labels: listed.samples.map(({ label }) => label) };
};

describe("the class of a folder", () => {
  it("is the number that is its name, not its place in text order", async () => {
    const root = await folderOf(
      "all",
      Array.from({ length: 12 }, (_, c) => `${c}/a.png`),
    );
    const { labels, classNames, classFolders } = await labelsOf(root);
    expect(labels).toEqual([0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(classNames).toEqual(Array.from({ length: 12 }, (_, c) => String(c)));
    expect(classFolders.numbering).toBe("names");
  });

  it("is that number where folders are missing, and with zeros in front", async () => {
    const root = await folderOf("some", ["03/a.png", "05/a.png", "05/b.png", "08/a.png"]);
    const { labels, classNames } = await labelsOf(root);
    expect(labels).toEqual([3, 5, 5, 8]);
    expect(classNames).toEqual(["0", "1", "2", "03", "4", "05", "6", "7", "08"]);
  });

  it("is its place in text order where one name is no number, empty folders counted", async () => {
    const root = await folderOf("names", ["cat/", "ant/a.png", "10/a.png"]);
    const { labels, classNames, classFolders } = await labelsOf(root);
    expect([labels, classNames]).toEqual([
      [0, 1],
      ["10", "ant", "cat"],
    ]);
    expect(classFolders).toEqual({
      numbering: "order",
      folders: [
        { name: "10", label: 0, samples: 1 },
        { name: "ant", label: 1, samples: 1 },
        { name: "cat", label: 2, samples: 0 },
      ],
    });
  });

  it("is its place in a list, which may name more", async () => {
    const root = await folderOf("listed", ["cat/a.png", "ant/a.png"]);
    const { labels, classNames } = await labelsOf(root, "eel\ncat\ndog\nant\n");
    expect(labels).toEqual([3, 1]);
    expect(classNames).toEqual(["eel", "cat", "dog", "ant"]);
    const error = await failure("mismatch", () => labelsOf(root, "cta\nant"));
    expect(error.message).toContain("Did you mean cta?");
  });

  it("cannot be that of another folder too, or larger than any class", async () => {
    await failure("mismatch", async () => labelsOf(await folderOf("twice", ["3/a.png", "03/a.png"])));
    await failure("invalid-file", async () => labelsOf(await folderOf("years", ["1999/a.png", "20240101/a.png"])));
    const root = await folderOf("aliases", ["a/a.png", "b/a.png"]);
    await failure("mismatch", () => labelsOf(root, '[["a", "b"], "c"]'));
  });
});

describe("links in a folder of images", () => {
  it.each([
    ["a folder outside", "outside", "a link to a folder outside of"],
    ["a folder inside", "0", "a link to a folder."],
    ["nothing", "gone", "a link to nothing."],
  ])("lead to %s, and the message says so", async (_, target, words) => {
    const name = `links-${target}`;
    await folderOf("outside", ["a.png"]);
    const root = await folderOf(name, ["0/a.png"]);
    const to = target === "outside" ? join(temporary, target) : join(root, target);
    await symlink(to, join(root, "1"));
    for (const open of [() => listClasses(root), () => openDataset(root)])
      expect((await failure("unsafe-file", open)).message).toContain(words);
  });
});

describe("openDataset with a list of classes", () => {
  it("numbers folders by it, and knows each sample's file", async () => {
    const root = await folderOf("pictures", ["ant/", "cat/deep/"]);
    const white = sharp({ create: { width: 2, height: 2, channels: 3, background: "white" } });
    for (const path of ["cat/deep/a.png", "ant/b.png"]) await white.clone().toFile(join(root, path));
    const classFile = join(temporary, "list.txt");
    await writeFile(classFile, "cat\neel\nant\n");
    const set = await openDataset(root, { classFile });
    expect(set).toMatchObject({ classes: 3, classNames: ["cat", "eel", "ant"], size: 2 });
    expect((await collect(set, { batch: 2 })).labels).toEqual([2, 0]);
    expect([0, 1].map((i) => set.sourceOf?.(i))).toEqual([join("ant", "b.png"), join("cat", "deep", "a.png")]);
    await failure("usage", () => openDataset("mnist", { classFile }));
    await failure("not-found", () => openDataset(root, { classFile: join(temporary, "gone.txt") }));
  });
});

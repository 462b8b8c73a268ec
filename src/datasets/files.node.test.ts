import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { fileSource, folderOpen } from "./files.node.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "perturb-files-"));
  await writeFile(join(folder, "a.bin"), Uint8Array.of(1, 2, 3, 4, 5));
});
afterAll(() => rm(folder, { recursive: true }));

describe("fileSource", () => {
  it("reads ranges, fewer bytes at the end", async () => {
    const source = await fileSource(join(folder, "a.bin"));
    expect(source).toMatchObject({ name: "a.bin", size: 5 });
    expect([...(await source.read(1, 3))]).toEqual([2, 3]);
    expect([...(await source.read(3, 99))]).toEqual([4, 5]);
    expect([...(await source.read(9, 12))]).toEqual([]);
    const both = await Promise.all([source.read(0, 2), source.read(3, 5)]);
    expect(both.map((bytes) => [...bytes])).toEqual([
      [1, 2],
      [4, 5],
    ]);
  });

  it("says what is missing or no file", async () => {
    const error = await failure("not-found", () => fileSource(join(folder, "b.bin")));
    expect(error.data).toEqual({ path: join(folder, "b.bin") });
    await failure("usage", () => fileSource(folder));
    await failure("usage", () => fileSource("/dev/null"));
    await failure("not-found", () => fileSource("a\0b"));
  });

  it("notices that a file has changed or gone", async () => {
    const path = join(folder, "c.bin");
    await writeFile(path, "abc");
    const source = await fileSource(path);
    await writeFile(path, "abcd");
    await failure("invalid-file", () => source.read(0, 3));
    await rm(path);
    await failure("not-found", () => source.read(0, 3));
  });
});

describe("folderOpen", () => {
  it("opens plain names", async () => {
    expect((await folderOpen(folder)("a.bin")).size).toBe(5);
    await failure("not-found", () => folderOpen(folder)("z.bin"));
  });

  it.each(["../a.bin", "/etc/hostname", "x/a.bin", "x\\a.bin", "..", ".", "", "a\0"])("refuses %j", async (name) => {
    await failure("unsafe-file", () => folderOpen(folder)(name));
  });
});

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recover, staged } from "./staging.node.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "perturb-staging-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);
const everything = () => (readdirSync(folder, { recursive: true }) as string[]).toSorted();

describe("staged", () => {
  it("makes a file, its parents with it, and replaces an old one", async () => {
    await staged(at("a", "b", "file"), async (place) => writeFileSync(place, "one"));
    await staged(at("a", "b", "file"), async (place) => {
      writeFileSync(place, "two");
      expect(readFileSync(at("a", "b", "file"), "utf8")).toBe("one");
    });
    expect(readFileSync(at("a", "b", "file"), "utf8")).toBe("two");
    expect(everything()).toEqual(["a", join("a", "b"), join("a", "b", "file")]);
  });

  it("replaces a folder as a whole", async () => {
    mkdirSync(at("out"));
    writeFileSync(at("out", "old"), "");
    await staged(at("out"), async (place) => {
      mkdirSync(place);
      writeFileSync(join(place, "new"), "");
    });
    expect(everything()).toEqual(["out", join("out", "new")]);
  });

  it("leaves what was there, and nothing else, when making fails", async () => {
    writeFileSync(at("file"), "old");
    const fail = async (place: string) => {
      writeFileSync(place, "half");
      throw new Error("no");
    };
    await expect(staged(at("file"), fail)).rejects.toThrow("no");
    await expect(staged(at("a", "b", "file"), fail)).rejects.toThrow("no");
    expect(readFileSync(at("file"), "utf8")).toBe("old");
    expect(everything()).toEqual(["file"]);
  });

  it("keeps parents that something else came to live in", async () => {
    const fail = async () => {
      writeFileSync(at("a", "other"), "");
      throw new Error("no");
    };
    await expect(staged(at("a", "b", "file"), fail)).rejects.toThrow("no");
    expect(existsSync(at("a", "other"))).toBe(true);
    expect(existsSync(at("a", "b"))).toBe(false);
  });

  it("leaves no listener behind", async () => {
    const before = process.listenerCount("exit");
    await staged(at("file"), async (place) => writeFileSync(place, ""));
    expect(process.listenerCount("exit")).toBe(before);
  });
});

describe("recover", () => {
  const make = (...names: readonly string[]) => {
    for (const name of names) {
      mkdirSync(at(name));
      writeFileSync(at(name, "file"), name);
    }
  };

  it("brings back what was moved away, and removes what is half made", () => {
    make(".out.0123abcd.old", "out.89abcdef.partial");
    recover(at("out"));
    expect(everything()).toEqual(["out", join("out", "file")]);
    expect(readFileSync(at("out", "file"), "utf8")).toBe(".out.0123abcd.old");
  });

  it("removes what was replaced, and touches nothing else", () => {
    const others = ["out.txt", "out.0123abc.partial", "about.0123abcd.partial", ".out2.0123abcd.old", "o.t"];
    make("out", ".out.0123abcd.old", ...others);
    recover(at("out"));
    expect(readdirSync(folder).toSorted()).toEqual(["out", ...others].toSorted());
    expect(readFileSync(at("out", "file"), "utf8")).toBe("out");
    recover(at("nowhere", "out"));
  });
});

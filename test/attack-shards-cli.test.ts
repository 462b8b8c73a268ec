import { cpSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listing, perturb, scratch } from "./support/cli.ts";

const { path: cwd, remove } = scratch();
afterAll(remove);

const LENET = fileURLToPath(new URL("../models/lenet-mnist.onnx", import.meta.url));
const COMMON = ["--attack", "fgsm,pgd", "--set", "pgd.steps=5", "--eps", "0.1,0.3", "--limit", "50", "--batch", "10"];
const at = (...names: string[]): string => join(cwd, ...names);
const attack = (...words: string[]) => perturb(["attack", ...COMMON, "--quiet", ...words], cwd);

/** What a folder holds, byte for byte. */
const contents = (folder: string): Record<string, string> =>
  Object.fromEntries(
    listing(at(folder))
      .filter((name) => statSync(at(folder, name)).isFile())
      .map((name) => [name, readFileSync(at(folder, name)).toString("base64")]),
  );
/** The lines that count. */
const counts = (stdout: string): string[] => stdout.split("\n").filter((line) => /^0\.\d/.test(line));

describe("perturb attack --shard, perturb merge", () => {
  let whole = "";
  beforeAll(async () => {
    cpSync(LENET, at("net.onnx"));
    const one = await attack("--model", "net.onnx", "--png", "--out", "whole");
    expect(one, one.stderr).toMatchObject({ code: 0 });
    whole = one.stdout;
    for (const i of [1, 2, 3]) {
      // Each machine may call the file as it likes.
      renameSync(at(i === 1 ? "net.onnx" : `net-${i - 1}.onnx`), at(`net-${i}.onnx`));
      const part = await attack("--model", `net-${i}.onnx`, "--png", "--shard", `${i}/3`, "--out", `part-${i}`);
      expect(part, part.stderr).toMatchObject({ code: 0 });
      expect(part.stdout).toContain(`Shard ${i}/3 is done.`);
    }
  }, 120_000);

  it("writes the files of one run", async () => {
    const merged = await perturb(["merge", "part-3", "part-1", "part-2", "--out", "merged"], cwd);
    expect(merged, merged.stderr).toMatchObject({ code: 0 });
    expect(counts(merged.stdout)).toHaveLength(2);
    expect(counts(merged.stdout)).toEqual(counts(whole));
    expect(contents("merged")).toEqual(contents("whole"));
    expect(Object.keys(contents("merged")).length).toBeGreaterThan(10);
  });

  it("writes one file without pictures", async () => {
    await attack("--out", "one.npz");
    for (const i of [1, 2]) await attack("--shard", `${i}/2`, "--out", `bare-${i}`);
    expect(readdirSync(at("bare-1")).sort()).toEqual(["adversarial.npz", "shard.json"]);
    const merged = await perturb(["merge", "bare-1", "bare-2", "--out", "two.npz"], cwd);
    expect(merged, merged.stderr).toMatchObject({ code: 0 });
    expect(readFileSync(at("two.npz")).equals(readFileSync(at("one.npz")))).toBe(true);
  });

  it.each([
    [["part-1", "part-2"], /Of 3 shards, one is missing: 3\/3/],
    [["part-1", "part-2", "part-3", "part-2"], /are both shard 2\/3/],
    [["part-1", "part-2", "seed"], /The run in seed is another one: --seed was 7, and is 0/],
    [["part-1", "part-2", "other"], /The run in other is another one: .*SHA-256 of the first samples was/],
    [["part-1", "part-2", "bare"], /Only one of part-1 and bare holds pictures/],
    [["part-1", "bare-2"], /part-1 is shard 1\/3, and bare-2 is shard 2\/2/],
    [["part-1", "whole"], /whole\/shard\.json cannot be read/],
    [["part-1", "part-2", "changed"], /changed\/adversarial\.npz|CRC-32/],
    [["part-1", "part-2", "short"], /short is no part of .*: it has 20 samples, and shard\.json says 30/],
    [["part-1", "part-2", "part-3", "--out", "whole"], /whole is not empty/],
    [["part-1", "part-2", "part-3", "--out", "m.npz"], /The shards hold pictures, and --out m\.npz is a file/],
    [["part-1", "part-2", "part-3", "--data", "mnist"], /--data is for shards of an evaluation/],
  ])("refuses %j", async (folders, message) => {
    await foreign();
    const out = folders.includes("--out") ? [] : ["--out", "refused"];
    const { code, stdout, stderr } = await perturb(["merge", ...folders, ...out], cwd);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(readdirSync(cwd)).not.toContain("refused");
  });

  it("keeps a shard in a folder", async () => {
    const { code, stderr } = await attack("--shard", "1/2");
    expect(code).toBe(2);
    expect(stderr).toMatch(/--shard keeps its part in a folder for perturb merge\. Give one: --out DIR/);
  });

  let isMade = false;
  /** Shards that do not belong to the others. */
  async function foreign(): Promise<void> {
    if (isMade) return;
    isMade = true;
    await attack("--png", "--seed", "7", "--shard", "3/3", "--out", "seed");
    await attack("--shard", "3/3", "--out", "bare");
    await attack("--png", "--data", "whole/adversarial.npz", "--shard", "3/3", "--out", "other");
    for (const name of ["changed", "short"]) cpSync(at("part-3"), at(name), { recursive: true });
    cpSync(at("bare-2", "adversarial.npz"), at("changed", "adversarial.npz"));
    const bytes = readFileSync(at("part-3", "adversarial.npz"));
    bytes[2000]! ^= 1;
    writeFileSync(at("changed", "adversarial.npz"), bytes);
    const facts = JSON.parse(readFileSync(at("short", "shard.json"), "utf8"));
    writeFileSync(at("short", "shard.json"), JSON.stringify({ ...facts, samples: 30 }));
  }
});

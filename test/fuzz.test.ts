import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { attempt, inputOf, isFault } from "../fuzz/attempt.js";
import { fuzz } from "../fuzz/campaign.js";
import { minimise } from "../fuzz/minimise.js";
import { loadReader, pathOf, READERS } from "../fuzz/reader.js";
import { LIMITS } from "../fuzz/runner.js";
import { scratch } from "./support/cli.ts";

/** A graph is much more work than an array. */
const INPUTS: Readonly<Record<string, number>> = { onnx: 20, image: 40, state: 40 };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

describe.each(READERS)("the reader %s", (name) => {
  it("refuses hostile files, or reads them", async () => {
    const reader = await loadReader(pathOf(name));
    for (const seed of reader.seeds) expect(await attempt(reader, seed)).toEqual({ kind: "read", message: "" });
    for (let number = 0; number < (INPUTS[name] ?? 200); number++) {
      const outcome = await attempt(reader, inputOf(reader, 1, number));
      expect(isFault(outcome) && { number, outcome }).toBe(false);
    }
  });

  it("is given the same inputs for the same seed", async () => {
    const reader = await loadReader(pathOf(name));
    const some = (seed: number) => Array.from({ length: 5 }, (_, number) => text(inputOf(reader, seed, number)));
    const copies = reader.seeds.map(text);
    expect(some(3)).toEqual(some(3));
    expect(some(3)).not.toEqual(some(4));
    expect(reader.seeds.map(text)).toEqual(copies);
  });
});

it("an input is made smaller while it shows the fault", async () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const isSame = async (some: Uint8Array) => some.includes(17) && some.indexOf(17) < some.indexOf(80);
  expect([...(await minimise(bytes, isSame, 60))]).toEqual([17, 80]);
  const long = async (some: Uint8Array) => some.length >= 3;
  expect([...(await minimise(bytes, long, 60))]).toEqual([0, 0, 0]);
});

it("the fuzzer sees each kind of fault, keeps its input, and goes on", async () => {
  const space = scratch();
  onTestFinished(space.remove);
  const path = new URL("./support/fuzz/faulty-reader.js", import.meta.url).href;
  const { faults, ...counts } = await fuzz({
    name: "faulty",
    path,
    seed: 29,
    inputs: 6,
    seconds: 600,
    folder: space.path,
    limits: { ...LIMITS, seconds: 0.4, spare: 50e6 },
  });
  const kinds = faults.map(({ signature }) => signature.split(":")[0]);
  expect(new Set(kinds)).toEqual(new Set(["crash", "exception", "hang", "memory"]));
  expect(faults.every(({ file }) => readFileSync(file).length === 1)).toBe(true);
  expect(readdirSync(space.path)).toHaveLength(4);
  expect(counts).toMatchObject({ inputs: 6, read: 1, refused: 1, unconfirmed: 0 });
}, 180_000);

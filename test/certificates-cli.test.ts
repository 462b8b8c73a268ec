import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emptyGraph } from "../src/onnx/builder.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { Ops } from "../src/onnx/ops.ts";
import { tensor } from "../src/tensor.ts";
import { perturb, scratch } from "./support/cli.ts";

const ROBUST = fileURLToPath(new URL("../models/conv-mnist-robust.onnx", import.meta.url));
const FILE = "proofs.jsonl";
const place = scratch();
const run = (...args: readonly string[]) => perturb(["certify", ...args], place.path);
const read = () => readFileSync(join(place.path, FILE), "utf8");
const write = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(place.path, name), text);
  return name;
};

let lines: readonly string[];
beforeAll(async () => {
  const args = ["--limit", "3", "--eps", "0.005,0.01", "--no-largest", "--attack", "fgsm"];
  const { code, stderr } = await run(...args, "--json", "-", "--quiet", "--certificates", FILE);
  expect(code, stderr).toBe(0);
  lines = read().trim().split("\n");
}, 60_000);
afterAll(place.remove);

describe("perturb certify", () => {
  it("writes a certificate of each proven sample at its largest ε, which holds", async () => {
    expect(lines).toHaveLength(4);
    const { code, stdout } = await run("--check", FILE);
    expect(stdout).toMatch(
      /^line 2, sample 0: label 7, box of ±0.01: holds, margin [\d.]+\n(.*: holds, .*\n){2}3 of 3 certificates hold for lenet-mnist, SHA-256 [0-9a-f]{64}\.\n$/,
    );
    expect(code).toBe(0);
  });

  it("says with exit code 1 which one does not hold", async () => {
    const forged = lines.map((line, i) => (i === 2 ? line.replace('"label":2', '"label":3') : line));
    const { code, stdout } = await run("--check", write("forged.jsonl", forged.join("\n")));
    expect(stdout).toMatch(/line 3, sample 1: label 3, box of ±0.01: NOT PROVEN: class 0 is not excluded/);
    expect(stdout).toMatch(/2 of 3 certificates hold/);
    expect(code).toBe(1);
  });

  it.each<readonly [string, () => readonly string[], RegExp]>([
    ["another model", () => ["--check", FILE, "--model", ROBUST], /are about a file with the SHA-256/],
    ["other preprocessing", () => ["--check", FILE, "--mean", "0.1", "--std", "0.3"], /with other preprocessing/],
    [
      "a file cut off",
      () => ["--check", write("cut.jsonl", read().slice(0, -100))],
      /Line 4 of the certificates .* no JSON/,
    ],
    ["a file without certificates", () => ["--check", write("none.jsonl", lines[0]!)], /holds no certificate/],
    ["an empty file", () => ["--check", write("empty.jsonl", "\n\n")], /holds no certificate/],
    [
      "a file that is no text",
      () => ["--check", write("bytes", Uint8Array.of(255, 254, 0))],
      /no file of certificates/,
    ],
    ["a file that is none", () => ["--check", "nowhere.jsonl"], /Cannot read nowhere\.jsonl/],
    [
      "an option that would do nothing",
      () => ["--check", FILE, "--eps", "0.1"],
      /'--check <file>' cannot be used with option '--eps/,
    ],
    ...["--limit 1", "--offset 1", "--no-largest", "--seed 1", "--norm l2", "--n 100", "--smoothing 0.25"].map(
      (option) =>
        [
          `${option}, which would do nothing`,
          () => ["--check", FILE, ...option.split(" ")],
          new RegExp(`^perturb: ${option.split(" ")[0]} has no meaning with --check`, "m"),
        ] as const,
    ),
    ["a place that is none", () => ["--certificates", "no/proofs.jsonl"], /Cannot write no\/proofs\.jsonl/],
  ])("refuses %s", async (_, args, message) => {
    const { code, stderr } = await run(...args());
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it("refuses a model that certificates cannot be about before anything runs", async () => {
    const b = new Ops(emptyGraph("sigmoid"));
    const x = b.input({ name: "x", type: "float32", dims: ["N", 784] });
    const w = b.constant(tensor("float32", [784, 10], new Float32Array(7840).fill(0.01)));
    b.alias(
      "logits",
      b.matmul(b.add("Sigmoid", [b.matmul(x, w)]), b.constant(tensor("float32", [10, 10], new Float32Array(100)))),
    );
    const model = write("sigmoid.onnx", writeOnnx(b.finish(["logits"])));
    const { code, stderr } = await run("--model", model, "--limit", "2", "--certificates", "sigmoid.jsonl");
    expect(stderr).toMatch(/Sigmoid .*the checker of certificates does not know this operator/);
    expect(code).toBe(2);
  });
});

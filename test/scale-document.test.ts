import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { writeNpz } from "../src/datasets/npz.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { tensor } from "../src/tensor.ts";
import { perturb, scratch } from "./support/cli.ts";
import { blocks, ROOT, runPrograms } from "./support/documents.ts";
import { floats, numbers, smallNetwork } from "./support/models.ts";
import { redisNote, startRedis } from "./support/redis.ts";

const exec = promisify(execFile);
const example = (name: string): string => readFileSync(`${ROOT}docs/examples/${name}`, "utf8");
const note = redisNote();
const SAMPLES = 40;
const PARTS = 4;

const space = scratch();
afterAll(space.remove);

/** A machine with perturb, a model and data of its own. */
let runs = 0;
let cwd = "";
beforeEach(() => {
  cwd = join(space.path, String(runs++));
  mkdirSync(join(cwd, "bin"), { recursive: true });
  const program = `"${process.execPath}" "${ROOT}bin/perturb.js"`;
  writeFileSync(join(cwd, "bin", "perturb"), `#!/bin/sh\nexec ${program} "$@"\n`);
  writeFileSync(join(cwd, "bin", "npx"), `#!/bin/sh\nexec "$@"\n`);
  for (const name of ["perturb", "npx"]) chmodSync(join(cwd, "bin", name), 0o755);
  writeFileSync(join(cwd, "net.onnx"), writeOnnx(smallNetwork([1, 4, 4], 3)));
  const x = floats([SAMPLES, 1, 4, 4], numbers(SAMPLES * 16, 5, 0, 1));
  const y = tensor(
    "int32",
    [SAMPLES],
    Int32Array.from({ length: SAMPLES }, (_, i) => i % 3),
  );
  writeFileSync(join(cwd, "data.npz"), writeNpz({ x, y }));
});

/** Runs a script as a scheduler does. */
async function bash(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const PATH = `${join(cwd, "bin")}:${process.env.PATH}`;
  return (await exec("bash", ["-euc", script], { cwd, env: { ...process.env, ...env, PATH } })).stdout;
}

/** What one run gives, apart from times. */
async function expectWhole(folder: string): Promise<void> {
  const RUN = [
    "--model",
    "net.onnx",
    "--data",
    "data.npz",
    "--attack",
    "autoattack",
    "--eps",
    "8/255",
    "--batch",
    "10",
  ];
  const { code, stderr } = await perturb(["evaluate", ...RUN, "--out", "whole"], cwd);
  expect(code, stderr).toBe(0);
  for (const name of ["accuracy.csv", "accuracy.svg", "adversarial.npz"])
    expect(readFileSync(join(cwd, folder, name)).equals(readFileSync(join(cwd, "whole", name))), name).toBe(true);
}

describe.skipIf(process.platform === "win32")("docs/scale.md", () => {
  it.skipIf(note !== "")(`has a program that type checks and runs${note}`, { timeout: 60_000 }, async () => {
    const redis = await startRedis(space.path, "secret");
    const folder = new URL("../runs/scale/", import.meta.url);
    mkdirSync(folder, { recursive: true });
    process.env["QUEUE"] = redis.url;
    try {
      const outputs = await runPrograms(blocks(readFileSync(`${ROOT}docs/scale.md`, "utf8"), "ts"), folder);
      // Of the first 100 digits.
      expect(outputs).toEqual([expect.stringMatching(/^[89]\d$/)]);
    } finally {
      delete process.env["QUEUE"];
      rmSync(folder, { recursive: true });
      await redis.close();
    }
  });

  it("names each example", () => {
    const text = readFileSync(`${ROOT}docs/scale.md`, "utf8");
    for (const name of ["slurm.sh", "slurm-merge.sh", "kubernetes.yaml", "github-actions.yml"])
      expect(text).toContain(`(examples/${name})`);
    expect(blocks(text, "sh")).toEqual([]);
  });

  it("has an array of jobs for Slurm, of which one that was stopped goes on", { timeout: 60_000 }, async () => {
    const script = example("slurm.sh");
    expect(script).toContain(`#SBATCH --array=1-${PARTS}\n`);
    for (let part = 1; part <= PARTS; part++) {
      const env = { SLURM_ARRAY_TASK_ID: String(part), SLURM_ARRAY_TASK_COUNT: String(PARTS) };
      expect(await bash(script, env)).toContain(`Shard ${part}/4 is done: 10 samples`);
      if (part === 2) expect(await bash(script, env)).toContain("Shard 2/4 is done: 10 samples");
    }
    await bash(example("slurm-merge.sh"));
    await expectWhole("runs/net");
  });

  it("has an indexed job for Kubernetes", { timeout: 60_000 }, async () => {
    const text = example("kubernetes.yaml");
    expect(text).toContain("completionMode: Indexed");
    expect(text).toContain(`completions: ${PARTS}\n`);
    const [, script] = /^ +args:\n +- \|\n((?: {14}.*\n)+)/m.exec(text)!;
    for (let index = 0; index < PARTS; index++) {
      const env = { JOB_COMPLETION_INDEX: String(index), PARTS: String(PARTS) };
      expect(await bash(script!.replaceAll(/^ {14}/gm, ""), env)).toContain(`Shard ${index + 1}/4 is done`);
    }
    await bash("perturb merge runs/net-* --out merged");
    await expectWhole("merged");
  });

  it("has a matrix for GitHub Actions", { timeout: 60_000 }, async () => {
    const commands = [...example("github-actions.yml").matchAll(/^ +- run: (npx .*)$/gm)].map(([, line]) => line!);
    expect(commands).toHaveLength(2);
    for (let part = 1; part <= PARTS; part++)
      await bash(commands[0]!.replaceAll(/\$\{\{ matrix\.part \}\}/g, String(part)));
    await bash(commands[1]!);
    await expectWhole("runs/net");
  });
});

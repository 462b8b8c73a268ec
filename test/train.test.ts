import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { bundledModels } from "../src/models/bundled.ts";
import { readSafetensors } from "../src/models/formats/safetensors.ts";
import { readOnnx } from "../src/onnx/file.ts";
import { readTensor } from "../src/onnx/tensor-proto.ts";
import { TRAINING_FILES } from "../src/train/folder.node.ts";
import { listing, perturb, scratch, start, until } from "./support/cli.ts";

const { path: cwd, remove } = scratch();
afterAll(remove);

const SMALL = ["train", "--limit", "2000", "--validation", "200", "--epochs", "4", "--seed", "3"];
const contents = (out: string): string[] =>
  TRAINING_FILES.map((name) => readFileSync(join(cwd, out, name)).toString("base64"));

it("perturb train gives the same files again, also when it was stopped by Ctrl-C and resumed", async () => {
  const whole = await perturb([...SMALL, "--out", "whole"], cwd);
  expect(whole, whole.stderr).toMatchObject({ code: 0 });
  expect(whole.stdout).toMatch(/^epoch 1\/4: loss \d\.\d{4}, accuracy .* %, validation .* %\n/);
  expect(listing(join(cwd, "whole"))).toEqual([...TRAINING_FILES].sort());

  const { child, ended } = start([...SMALL, "--out", "parts"], cwd);
  await until(() => existsSync(join(cwd, "parts", "checkpoint.safetensors")));
  child.kill("SIGINT");
  const stopped = await ended;
  expect(stopped).toMatchObject({ code: 3, signal: null });
  expect(stopped.stderr).toContain("perturb train --resume parts");
  expect(listing(join(cwd, "parts"))).toEqual(["checkpoint.safetensors"]);
  expect(await perturb(["train", "--resume", "parts"], cwd)).toMatchObject({ code: 0 });
  expect(contents("parts")).toEqual(contents("whole"));
});

it("perturb train never overwrites a training, and resumes only with the options it began with", async () => {
  const again = await perturb([...SMALL, "--out", "whole"], cwd);
  expect(again).toMatchObject({ code: 2, stdout: "" });
  expect(again.stderr).toContain("--resume whole");
  expect(await perturb(["train", "--resume", "whole", "--lr", "1"], cwd)).toMatchObject({ code: 2, stdout: "" });
  expect(await perturb(["train", "--resume", "nowhere"], cwd)).toMatchObject({ code: 2, stdout: "" });
  expect(await perturb(["train", "--limit", "50", "--out", "none"], cwd)).toMatchObject({ code: 2, stdout: "" });
  expect(existsSync(join(cwd, "none"))).toBe(false);
});

it("perturb train --epochs 0 gives an untrained network, which perturb harden trains", async () => {
  const fresh = await perturb(["train", "--arch", "small", "--epochs", "0", "--out", "fresh"], cwd);
  expect(fresh, fresh.stderr).toMatchObject({ code: 0, stderr: "" });
  const weights = (path: string) => readOnnx(new Uint8Array(readFileSync(join(cwd, path)))).initializers;
  const first = readTensor(weights("fresh/model.onnx").get("conv1.weight")!);
  expect(first.dims).toEqual([16, 1, 4, 4]);
  // As torch draws them: uniform in ±1/√16.
  const largest = Math.max(...Array.from(first.data as Float32Array, Math.abs));
  expect(largest).toBeGreaterThan(0.24);
  expect(largest).toBeLessThanOrEqual(0.25);
  const hard = [
    "harden",
    "fresh/model.onnx",
    "--eps",
    "0.1",
    "--epochs",
    "1",
    "--limit",
    "1500",
    "--validation",
    "300",
  ];
  const hardened = await perturb([...hard, "--test-limit", "100", "--out", "hard"], cwd);
  expect(hardened, hardened.stderr).toMatchObject({ code: 0 });
  expect([...weights("hard/model.onnx").keys()]).toEqual([...weights("fresh/model.onnx").keys()]);
});

it("the bundled model and its weights are the same network", () => {
  const file = (name: string) => new Uint8Array(readFileSync(new URL(`../models/${name}`, import.meta.url)));
  const graph = readOnnx(file(bundledModels["lenet-mnist"].file));
  const weights = readSafetensors(file("lenet-mnist.safetensors"), "lenet-mnist.safetensors");
  for (const [name, { data }] of weights) expect(readTensor(graph.initializers.get(name)!).data).toEqual(data);
  expect(weights.size).toBe(8);
});

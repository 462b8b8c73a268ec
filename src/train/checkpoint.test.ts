import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, survives } from "../../test/support/datasets.ts";
import { lenet } from "../architectures/lenet.ts";
import { readSafetensors, writeSafetensors } from "../models/formats/safetensors.ts";
import { readOnnx } from "../onnx/file.ts";
import { readTensor } from "../onnx/tensor-proto.ts";
import { option } from "../option.ts";
import type { TrainState } from "../train.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { createTraining, openTraining, saveCheckpoint, saveResult, TRAINING_FILES } from "./folder.node.ts";
import { initializers } from "./initializers.ts";
import type { TrainSettings } from "./settings.ts";
import { initialVector } from "./vector.ts";

const settings: TrainSettings = {
  architecture: "lenet",
  data: "mnist",
  samples: 60_000,
  validation: 5000,
  initializer: "torch",
  optimizer: "adam",
  weightDecay: 0,
  rate: 0.002,
  schedule: "one-cycle",
  epochs: 10,
  batch: 64,
  seed: 0,
};
const score = { loss: 0.1 + 0.2, correct: 9, total: 10 };
const state: TrainState = {
  step: 17,
  vectors: {
    parameters: initialVector(lenet, 1, initializers.torch),
    mean: initialVector(lenet, 2, initializers.torch),
    square: initialVector(lenet, 3, initializers.torch),
  },
  score,
  history: [
    { epoch: 1, training: score, validation: null },
    { epoch: 2, training: score, validation: score },
  ],
};
const checkpoint = { settings, state };

describe("a checkpoint", () => {
  it("comes back to the last bit", () => {
    expect(readCheckpoint(writeCheckpoint(checkpoint), "c")).toEqual(checkpoint);
  });

  it("is a file that others read: each parameter under its name", () => {
    const tensors = readSafetensors(writeCheckpoint(checkpoint), "c");
    expect([...tensors.keys()].slice(0, 2)).toEqual(["parameters.conv1.weight", "parameters.conv1.bias"]);
    expect(tensors.get("square.fc1.weight")!.dims).toEqual([50, 320]);
  });

  it("of a version without a choice of first weights is one of torch's", () => {
    const { initializer, ...older } = settings;
    const bytes = writeCheckpoint({ ...checkpoint, settings: older as TrainSettings });
    expect(readCheckpoint(bytes, "c").settings).toEqual({ ...older, initializer });
  });

  it("must be one, with all its parts", async () => {
    const weights = new Map([["a", { type: "float32", dims: [1], data: Float32Array.of(1) } as const]]);
    await failure("invalid-file", () => readCheckpoint(writeSafetensors(weights), "weights"));
    const metadata = (change: object) => ({
      "perturb.training": JSON.stringify({ schema: 1, settings, step: 1, score, history: [], ...change }),
    });
    const missing = await failure("invalid-file", () => readCheckpoint(writeSafetensors(weights, metadata({})), "c"));
    expect(missing.message).toContain("parameters.conv1.weight");
    for (const change of [
      { step: -1 },
      { schema: 2 },
      { settings: { ...settings, architecture: "__proto__" } },
      { extra: 1 },
    ])
      await failure("invalid-file", () => readCheckpoint(writeSafetensors(weights, metadata(change)), "c"));
  });

  it("survives damage with an error of ours", async () => {
    const bytes = writeCheckpoint(checkpoint);
    await fc.assert(
      fc.asyncProperty(fc.nat(4000), fc.nat(255), (at, byte) =>
        survives(() => readCheckpoint(bytes.with(at, byte), "c")),
      ),
      { numRuns: 50 },
    );
    await failure("invalid-file", () => readCheckpoint(bytes.subarray(0, 5000), "c"));
  });
});

describe("the folder of a training", () => {
  let folder: string;
  beforeAll(async () => {
    folder = join(await mkdtemp(join(tmpdir(), "perturb-")), "run");
  });
  afterAll(() => rm(join(folder, ".."), { recursive: true }));

  it("is made, filled, and read again, with nothing else left in it", async () => {
    await createTraining(folder);
    await saveCheckpoint(folder, { settings, state: { ...state, step: 0 } });
    await saveCheckpoint(folder, checkpoint);
    await saveResult(folder, settings, state);
    expect(await openTraining(folder)).toEqual(checkpoint);
    expect((await readdir(folder)).sort()).toEqual([...TRAINING_FILES].sort());
    const graph = readOnnx(await readFile(join(folder, "model.onnx")));
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(graph.nodes.map(({ op }) => op)).toContain("LogSoftmax");
    const weights = readSafetensors(new Uint8Array(await readFile(join(folder, "model.safetensors"))), "model");
    expect(weights.get("conv2.bias")!.data).toEqual(readTensor(graph.initializers.get("conv2.bias")!).data);
    expect(JSON.parse(await readFile(join(folder, "history.json"), "utf8"))).toEqual({
      schema: 1,
      settings,
      epochs: state.history,
    });
  });

  it("is not overwritten", async () => {
    expect((await failure("usage", () => createTraining(folder))).message).toContain(option("resume", folder));
  });

  it("is missed where it is not", async () => {
    await failure("not-found", () => openTraining(join(folder, "elsewhere")));
    const file = join(folder, "..", "file");
    await writeFile(file, "");
    await failure("usage", () => createTraining(join(file, "below")));
  });
});

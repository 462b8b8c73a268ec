import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { linearGraph } from "../../../test/support/models.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { commandWords } from "../option-words.ts";
import { openSurrogate } from "./model.ts";
import { ownConfiguration, preprocessingGiven } from "./preprocessing.ts";

const CONFIGURATION = JSON.stringify({
  do_resize: false,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.25, 0.25, 0.25],
});

let folder: string;
let model: string;
const beside = (text: string, name = "preprocessor_config.json") => writeFileSync(join(folder, name), text);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "perturb-"));
  model = join(folder, "net.onnx");
});
afterEach(() => rmSync(folder, { recursive: true }));

it("follows a configuration beside the model, unless something is said of preprocessing", async () => {
  expect(await ownConfiguration(model, {})).toEqual({ notes: [] });
  beside(CONFIGURATION);
  const own = await ownConfiguration(model, {});
  expect(own.notes[0]?.message).toContain("--preprocess none");
  expect(await preprocessingGiven({ preprocess: own.path! })).toMatchObject({
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  });
  expect(await ownConfiguration(model, { preprocess: "none" })).toEqual({ notes: [] });
  expect(await preprocessingGiven({ preprocess: "none" })).toEqual({});
  for (const given of [{ mean: [0.5] }, { crop: 224 }]) {
    const { path, notes } = await ownConfiguration(model, given);
    expect(path).toBeUndefined();
    expect(notes[0]?.message).toContain(`is not followed, because steps are given one by one`);
  }
  for (const other of ["lenet-mnist", "http://localhost/v2/models/net"])
    expect(await ownConfiguration(other, {})).toEqual({ notes: [] });
});

it.each([
  ["what is no JSON", "{", "invalid-file"],
  ["an unknown step", JSON.stringify({ ...JSON.parse(CONFIGURATION), do_pad: true }), "unsupported"],
  ["what is neither of transformers nor of timm", '{"mean": [0.5], "std": [0.25]}', "unsupported"],
] as const)("refuses %s beside the model as where it is named, and says how to leave it out", async (_, text, code) => {
  beside(text);
  const named = await failure(code, () => preprocessingGiven({ preprocess: join(folder, "preprocessor_config.json") }));
  const { message } = await failure(code, () => ownConfiguration(model, {}));
  expect(message.startsWith(named.message)).toBe(true);
  expect(message).toMatch(/To leave it out: --preprocess none$/);
  expect((await ownConfiguration(model, { mean: [0.5] })).path).toBeUndefined();
});

it("says that a file of something else is not followed", async () => {
  beside('{"architectures": ["Net"]}');
  const { path, notes } = await ownConfiguration(model, {});
  expect(path).toBeUndefined();
  expect(notes[0]?.message).toContain("says nothing of how pictures are prepared");
});

it("takes missing fields from the kind of model in config.json, or from single options", async () => {
  beside(JSON.stringify({ do_resize: true, size: 32, do_normalize: false }));
  const { message } = await failure("unsupported", () => ownConfiguration(model, {}));
  expect(commandWords(message)).toContain(`(--resize). The file lies beside the model.`);
  const path = join(folder, "preprocessor_config.json");
  expect(await preprocessingGiven({ preprocess: path, interpolation: "nearest", resize: 32 })).toEqual({
    resize: 32,
    interpolation: "nearest",
  });
  beside('{"model_type": "vit"}', "config.json");
  expect((await ownConfiguration(model, {})).path).toBe(path);
  expect(await preprocessingGiven({ preprocess: path })).toEqual({ resize: [32, 32], interpolation: "bilinear" });
});

it("is also found above a folder of the name onnx", async () => {
  beside(CONFIGURATION);
  const own = await ownConfiguration(join(folder, "onnx", "model.onnx"), {});
  expect(own.path).toBe(join(folder, "preprocessor_config.json"));
  expect((await ownConfiguration(join(folder, "other", "model.onnx"), {})).path).toBeUndefined();
});

describe("a surrogate", () => {
  const opened = async (given: object, preprocess?: string) => {
    const all = { surrogate: join(folder, "surrogate", "net.onnx"), device: "cpu" as const, isolate: false, ...given };
    const surrogate = await openSurrogate(all, [1, 1, 2], undefined, preprocess);
    return surrogate?.file.normalization;
  };
  beforeEach(() => {
    mkdirSync(join(folder, "surrogate"));
    writeFileSync(
      join(folder, "surrogate", "net.onnx"),
      writeOnnx(linearGraph([1, 1, 2], Float32Array.of(1, 0, 0, 1), [0, 0])),
    );
    beside(CONFIGURATION.replaceAll("0.5,0.5,0.5", "0.5").replaceAll("0.25,0.25,0.25", "0.25"));
  });

  it("takes the configuration that the model follows", async () => {
    const path = join(folder, "preprocessor_config.json");
    expect(await opened({}, path)).toMatchObject({ mean: [0.5], std: [0.25] });
    expect(await opened({ surrogateMean: [0.125] }, path)).toMatchObject({ mean: [0.125] });
  });

  it("follows its own", async () => {
    const own = { do_resize: false, do_normalize: true, image_mean: [0.375], image_std: [0.125] };
    writeFileSync(join(folder, "surrogate", "preprocessor_config.json"), JSON.stringify(own));
    expect(await opened({}, join(folder, "preprocessor_config.json"))).toMatchObject({ mean: [0.375], std: [0.125] });
    expect(await opened({ mean: [0.25] })).toMatchObject({ mean: [0.25] });
  });
});
